"""The container: an MP4 file with the access units as a data track, and sound and subtitles copied
next to it.
"""

from __future__ import annotations

from .attached_model import AttachedModel
from .captions import Caption, caption_at, captions_box
from .clock import Clock, clock_of
from .labels import Chapter, Labels
from .model_files import check_attachable
from .reader import StreamReader
from .rehearsal import rehearse_copy
from .samples import Sample, UnitInfo
from .shared_file import FileSource, SharedFile
from .tracks import CopySource, TrackCopier
from .unfinished import Unfinished, through_links
from .writer import StreamWriter, movie_timescale

__all__ = [
    "AttachedModel",
    "Caption",
    "Chapter",
    "Clock",
    "CopySource",
    "FileSource",
    "Labels",
    "Sample",
    "SharedFile",
    "StreamReader",
    "StreamWriter",
    "TrackCopier",
    "Unfinished",
    "UnitInfo",
    "caption_at",
    "captions_box",
    "check_attachable",
    "clock_of",
    "movie_timescale",
    "rehearse_copy",
    "through_links",
]
