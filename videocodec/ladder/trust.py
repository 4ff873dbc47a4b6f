"""Whether what is to be scored can be: frames that lie beside the wrong ones give figures of
nothing, and so does a metric that does not find a clip equal to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import ComparisonError, ProgramError
from .clips import Clip
from .metrics import Figure
from .metrics.base import Series

CHECK_VERSION = 1  # to be raised when decoded clips are checked otherwise than before
_REACH = 3  # frames on either side among which the source of a decoded frame is looked for
_SHRUNK = 4  # px a side that are averaged first
_AT_LEAST = 0.75  # of the way to another source frame: so far, and the frame lies there
_AGREEING = 0.9  # the share of frames of which that has to be so
_STILL = 0.02  # squared grey levels: less change between source frames is none
_FEWEST = 4  # frames that a verdict needs


def check_times(seconds: Sequence[float | None], clip: Clip) -> None:
    """Refuse decoded frames that are too many, too few or shown at other times than the source's.

    seconds: of every decoded frame in display order, None where the file says nothing.
    Raises ``ProgramError``.
    """
    if len(seconds) != clip.frames:
        raise ProgramError(f"{len(seconds)} frames came back instead of {clip.frames}")
    rate = Fraction(clip.rate)
    for index, shown in enumerate(seconds):
        if shown is None:
            raise ProgramError(f"misaligned: frame {index} has no time")
        if abs(shown - index / rate) * rate > 0.5:
            raise ProgramError(
                f"misaligned: frame {index} is shown at {float(shown):.4f} s instead of"
                f" {float(index / rate):.4f} s"
            )


def check_alignment(
    reference: npt.NDArray[np.uint8], distorted: npt.NDArray[np.uint8], clip: Clip
) -> None:
    """Refuse a decoded clip whose frames, all of them or one half, are those of another time.

    reference, distorted: (frames, H * 3 / 2, W), planar 4:2:0.  What a decoded frame has beyond its
    source must be three quarters of what another source frame has beyond it, at the same distance
    in nine frames of ten: coding errors point elsewhere, and a coder that repeats pictures to save
    bytes is right at its keyframes.  Raises ``ProgramError``.
    """
    errors, changes = _distances(reference, distorted, clip.height)
    frames = len(reference)
    for name, part in {
        "": slice(None),
        " in the second half": slice(frames // 2, None),
        " in the first half": slice(0, frames // 2),
    }.items():
        if (offset := _offset(errors[part], changes[part])) != 0:
            late = "later" if offset < 0 else "earlier"
            count = f"{abs(offset)} frame{'s' * (abs(offset) > 1)}"
            raise ProgramError(
                f"misaligned: pictures come {count} {late} than in the source{name}; not scored"
            )


def _distances(
    reference: npt.NDArray[np.uint8], distorted: npt.NDArray[np.uint8], height: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean squared differences of shrunk luma, each (frames, 2 * reach + 1): of a decoded frame,
    and of the source frame in its place, from the source frames around; NaN where there is none.
    """
    sources, decoded = (
        [_shrunk(planes[:height]) for planes in frames] for frames in (reference, distorted)
    )
    errors = np.full((len(decoded), 2 * _REACH + 1), np.nan)
    changes = errors.copy()
    for index in range(len(decoded)):
        for place in range(2 * _REACH + 1):
            if 0 <= (other := index + place - _REACH) < len(sources):
                errors[index, place] = np.mean((decoded[index] - sources[other]) ** 2)
                changes[index, place] = np.mean((sources[index] - sources[other]) ** 2)
    return errors, changes


def _shrunk(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    height, width = luma.shape
    size = max(1, width // _SHRUNK), max(1, height // _SHRUNK)
    return cv2.resize(np.ascontiguousarray(luma), size, interpolation=cv2.INTER_AREA).astype("f4")


def _offset(errors: npt.NDArray[np.float64], changes: npt.NDArray[np.float64]) -> int:
    """How many frames later in the source the decoded frames lie; 0 where they are in place."""
    best, offset = np.inf, 0
    for place in range(2 * _REACH + 1):
        # Frames of a still scene cannot be told from their neighbours.
        telling = np.nan_to_num(changes[:, place]) > _STILL
        if telling.sum() < _FEWEST:
            continue
        gain = (errors[telling, _REACH] - errors[telling, place]) / changes[telling, place]
        shares = (1 + gain) / 2  # of the way from its place to the other, by the law of cosines
        error = float(np.nanmean(errors[:, place]))
        if np.mean(shares > _AT_LEAST) >= _AGREEING and error < best:
            best, offset = error, place - _REACH
    return offset


def check_self_score(figures: Sequence[Figure], series: Series, clip: Clip) -> None:
    """Stop at a metric that finds a clip other than itself.

    series: what it gave for the clip against its own frames.  Raises ``ComparisonError``.
    """
    for figure in figures:
        measured = [value for value in series[figure.name] if value is not None]
        worst = max(measured, key=lambda value: abs(value - figure.perfect), default=None)
        if worst is None or not abs(worst - figure.perfect) <= figure.leeway:
            raise ComparisonError(
                f"{figure.label} of {clip.name} against itself is {worst}, and"
                f" {figure.perfect:g} would be perfect: nothing was scored"
            )
