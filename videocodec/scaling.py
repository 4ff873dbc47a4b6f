"""Pictures coded smaller than they are shown: the sizes, the way down and the way up.  No torch.

Down, every pixel is a sum with the weights of a Lanczos window as wide as the scale asks for; up,
of a bicubic one.  Both are the same on every machine.  docs/scaling.md has the measurements.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from .errors import SettingsError

SCALES = (1.0, 0.75, 0.5)
DECODING_SCALES = (1, 2)  # that pictures can be shown at, times the size of the file
Auto = Literal["auto"]
AUTO: Auto = "auto"
_LOBES = 3  # of the window on the way down
_WEIGHT_BITS = 10  # on the way up: sums of both directions stay below 2^31
_ROWS_AT_ONCE = 32  # which a core's cache holds
_Indices = npt.NDArray[np.int32]

Size = tuple[int, int]  # width and height, px
RgbArray = npt.NDArray[np.uint8]


def check_scale(scale: float | str) -> None:
    """Raise ``SettingsError`` unless it is one of ``SCALES``."""
    if scale not in SCALES:
        names = ", ".join(f"{each:g}" for each in SCALES)
        raise SettingsError(f"scale must be auto or one of {names}, got {scale!r}")


def check_decoding_scale(scale: int) -> None:
    """Raise ``SettingsError`` unless it is one of ``DECODING_SCALES``."""
    if isinstance(scale, bool) or scale not in DECODING_SCALES:
        names = " or ".join(f"{each}" for each in DECODING_SCALES)
        raise SettingsError(f"scale must be {names} when decoding, got {scale!r}")


def scale_of(value: float | str) -> float | Auto:
    """A number or text as a scale.  Raises ``SettingsError``."""
    if value == AUTO:
        return AUTO
    try:
        scale = float(value)
    except ValueError:
        scale = math.nan
    check_scale(scale if scale in SCALES else value)
    return scale


def coded_size(full: Size, scale: float) -> Size:
    """What pictures of a size are coded at: each side times the scale, to the nearest pixel."""
    width, height = (max(1, math.floor(side * scale + 0.5)) for side in full)
    return width, height


def is_for_twice(coded: Size, shown: Size) -> bool:
    """Whether pictures are shown so much larger than coded that a network for twice the size has
    something to add: once and a half the width and height, or more.
    """
    return all(2 * large >= 3 * small for small, large in zip(coded, shown, strict=True))


def shrunk(rgb: RgbArray, size: Size) -> RgbArray:
    """A picture (H, W, 3) uint8 at a smaller size (width, height), the same on every machine."""
    width, height = size
    if rgb.shape[:2] == (height, width):
        return rgb
    rows = _resampled(rgb.astype(np.float32), height)
    columns = _resampled(rows.transpose(1, 0, 2), width).transpose(1, 0, 2)
    return np.ascontiguousarray(np.clip(np.rint(columns), 0, 255).astype(np.uint8))


def magnified(rgb: RgbArray, size: Size) -> RgbArray:
    """A picture (H, W, 3) uint8 at a larger size (width, height), the same on every machine."""
    width, height = size
    if rgb.shape[:2] == (height, width):
        return rgb
    rows, columns = _between(rgb.shape[0], height), _between(rgb.shape[1], width)
    grown = np.empty((height, width, 3), np.uint8)
    for first in range(0, height, _ROWS_AT_ONCE):
        band = slice(first, first + _ROWS_AT_ONCE)
        down = np.zeros((len(rows[0][0][band]), *rgb.shape[1:]), np.int32)
        for places, weights in rows:
            down += weights[band, None, None] * rgb[places[band]]
        both = np.full((len(down), width, 3), 1 << (2 * _WEIGHT_BITS - 1), np.int32)
        for places, weights in columns:
            both += weights[:, None] * down[:, places]
        grown[band] = np.clip(both >> 2 * _WEIGHT_BITS, 0, 255)
    return grown


@lru_cache(maxsize=8)
def _between(count: int, wanted: int) -> tuple[tuple[_Indices, _Indices], ...]:
    """For each of four taps: of ``wanted`` samples evenly over ``count``, the place of the one that
    is taken, and its weight in 2^-10, together 2^10 (Keys 1981, with -3/4 as OpenCV has it).
    """
    spacing, sharpness = Fraction(count, wanted), Fraction(-3, 4)
    places, weights = (np.empty((4, wanted), np.int32) for _ in range(2))
    for index in range(wanted):
        centre = (index + Fraction(1, 2)) * spacing - Fraction(1, 2)
        past = centre - math.floor(centre)
        outer = [sharpness * x * (x - 1) ** 2 for x in (past, 1 - past)]
        inner = [((sharpness + 2) * x - (sharpness + 3)) * x * x + 1 for x in (past, 1 - past)]
        found = [round(part * 2**_WEIGHT_BITS) for part in (outer[0], *inner, outer[1])]
        found[1 + (past > Fraction(1, 2))] += 2**_WEIGHT_BITS - sum(found)
        weights[:, index] = found
        places[:, index] = math.floor(centre) + np.arange(-1, 3)
    return tuple(zip(np.clip(places, 0, count - 1), weights, strict=True))


def magnified_map(
    values: npt.NDArray[np.uint8], cell: int, coded: Size, full: Size
) -> npt.NDArray[np.uint8]:
    """A map with a value for every square of ``cell`` px of a coded picture, as one for every
    square of ``cell`` px of the full one: of the square in the coded picture that its middle is in.
    """
    if coded == full:
        return values
    places = []
    for side, part, count in zip(full[::-1], coded[::-1], values.shape, strict=True):
        starts = np.arange(0, side, cell)
        middles = (starts + np.minimum(starts + cell, side)) / 2 * (part / side)
        places.append(np.minimum(middles // cell, count - 1).astype(np.int64))
    return np.ascontiguousarray(values[np.ix_(*places)])


def _resampled(planes: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Rows (n, ...) → ``count`` of them, each a weighted sum of those around it."""
    spacing = len(planes) / count
    centres = (np.arange(count) + 0.5) * spacing - 0.5
    reach = math.ceil(_LOBES * spacing)
    first = np.floor(centres).astype(np.int64) - reach + 1
    taps = range(2 * reach)
    distances = [(first + tap - centres) / spacing for tap in taps]
    weights = np.array([np.sinc(x) * np.sinc(x / _LOBES) * (np.abs(x) < _LOBES) for x in distances])
    # to so few bits that every machine's sine gives the same ones
    weights = (np.rint(weights / weights.sum(0) * 2**14) / 2**14).astype(np.float32)
    total = np.zeros((count, *planes.shape[1:]), np.float32)
    shape = (count,) + (1,) * (planes.ndim - 1)
    for tap in taps:
        places = np.clip(first + tap, 0, len(planes) - 1)
        total += weights[tap].reshape(shape) * planes[places]
    return total
