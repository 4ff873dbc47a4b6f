"""Weights of 3×3 layers as ``winograd`` takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..integer_layers import IntegerLayer
from ..loop_arithmetic import COARSE_BITS
from .memory import aligned
from .products import LANES
from .weights import filled_up
from .winograd import DIRECTION, INPUTS_GROW, MOST_CHANNELS, width_of

_LARGEST = (1 << 15) - 1
_FOURFOLD = 2  # bits
_MOST_SHIFT = 25  # sums of 24 bits are 0 or -1 then


def can_do(layer: IntegerLayer, again: int = 0) -> bool:
    """Whether transformed weights and inputs have sixteen bits, and there are not too many.

    again: how often its last input is given a further time.
    """
    return (
        not layer.shape.wide
        and layer.shape.limit * INPUTS_GROW <= _LARGEST
        and bool(np.abs(_transformed(layer, again)).max() <= _LARGEST)
        and max(layer.shape.outputs, layer.shape.inputs // 9 + again) <= MOST_CHANNELS
    )


def _transformed(layer: IntegerLayer, again: int) -> npt.NDArray[np.int64]:
    """(5, 5, inputs, outputs)."""
    weights = layer.weights.astype(np.int64).reshape(len(layer.weights), -1, 3, 3)
    last = weights[:, -1:]  # the sum of what follows, each of which is as small as it can be
    shared = [(last + part) // (again + 1) for part in range(again + 1)]
    weights = np.concatenate([weights[:, :-1], *shared], axis=1)
    made: npt.NDArray[np.int64] = np.einsum("ia,ocab,jb->ijco", DIRECTION, weights, DIRECTION)
    return made


class SquareWeights:
    """weights: by component, by tile of outputs, and by pair of inputs.  scales (2, outputs): bias
    and shift of sums four times as large, in 32 bits.
    """

    def __init__(
        self,
        layer: IntegerLayer,
        inputs: Sequence[int] | None = None,
        outputs: Sequence[int] | None = None,
        coarse: bool = False,
    ) -> None:
        """inputs, outputs: the channels where those of the layer lie, as many as are wanted; of
        inputs more where the last one lies in several places.  coarse: outputs are rounded to an
        eighth when they are a stream, so that limits are those of ``COARSE``.
        """
        again = 0 if inputs is None else len(inputs) - layer.shape.inputs // 9
        made = _transformed(layer, again)
        seen = np.arange(made.shape[2]) if inputs is None else np.array(inputs)
        given = np.arange(made.shape[3]) if outputs is None else np.array(outputs)
        self.inputs, self.outputs = (filled_up(int(x.max()) + 1) for x in (seen, given))
        weights = np.zeros((len(DIRECTION) ** 2, self.inputs, self.outputs), np.int16)
        weights[:, seen[:, None], given] = made.reshape(len(weights), *made.shape[2:])[
            ..., : len(given)
        ]
        self.weights = aligned(np.concatenate([_tiled(one) for one in weights]))
        bias, shift = layer.bias[: len(given), 0].astype(np.int64), layer.shift[: len(given)]
        shift = np.minimum(shift, _MOST_SHIFT) + _FOURFOLD
        bias = bias << _FOURFOLD
        if coarse:  # floor(floor(a) / 8 + 1/2) = floor(a / 8 + 1/2)
            bias, shift = bias + (1 << (shift + COARSE_BITS - 1)), shift + COARSE_BITS
        self.scales = aligned(np.zeros((2, self.outputs), np.int32))
        self.scales[:, given] = bias, shift


def _tiled(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Of a component (inputs, outputs), flat, by tile of outputs."""
    inputs, outputs = weights.shape
    pairs = weights.reshape(inputs // 2, 2, outputs).swapaxes(1, 2)
    tiles, output = [], 0
    while output < outputs:
        wide = width_of((outputs - output) // LANES) * LANES
        tiles.append(pairs[:, output : output + wide])
        output += wide
    return np.concatenate([tile.reshape(-1) for tile in tiles])
