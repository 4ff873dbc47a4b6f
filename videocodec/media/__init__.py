"""Pictures in and out: any input PyAV can decode as RGB frames, and the places decoded frames can
go.
"""

from __future__ import annotations

from .frame_sink import FrameSink
from .sinks import open_sink
from .source import SourceFrame, VideoSource

__all__ = ["FrameSink", "SourceFrame", "VideoSource", "open_sink"]
