"""Weights of the loop's networks as kernels take them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..integer_layers import IntegerLayer
from .layers import tiled
from .memory import aligned

_ALIGNED = 16  # channels are filled up with zeros to multiples of it
_MOVED_INPUTS, _MOVED_OUTPUTS = (".enter", ".down"), (".leave", ".up")  # squares of 2×2


def filled_up(channels: int) -> int:
    """With those that are zeros."""
    return -(-channels // _ALIGNED) * _ALIGNED


class DenseWeights:
    """Of a dense layer, ``side`` 3 or 1: weights by run and by tile; scales: bias and shift, in 64
    bits, narrow ones in 32.
    """

    def __init__(self, layer: IntegerLayer, side: int) -> None:
        outputs, inputs = layer.weights.shape
        channels = inputs // side**2
        seen, moved = (
            _places(count, layer.shape.name.endswith(names))
            for count, names in ((channels, _MOVED_INPUTS), (outputs, _MOVED_OUTPUTS))
        )
        self.side, self.wide, self.outputs = side, layer.shape.wide, filled_up(int(moved[-1]) + 1)
        room = filled_up(int(seen[-1]) + 1)
        self.pairs = side * room // 2
        weights = np.zeros((side, side, room, self.outputs), dtype=np.int16)
        by_place = layer.weights.reshape(outputs, channels, side, side).transpose(2, 3, 1, 0)
        weights[:, :, seen[:, None], moved] = by_place
        runs = weights.reshape(side, 2 * self.pairs, self.outputs)
        self.weights = aligned(np.concatenate([tiled(run) for run in runs]))
        self.scales = aligned(np.zeros((2, self.outputs), dtype=np.int64))
        self.scales[0, moved], self.scales[1, moved] = layer.bias[:, 0], layer.shift
        # What fits into sums of 32 bits, at most 24 unless the layer is wide, has no bits beyond.
        self.narrow_scales = aligned(self.scales.astype(np.int32))
        np.minimum(self.narrow_scales[1], 31, out=self.narrow_scales[1])
        by_channel = np.abs(weights).astype(np.float64).sum((0, 1))
        self._largest = by_channel[: seen[-1] + 1].T
        self._bias = np.abs(self.scales[0]).max()

    def fits(self, most: npt.NDArray[np.float64]) -> bool:
        """Whether 32 bits hold sums of inputs within ±most, as many as the layer sees or more."""
        sums = self._largest @ most[: self._largest.shape[1]]
        return bool(sums.max() + self._bias < 1 << 31)


def _places(count: int, in_squares: bool) -> npt.NDArray[np.int64]:
    """Where each channel lies: those of squares of 2×2 place by place, and in each filled up."""
    if not in_squares:
        return np.arange(count)
    channel, place = np.divmod(np.arange(count), 4)
    places: npt.NDArray[np.int64] = place * filled_up(count // 4) + channel
    return places


class BlockWeights:
    """Of a block: pairs of taps and their scales, two dense layers, and the curve between them."""

    def __init__(self, layers: tuple[IntegerLayer, ...], curve: npt.NDArray[np.float32]) -> None:
        by_channel, *inside = layers
        self.first, self.second = (DenseWeights(layer, 1) for layer in inside)
        self.curve = np.append(curve.astype(np.int16), np.int16(0))  # as ``looked_up`` takes it
        channels, taps = by_channel.weights.shape
        self.side, room = round(taps**0.5), filled_up(channels)
        around = np.zeros((self.side, self.side + 1, room), dtype=np.int16)
        squares = by_channel.weights.reshape(channels, self.side, self.side)
        around[:, :-1, :channels] = squares.transpose(1, 2, 0)
        by_pair = around.reshape(self.side, -1, 2, room).swapaxes(2, 3)
        self.around = aligned(np.ascontiguousarray(by_pair).view(np.int32).reshape(-1))
        self.scales = aligned(np.zeros((2, room), dtype=np.int32))
        self.scales[0, :channels] = by_channel.bias[:, 0]
        self.scales[1, :channels] = np.minimum(by_channel.shift, 31)
