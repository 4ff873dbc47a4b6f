"""Motion compensation of latents by phase filters: a 5×5 linear map of all channels for each of the 8×8 pixel phases.

A motion vector (dy, dx) is in pixels.  Its whole part in latents, floor(v / 8), picks the neighbourhood, the remainder
the filter; phase (0, 0) is a plain copy.  Integers in float64 stay below 2^53 (16-bit latents × 16-bit weights × at
most 1600 terms < 2^41), so the BLAS product is exact in any order.
"""

from __future__ import annotations

import numpy as np

from .quantiser import clamp_latents
from .tables import FILTER_BITS, FILTER_TAPS, PHASES

VECTOR_LIMIT = 512  # px, either component of a motion vector
_REACH = FILTER_TAPS // 2


class ReferenceFrame:
    """One reconstructed frame to predict from: latents (C, h, w) int32 in latent units."""

    def __init__(self, latents: np.ndarray) -> None:
        self.latents = latents
        channels, self.height, self.width = latents.shape
        # Position-major, so that one position's channels are gathered as one contiguous row.
        self._rows = np.ascontiguousarray(latents.reshape(channels, -1).T, dtype=np.float64)

    def predict(self, filters: np.ndarray, rows: np.ndarray, columns: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Predict n positions: rows, columns (n,) int, vectors (n, 2) px as (dy, dx) → (n, C) int32.

        Positions outside the frame repeat its edge.  ``filters`` as in ``CodecTables.phase_filters``.
        """
        whole, phase = np.divmod(vectors, PHASES)
        source_rows, source_columns = rows + whole[:, 0], columns + whole[:, 1]
        phase_index = phase[:, 0] * PHASES + phase[:, 1]
        out = np.empty((len(rows), self._rows.shape[1]), dtype=np.int32)
        for index in np.unique(phase_index).tolist():
            chosen = np.flatnonzero(phase_index == index)
            y, x = source_rows[chosen], source_columns[chosen]
            if index == 0:
                flat = np.clip(y, 0, self.height - 1) * self.width + np.clip(x, 0, self.width - 1)
                out[chosen] = self._rows[flat]
            else:
                out[chosen] = self._filter(filters[index // PHASES, index % PHASES], y, x)
        return out

    def _filter(self, weights: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        offsets = np.arange(-_REACH, _REACH + 1)
        tap_rows = np.clip(y[:, None] + offsets, 0, self.height - 1) * self.width
        tap_columns = np.clip(x[:, None] + offsets, 0, self.width - 1)
        taps = (tap_rows[:, :, None] + tap_columns[:, None, :]).reshape(len(y), -1)
        sums = self._rows[taps].reshape(len(y), -1) @ weights
        return clamp_latents(np.floor((sums + (1 << (FILTER_BITS - 1))) * 2.0**-FILTER_BITS))


def average(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a + b + 1) >> 1, the prediction from two references."""
    return (a.astype(np.int64) + b + 1 >> 1).astype(np.int32)
