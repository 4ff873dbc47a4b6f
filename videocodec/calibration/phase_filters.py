"""Fit phase filters by least squares: encode a picture, encode it again moved by (dy, dx) pixels,
regress.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitstream.v1.tables import FILTER_BITS, FILTER_TAPS, PHASES

_REACH = FILTER_TAPS // 2


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
    gram, cross, power, count = 0.0, None, None, 0
    for picture in pictures:
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
        gram = gram + taps.T @ taps
        if cross is None:
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
                cross[dy, dx] += taps.T @ target
                power[dy, dx] += (target**2).sum()
        count += len(taps)
    if cross is None:
        raise ValueError("no pictures to fit phase filters on")
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
    return fixed, (power - explained) / (count * filters.shape[-1])
