"""Fit phase filters by least squares: encode a picture, encode it again moved by (dy, dx) pixels,
regress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from bitstream.v1.tables import FILTER_BITS, FILTER_TAPS, PHASES

_REACH = FILTER_TAPS // 2


@dataclass(frozen=True)
class _NormalEquations:
    """What least squares needs of some pictures.

    gram (25·C, 25·C): products of taps.  cross (8, 8, 25·C, C): of taps and what they should give
    at every phase.  power (8, 8): squares of the latter.  count: positions.
    """

    gram: npt.NDArray[np.float64]
    cross: npt.NDArray[np.float64]
    power: npt.NDArray[np.float64]
    count: int

    def __add__(self, other: _NormalEquations) -> _NormalEquations:
        return _NormalEquations(
            self.gram + other.gram,
            self.cross + other.cross,
            self.power + other.power,
            self.count + other.count,
        )


def _normal_equations(
    encode: Callable[[np.ndarray], np.ndarray], picture: np.ndarray
) -> _NormalEquations:
    height, width = ((side - PHASES) // 8 * 8 for side in picture.shape[:2])
    reference = encode(np.ascontiguousarray(picture[:height, :width]))
    channels, h, w = reference.shape
    windows = np.lib.stride_tricks.sliding_window_view(
        reference, (FILTER_TAPS, FILTER_TAPS), axis=(1, 2)
    )
    taps = (
        windows.transpose(1, 2, 3, 4, 0)
        .reshape((h - 2 * _REACH) * (w - 2 * _REACH), -1)
        .astype(np.float64)
    )
    cross = np.zeros((PHASES, PHASES, taps.shape[1], channels))
    power = np.zeros((PHASES, PHASES))
    for dy in range(PHASES):
        for dx in range(PHASES):
            moved = encode(np.ascontiguousarray(picture[dy : dy + height, dx : dx + width]))
            target = (
                moved[:, _REACH : h - _REACH, _REACH : w - _REACH]
                .reshape(channels, -1)
                .T.astype(np.float64)
            )
            cross[dy, dx] = taps.T @ target
            power[dy, dx] = (target**2).sum()
    return _NormalEquations(taps.T @ taps, cross, power, len(taps))


def fit_phase_filters(
    encode: Callable[[np.ndarray], np.ndarray], pictures: list[np.ndarray], noise: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Filters (8, 8, 25·C, C) as float64 holding int16 values, and the mean squared error of every
    phase (8, 8).

    ``encode`` maps (H, W, 3) uint8 pictures with sides that are multiples of 8 to scaled latents
    (C, H/8, W/8); ``pictures`` have sides of at least 72 px.  ``noise`` is the variance the
    references' quantisation adds; it is put on the diagonal of the normal equations, which makes
    the filters Wiener filters for decoded references.
    """
    if not pictures:
        raise ValueError("no pictures to fit phase filters on")
    equations = reduce(add, (_normal_equations(encode, picture) for picture in pictures))
    gram, cross, count = equations.gram, equations.cross, equations.count
    solved = np.linalg.solve(
        gram + noise * count * np.eye(len(gram)), cross.transpose(2, 0, 1, 3).reshape(len(gram), -1)
    )
    filters = solved.reshape(len(gram), PHASES, PHASES, -1).transpose(1, 2, 0, 3)
    fixed = np.clip(np.rint(filters * (1 << FILTER_BITS)), -32768, 32767)
    # The quadratic form of the exact normal equations gives the error without another pass over the
    # pictures.
    used = fixed / (1 << FILTER_BITS)
    explained = 2 * np.einsum("abij,abij->ab", used, cross) - np.einsum(
        "abij,ik,abkj->ab", used, gram, used, optimize=True
    )
    return fixed, (equations.power - explained) / (count * filters.shape[-1])
