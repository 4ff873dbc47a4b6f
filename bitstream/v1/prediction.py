"""Motion compensation of latents by phase filters: a 5×5 linear map of all channels for each of the
8×8 pixel phases.

A motion vector (dy, dx) is in pixels.  Its whole part in latents, floor(v / 8), picks the
neighbourhood, the remainder the filter; phase (0, 0) is a plain copy.  Integers in float64 stay
below 2^53 (16-bit latents × 16-bit weights × at most 1600 terms < 2^41), so the BLAS product is
exact in any order.
"""

from __future__ import annotations

from math import ldexp
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from .quantiser import clamp_latents
from .tables import FILTER_BITS, FILTER_TAPS, PHASES

VECTOR_LIMIT = 512  # px, either component of a motion vector
_REACH = FILTER_TAPS // 2
_MARGIN = 2 * _REACH
POSITIONS_AT_ONCE = 1 << 13  # bounds the memory of gathered neighbourhoods


class MotionTables(Protocol):
    """What motion compensation needs of a model's tables, whatever else they hold."""

    @property
    def latent_channels(self) -> int:
        """C."""

    @property
    def phase_filters(self) -> np.ndarray:
        """(8, 8, 25·C, C) float64 holding int16 values with FILTER_BITS fraction bits."""


class ReferenceFrame:
    """One reconstructed frame to predict from: latents (C, h, w) int32 in latent units."""

    def __init__(self, latents: np.ndarray) -> None:
        self.latents = latents
        channels, self.height, self.width = latents.shape
        # Position-major, with edges repeated: the taps of one row of a neighbourhood lie together,
        # and overlapping views of the frame have all of them, for positions up to _REACH outside.
        self._pitch = self.width + 2 * _MARGIN
        padded = np.empty((self.height + 2 * _MARGIN, self._pitch, channels))
        rows, columns = slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN)
        padded[rows, columns] = latents.transpose(1, 2, 0)
        padded[rows, :_MARGIN], padded[rows, -_MARGIN:] = (
            padded[rows, _MARGIN, None],
            padded[rows, -_MARGIN - 1, None],
        )
        padded[:_MARGIN], padded[-_MARGIN:] = padded[_MARGIN], padded[-_MARGIN - 1]
        self._rows = padded.reshape(-1, channels)
        spans = len(self._rows) - FILTER_TAPS + 1, FILTER_TAPS * channels
        self._spans = as_strided(
            padded, spans, (channels * padded.itemsize, padded.itemsize), writeable=False
        )

    def __reduce__(self) -> tuple[type[ReferenceFrame], tuple[np.ndarray]]:
        """Pickled as its latents: the rest are views of a padded copy of them."""
        return ReferenceFrame, (self.latents,)

    def predict(
        self, filters: np.ndarray, rows: np.ndarray, columns: np.ndarray, vectors: np.ndarray
    ) -> np.ndarray:
        """Predict n positions: rows, columns (n,) int, vectors (n, 2) px as (dy, dx) → (n, C)
        int32.

        Positions outside the frame repeat its edge.  ``filters`` as in
        ``CodecTables.phase_filters``.
        """
        latents, phase = vectors >> 3, vectors & (PHASES - 1)
        # Further out all taps are those at the edge.
        y = _limit(rows + latents[:, 0], -_REACH, self.height - 1 + _REACH) + _MARGIN
        places = (
            y * self._pitch
            + _limit(columns + latents[:, 1], -_REACH, self.width - 1 + _REACH)
            + _MARGIN
        )
        phase_index = phase[:, 0] * PHASES + phase[:, 1]
        order = phase_index.argsort(kind="stable")
        copies = int(np.count_nonzero(phase_index == 0))
        out = np.empty((len(rows), self._rows.shape[1]), dtype=np.int32)
        copied, filtered = order[:copies], order[copies:]
        out[copied] = self._rows[places[copied]]
        if len(filtered):
            out[filtered] = self._filter(filters, phase_index[filtered], places[filtered])
        return out

    def _filter(self, filters: np.ndarray, phases: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Positions sorted by phase, gathered at once and multiplied phase by phase."""
        first_taps = places[:, None] + (np.arange(-_REACH, _REACH + 1) * self._pitch - _REACH)
        sums = np.empty((len(places), self._rows.shape[1]))
        starts = np.flatnonzero(phases[1:] != phases[:-1]) + 1
        for first, last in zip([0, *starts.tolist()], [*starts.tolist(), len(places)], strict=True):
            py, px = divmod(int(phases[first]), PHASES)
            for start in range(first, last, POSITIONS_AT_ONCE):
                part = slice(start, min(last, start + POSITIONS_AT_ONCE))
                np.matmul(
                    self._spans[first_taps[part]].reshape(part.stop - start, -1),
                    filters[py, px],
                    out=sums[part],
                )
        return clamp_latents(np.floor((sums + (1 << (FILTER_BITS - 1))) * ldexp(1, -FILTER_BITS)))


def _limit(values: npt.NDArray[np.int64], low: int, high: int) -> npt.NDArray[np.int64]:
    """np.clip, which takes ten times as long on small arrays."""
    limited: npt.NDArray[np.int64] = np.minimum(np.maximum(values, low), high)
    return limited


def average(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """(a + b + 1) >> 1, the prediction from two references."""
    return (a.astype(np.int64) + b + 1 >> 1).astype(np.int32)
