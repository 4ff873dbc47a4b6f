"""Pictures in and out: any input PyAV can decode as RGB frames, and the places decoded frames can
go.
"""

from __future__ import annotations

from videocodec.media.frame_sink import FrameSink
from videocodec.media.sinks import open_sink
from videocodec.media.source import SourceFrame, VideoSource

__all__ = ["FrameSink", "SourceFrame", "VideoSource", "open_sink"]
