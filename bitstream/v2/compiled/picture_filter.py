"""A post-filter of shown pictures by kernels: from the picture's bytes to those of the filtered one
in strips of rows, which a core's cache holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..integer_layers import IntegerLayer
from ..loop_arithmetic import COARSE, STREAM
from .board import carry_out
from .memory import empty, trim
from .pixels import CHANNELS, STEPS, channel_of
from .program import Code, Word, run
from .square_weights import SquareWeights
from .square_weights import can_do as can_do_layer
from .winograd import SIDE

_PATCH = 2  # px a side of what is a position of layers
_COLOURS = 3
_BEHIND = 2  # rows of 3×3 squares that a layer still sees of the strip above
STRIP_BYTES = 1 << 20  # of all planes
_LEAST = 2  # rows of 3×3 squares of a strip
_NUMBER = 2  # bytes


def can_do(layers: Sequence[IntegerLayer]) -> bool:
    """Whether ``PictureFilter`` can do what these layers say."""
    first, *others = layers
    return can_do_layer(first, len(STEPS) - 1) and all(map(can_do_layer, others))


class PictureFilter:
    """3×3 layers, the last of which is added to the picture.

    layers: in their order; of squares of 2×2 px, whose samples by colour and place are the first
    one's inputs, before something of the quantiser, and the last one's first outputs.
    """

    def __init__(self, layers: Sequence[IntegerLayer]) -> None:
        samples = [
            channel_of(colour, down, across)
            for colour in range(_COLOURS)
            for down in range(_PATCH)
            for across in range(_PATCH)
        ]
        *before, last = layers
        self._layers = [
            SquareWeights(layer, coarse=True, inputs=None if number else [*samples, *STEPS])
            for number, layer in enumerate(before)
        ]
        self._numbers = [CHANNELS, *[layer.outputs for layer in self._layers]]
        self._layers.append(SquareWeights(last, outputs=samples))

    def picture(
        self, decoded: npt.NDArray[np.uint8], steps: npt.NDArray[np.int16], bits: int, grey: int
    ) -> npt.NDArray[np.uint8]:
        """Of a picture (H, W, 3), sides even; steps: of every 8×8 px, in eighths.  Layers see
        samples in 2^-bits of a grey level, less ``grey``.
        """
        decoded, steps = np.ascontiguousarray(decoded), np.ascontiguousarray(steps)
        height, width = (side // _PATCH for side in decoded.shape[:2])
        made, rows = np.empty(decoded.shape, np.uint8), -(-height // SIDE)
        room = STRIP_BYTES // (_NUMBER * SIDE * width * sum(self._numbers)) - _BEHIND
        strip = min(max(room, _LEAST), rows)
        kept = SIDE * min(strip + _BEHIND, rows)
        planes = [empty((kept, width, count), np.int16) for count in self._numbers]
        common = {
            Word.HEIGHT: height,
            Word.WIDTH: width,
            Word.SEEN_ROWS: kept,
            Word.MADE_ROWS: kept,
            Word.BITS: bits,
            Word.GREY: grey,
        }
        stages = np.zeros((len(planes) + 1, len(Word)), dtype=np.int64)
        for stage, words in zip(stages, self._stages(decoded, steps, planes, made), strict=True):
            for word, value in (common | words).items():
                stage[word] = value
        order = _order(rows, len(planes), strip)
        program = stages[order[:, 2]]
        program[:, Word.FIRST], program[:, Word.ROWS] = order[:, 0], order[:, 1]
        carry_out(run, program, 1)
        trim()
        return made

    def _stages(
        self,
        decoded: npt.NDArray[np.uint8],
        steps: npt.NDArray[np.int16],
        planes: list[npt.NDArray[np.int16]],
        made: npt.NDArray[np.uint8],
    ) -> Iterator[dict[int, int]]:
        """What is done with a row, one after the other."""
        places, picture = [plane.ctypes.data for plane in planes], decoded.ctypes.data
        yield {
            Word.CODE: Code.SHOWN_SQUARES,
            Word.CHANNELS: CHANNELS,
            Word.INPUT: picture,
            Word.MORE: steps.ctypes.data,
            Word.PITCH: steps.shape[1],
            Word.OUTPUT: places[0],
            Word.LIMIT: COARSE,
        }
        into = [*places[1:], made.ctypes.data]
        for layer, seen, out in zip(self._layers, places, into, strict=True):
            shows = layer is self._layers[-1]
            yield {
                Word.CODE: Code.SHOW if shows else Code.AROUND,
                Word.CHANNELS: layer.inputs,
                Word.OUTPUTS: layer.outputs,
                Word.INPUT: seen,
                Word.MORE: picture,
                Word.OUTPUT: out,
                Word.WEIGHTS: layer.weights.ctypes.data,
                Word.SCALES: layer.scales.ctypes.data,
                Word.LIMIT: STREAM if shows else COARSE,
            }


@lru_cache(maxsize=4)
def _order(rows: int, layers: int, strip: int) -> npt.NDArray[np.int64]:
    """What is done one after the other (n, 3): the first row of 3×3 squares, how many, and what is
    done with them: 0 what makes them of the picture, then layers, each of them a row behind what it
    sees.  Shared: nobody writes to it.
    """
    found = []
    for start in range(0, rows + layers, strip):
        for stage in range(layers + 1):
            first, last = max(start - stage, 0), min(start + strip - stage, rows)
            if first < last:
                found.append((first, last - first, stage))
    return np.array(found, dtype=np.int64)
