"""An ordinary video file as the page wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from bitstream.container.tracks import describe as describe_track

from ..errors import InputError
from ..media.opening import open_container
from ..media.source import VideoSource
from .description import packed
from .frame_table import FrameTable
from .played import Picture, PlayedFile, Settings, encode_png
from .video_frames import VideoFrames

UNKNOWN = "unknown"  # where parts of an ordinary video come from
_CELL = 8  # px, as in maps of latent video


class PlayedVideo(PlayedFile):
    """One video file that PyAV decodes, for one player.

    Its maps say nothing: such a file has no provenance, so all of it is ``UNKNOWN``.  Raises
    ``InputError`` as ``VideoSource`` does.
    """

    def __init__(self, path: str | Path, settings: Settings) -> None:
        self.frames = VideoFrames(path)
        source = self.frames.source
        self._tracks, audio_tracks = _tracks(Path(path))
        super().__init__(
            path,
            source.width,
            source.height,
            self.frames.times,
            settings,
            has_sound=audio_tracks > 0,
            start=min(Fraction(0), self.frames.table.pts[0] * self.frames.table.time_base),
        )

    def close(self) -> None:
        """Close the file."""
        self.frames.close()

    def describe(self) -> dict[str, object]:
        """The file, for the page: everything that is known without decoding."""
        return _describe(self.frames.source, self.frames.table, self._tracks) | self.facts()

    def rgb(self, index: int, settings: Settings, *, by_the_way: bool = False) -> Picture:
        """A decoded picture (H, W, 3) uint8 RGB; there is nothing that settings would change."""
        return self.frames.rgb(index)

    def png(self, index: int, settings: Settings) -> bytes:
        """A frame as a PNG file."""
        return encode_png(self.rgb(index, settings), self.path, index)

    def details(self, index: int) -> dict[str, object]:
        """Kind and bytes of a frame, and provenance of which nothing is known.

        ``provenance``: uint8 of every 8×8 px, on ``covering`` rows and columns.
        """
        table = self.frames.table
        covering = (-(-self.height // _CELL), -(-self.width // _CELL))
        return {
            "index": index,
            "kind": "keyframe" if table.keyframes[index] else "inter",
            "bytes": table.sizes[index],
            "references": [],
            "covering": list(covering),
            "provenance": packed(np.zeros(covering, np.uint8), "u1"),
        }

    def bits(self, index: int) -> None:
        """None: the file does not tell."""
        return None

    def weigh(self) -> Sequence[Callable[[], None]]:
        """Nothing: ``describe`` has the bytes of every frame."""
        return ()


def _describe(source: VideoSource, table: FrameTable, tracks: tuple[str, ...]) -> dict[str, object]:
    """As ``description.describe_stream``, and ``sizes``: bytes of every frame."""
    seconds = float(sum(table.durations) * table.time_base)
    aspect = source.sample_aspect_ratio
    return {
        "ordinary": True,
        "between": False,
        "codec": source.codec_name,
        "width": source.width,
        "height": source.height,
        "rotation": source.rotation,
        "pixel_aspect": float(aspect) if aspect else 1.0,
        "frames": len(table),
        "frame_rate": float(source.frame_rate or len(table) / seconds),
        "times": [float(pts * table.time_base) for pts in table.pts],
        "durations": [float(ticks * table.time_base) for ticks in table.durations],
        "length_seconds": seconds,
        "units": list(_units(table)),
        "sizes": list(table.sizes),
        "video_bytes": sum(table.sizes),
        "generated_content": False,
        "has_unet": False,
        "has_post_filter": False,
        "tracks": list(tracks),
        "overlays": ["provenance"],
        "mode_names": [],
        "provenance_names": [UNKNOWN],
        "steps": [],
    }


def _units(table: FrameTable) -> Iterator[dict[str, object]]:
    """A keyframe, and what follows it up to the next, as units of the timeline."""
    starts = [0]
    for frame in range(1, len(table)):
        if table.keyframes[frame] or table.keyframes[frame - 1]:
            starts.append(frame)
    for number, (first, stop) in enumerate(zip(starts, [*starts[1:], len(table)], strict=True)):
        yield {
            "number": number,
            "first": first,
            "count": stop - first,
            "bytes": sum(table.sizes[first:stop]),
            "keyframe": bool(table.keyframes[first]),
            "damaged": None,
        }


def _tracks(path: Path) -> tuple[tuple[str, ...], int]:
    """A line on each track that is not video, sound first, and how many are sound."""
    container = open_container(path)
    try:
        sound = list(container.streams.audio)
        others = [stream for stream in container.streams.subtitles]
        lines = tuple(describe_track(stream) for stream in [*sound, *others])
        return lines, len(sound)
    finally:
        container.close()


def has_ordinary_video(path: str | Path) -> bool:
    """Whether a file has a video track of the kind that every player shows."""
    try:
        container = open_container(Path(path))
    except InputError:
        return False
    try:
        return bool(container.streams.video)
    finally:
        container.close()
