"""Measures of single frames that take long, by the ladder's code: SSIMULACRA2 and VMAF."""

from __future__ import annotations

import tempfile
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import ColourDescription

from ..errors import InputError
from ..ladder.clips import Clip
from ..ladder.metrics import Metric, Pair
from ..ladder.metrics.ssimulacra2 import Ssimulacra2Metric
from ..ladder.metrics.vmaf import Vmaf
from ..media.colour import YuvWriter, stored_as
from .played import PlayedFile

# and how many frames on either side it looks at: VMAF's motion is of a frame against its neighbours
_METRICS: dict[str, tuple[type[Metric], int]] = {
    "ssimulacra2": (Ssimulacra2Metric, 0),
    "vmaf": (Vmaf, 1),
}
MEASURES = tuple(_METRICS)
_UNSPECIFIED = ColourDescription(2, 2, 2, False)


class Measures:
    """Measures of the frames of one file against their originals, each worked out once.

    As in a ladder both pictures become 8-bit 4:2:0 first, here from RGB, by the matrix that a
    source of that height without tags has.  The decoded frames are those of the settings that the
    player began with.  Thread safe.
    """

    def __init__(self, file: PlayedFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], float | None] = {}

    def of(self, name: str, index: int) -> float | None:
        """A measure, one of ``MEASURES``, of a frame; None where it has no original.

        Raises ``InputError`` with the reason where it cannot be measured here, and what the file
        and the ffmpeg program raise.
        """
        with self._lock:
            if (name, index) not in self._known:
                self._known[name, index] = self._measure(name, index)
            return self._known[name, index]

    def _measure(self, name: str, index: int) -> float | None:
        kind, reach = _METRICS[name]
        file, metric = self._file, kind({})
        if file.original is None or file.original.number(index) is None:
            return None
        first = max(0, index - reach)
        frames = [
            frame
            for frame in range(first, min(file.frame_count, index + reach + 1))
            if file.original.number(frame) is not None
        ]
        clip = clip_of(file, len(frames))
        if (reason := metric.missing(clip)) is not None:
            raise InputError(f"no {metric.figures[0].label}: {reason}")
        write = YuvWriter(clip.colour, "yuv420p")
        both = [
            _planes(write, clip, pictures)
            for pictures in zip(*map(self._pair, frames), strict=True)
        ]
        with tempfile.TemporaryDirectory(prefix="videocodec-play-") as folder:
            paths = [Path(folder) / name for name in ("reference.yuv", "distorted.yuv")]
            for path, planes in zip(paths, both, strict=True):
                path.write_bytes(planes.tobytes())
            series = metric.measure(Pair(clip, both[0], both[1], paths[0], paths[1]))
        return series[name][frames.index(index)]

    def _pair(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        original = self._file.original_rgb(index)
        assert original is not None  # its number is known
        return original, self._file.rgb(index, self._file.settings, by_the_way=True)


def clip_of(file: PlayedFile, frames: int) -> Clip:
    """What the ladder's metrics want to know of pictures."""
    colour = stored_as(_UNSPECIFIED, file.height)
    span = file.times[-1] - file.times[0]
    rate = (file.frame_count - 1) / span if span > 0 else 25
    return Clip(
        file.path.name,
        str(file.path),
        "",
        "",
        file.width - file.width % 2,
        file.height - file.height % 2,
        frames,
        str(Fraction(rate).limit_denominator(1000)),
        colour.primaries,
        colour.transfer,
        colour.matrix,
        bool(colour.full_range),
    )


def _planes(
    write: YuvWriter, clip: Clip, pictures: tuple[npt.NDArray[np.uint8], ...]
) -> npt.NDArray[np.uint8]:
    """(frames, H * 3 / 2, W) uint8; of odd sides the last row or column is left out, as there."""
    return np.stack(
        [write(picture[: clip.height, : clip.width]).to_ndarray() for picture in pictures]
    )
