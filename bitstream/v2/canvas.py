"""The values of a frame while it is being coded, as the context networks see them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .context_network import INPUT_LIMIT, SIZES
from .difference_taps import FURTHEST, NEXT, Taps, earlier_taps, own_taps
from .scan import ScanPass

# Positions that a pass sees in any direction: its stride is 8, or 4 where it sees differences.
LARGEST_REACH = max(8, FURTHEST * 4)


class ValueCanvas:
    """Values of all channels with a border of zeros; what is not known yet is 0.

    Planes: values, their sizes, one that is 1 inside the picture, and sizes with signs.
    """

    def __init__(self, channels: int, height: int, width: int, border: int = LARGEST_REACH) -> None:
        """border: positions, not less than any pass sees."""
        self._border, self.width = border, width
        self._channels, self._pitch = channels, width + 2 * border
        planes = np.zeros((3 * channels + 1, height + 2 * border, self._pitch))
        planes[2 * channels, border:-border, border:-border] = 1
        self._size = planes[0].size
        self._planes = planes.reshape(len(planes), -1)

    def store(
        self,
        first: int,
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        values: npt.NDArray[np.int64],
    ) -> None:
        """Put values (n, channels) of channels from ``first`` on at n positions, clamped to
        ±INPUT_LIMIT.
        """
        centres = self._centres(rows, columns)
        limited = np.minimum(np.maximum(values, -INPUT_LIMIT), INPUT_LIMIT).T
        channels = slice(first, first + len(limited))
        self._planes[channels, centres] = limited
        sizes = SIZES[np.abs(limited)]
        self._planes[self._channels :][channels, centres] = sizes
        self._planes[2 * self._channels + 1 :][channels, centres] = np.where(
            limited < 0, -sizes, sizes
        )

    def features(
        self,
        visible: tuple[int, ...],
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        stride: int,
    ) -> npt.NDArray[np.float64]:
        """The 3×3 neighbourhoods on a grid of that stride, (n, 9·(3·k + 1)) float64 holding
        integers: values of the k ``visible`` channels, their sizes, inside, sizes with signs.
        """
        offsets = _taps(self._channels, self._size, self._pitch, visible, stride)
        centres = self._centres(rows, columns)
        features: npt.NDArray[np.float64] = self._planes.reshape(-1).take(
            centres[:, None] + offsets
        )
        return features

    def differences(
        self,
        first: int,
        channels: int,
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        scan_pass: ScanPass,
    ) -> npt.NDArray[np.float64]:
        """How known neighbours differ from the middle, for the slice of so many ``channels`` after
        the ``first`` ones: (n, 3·T + 1) float64 holding integers, T differences, their sizes,
        ones, sizes with signs.

        The middle of a channel before the slice is the value at the position; of the slice's own
        it is the mean of the known ones next to it, rounded down.
        """
        centres, stride = self._centres(rows, columns), scan_pass.stride
        around, inside = self._around(range(first), centres, stride, earlier_taps())
        middle = self._planes[:first, centres].T[..., None]
        before = (around - middle) * inside
        around, inside = self._around(
            range(first, first + channels), centres, stride, own_taps(scan_pass.new)
        )
        # Exact: a quotient of small integers that is no integer lies a quarter or more from one.
        middle = np.floor(around[..., :NEXT].sum(-1) / inside[..., :NEXT].sum(-1))[..., None]
        own = (around - middle) * inside
        found = np.concatenate([one.reshape(len(rows), -1) for one in (before, own)], 1)
        found = np.minimum(np.maximum(found, -INPUT_LIMIT), INPUT_LIMIT)
        sizes = SIZES[np.abs(found).astype(np.int64)]
        signed = np.where(found < 0, -sizes, sizes)
        return np.concatenate([found, sizes, np.ones((len(rows), 1)), signed], 1)

    def _around(
        self, channels: range, centres: npt.NDArray[np.int64], stride: int, taps: Taps
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Values (n, channels, taps) around positions, and whether these are inside, (n, 1,
        taps).
        """
        offsets = np.array([(row * self._pitch + column) * stride for row, column in taps])
        places = centres[:, None, None] + offsets
        planes = self._planes.reshape(-1)
        starts = np.array(channels, dtype=np.int64)[:, None] * self._size
        return planes.take(places + starts), planes.take(places + 2 * self._channels * self._size)

    def _centres(
        self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        return (rows + self._border) * self._pitch + columns + self._border


@lru_cache(maxsize=64)
def _taps(
    channels: int, size: int, pitch: int, visible: tuple[int, ...], stride: int
) -> npt.NDArray[np.int64]:
    """Where inputs lie, relative to the position in the first of the planes."""
    starts = (0, channels, 2 * channels + 1)
    values, sizes, signed = ([start + one for one in visible] for start in starts)
    planes = [*values, *sizes, 2 * channels, *signed]
    around = [(dy * pitch + dx) * stride for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    offsets: npt.NDArray[np.int64] = (np.array(planes)[:, None] * size + np.array(around)).ravel()
    offsets.flags.writeable = False
    return offsets
