"""The values of a frame while it is being coded, as the context networks see them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .context_network import INPUT_LIMIT, SIZES

LARGEST_STRIDE = 8  # positions, of a pass


class ValueCanvas:
    """Values of all channels with a border of zeros; what is not known yet is 0.

    Planes: values, their sizes, one that is 1 inside the picture, and sizes with signs.
    """

    def __init__(
        self, channels: int, height: int, width: int, border: int = LARGEST_STRIDE
    ) -> None:
        """border: positions, not less than the stride of any pass."""
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
