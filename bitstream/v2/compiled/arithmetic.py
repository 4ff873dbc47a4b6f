"""What the networks in the loop do with planes, by kernels: every step is written down, and all are
carried out in the end, by all threads that have time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ..areas import Area
from ..integer_layers import IntegerLayer
from ..loop_arithmetic import STREAM, STRIDE
from . import square_weights
from .memory import empty
from .program import Code
from .square_weights import SquareWeights
from .steps import Steps
from .weights import BlockWeights, DenseWeights, filled_up
from .winograd import SIDE

Plane = npt.NDArray[np.int16]  # (h, w, channels)
Sums = npt.NDArray[np.int32]
Around = DenseWeights | SquareWeights  # of 3×3 layers
_MOST_WIDE = (1 << 31) // 256  # of weights of wide layers, which see eight bits at once
_LARGEST = (1 << 15) - 1
_STRIP = 1 << 17  # samples of a plane


def can_do(layers: Mapping[str, IntegerLayer]) -> bool:
    """Whether weights have sixteen bits, and sums of wide layers fit."""
    return all(
        np.abs(layer.weights).max() <= _LARGEST
        and (not layer.shape.wide or np.abs(layer.weights).sum(1).max() < _MOST_WIDE)
        for layer in layers.values()
    )


class CompiledArithmetic:
    """``loop_arithmetic.PlaneArithmetic`` of planes (h, w, channels) of 16-bit integers, of sums of
    32; channels are filled up to multiples of 16 with zeros, or what becomes of them, which no
    weight sees.
    """

    def __init__(
        self, layers: Mapping[str, IntegerLayer], curves: Mapping[str, npt.NDArray[np.float32]]
    ) -> None:
        self.blocks = {
            name: BlockWeights(tuple(layers[f"{name}.{part}"] for part in ("dw", "a", "b")), curve)
            for name, curve in curves.items()
        }
        of_blocks = {f"{name}.{part}" for name in curves for part in ("dw", "a", "b")}
        self.pointwise, self.around = dict[str, DenseWeights](), dict[str, Around]()
        for name, layer in layers.items():
            if name.endswith((".stem", ".head")):
                can_do = square_weights.can_do(layer)
                self.around[name] = SquareWeights(layer) if can_do else DenseWeights(layer, 3)
            elif name not in of_blocks:
                self.pointwise[name] = DenseWeights(layer, 1)
        dense = *self.pointwise.values(), *self.around.values()
        self._wide = [layer for layer in dense if isinstance(layer, DenseWeights) and layer.wide]
        last = layers.get("encoder.head")
        self.channels = 0 if last is None else last.shape.outputs  # of latents

    def fit(self, most: npt.NDArray[np.float64]) -> bool:
        """Whether 32 bits hold the sums of wide layers, of inputs within ±most, by channel."""
        return all(layer.fits(most) for layer in self._wide)

    def begin(self) -> Recording:
        """What the steps of one network are told to."""
        return Recording(self)


class Recording(Steps):
    """The steps of one network, until the last one, ``to_picture`` or ``to_latents``,
    has all carried out.  Nothing is in planes before that, and memory of those that
    nobody refers to any more is that of later ones.
    """

    def __init__(self, weights: CompiledArithmetic) -> None:
        super().__init__()
        self._weights, self._narrow = weights, False

    def of_latents(self, latents: npt.NDArray[np.int32], steps: npt.NDArray[np.int64]) -> Plane:
        """Latents lie within ±LATENT_LIMIT."""
        channels, height, width = latents.shape
        plane = empty((height, width, filled_up(channels + 1)), np.int16)
        most = [*np.maximum(latents.max((1, 2)), -latents.min((1, 2))), np.abs(steps).max()]
        self._narrow = self._weights.fit(np.array(most, np.float64))
        if self._narrow:
            latents = self._use(np.require(latents, np.int32, ["C"]))
            steps = self._use(np.require(steps, np.int64, ["C"]))
            words = {"OUTPUTS": channels, "INPUT": latents, "MORE": steps, "OUTPUT": plane}
            self._add(Code.OF_LATENTS, plane, **words)
        else:  # what is seen of it is made by NumPy, before anything is carried out
            plane[..., :channels], plane[..., channels] = latents.transpose(1, 2, 0), steps
            plane[..., channels + 1 :] = 0
        return plane

    def of_picture(self, picture: npt.NDArray[np.int16], side: int) -> Plane:
        _, height, width = picture.shape
        plane = empty((height // side, width // side, 3 * side**2), np.int16)
        picture = self._use(np.require(picture, requirements=["C"]))
        self._add(
            Code.SQUARES, plane, HEIGHT=height // side, INPUT=picture, OUTPUT=plane, SIDE=side
        )
        return plane

    def around(self, name: str, x: Plane, limit: int, wanted: Area | None = None) -> Plane | Sums:
        layer = self._weights.around[name]
        if isinstance(layer, DenseWeights):
            return self._dense(layer, x, limit, wanted)
        height, width, _ = x.shape
        to_stream = limit == STREAM
        out = empty((height, width, layer.outputs), np.int16 if to_stream else np.int32)
        self._add(
            Code.AROUND if to_stream else Code.AROUND_SUMS,
            x,
            wanted,
            ROWS=-(-height // SIDE),
            OUTPUTS=layer.outputs,
            INPUT=x,
            OUTPUT=out,
            WEIGHTS=layer.weights,
            SCALES=layer.scales,
            SEEN_ROWS=height,
            MADE_ROWS=height,
            LIMIT=limit,
        )
        return out

    def pointwise(
        self, name: str, x: Plane, limit: int, wanted: Area | None = None
    ) -> Plane | Sums:
        return self._dense(self._weights.pointwise[name], x, limit, wanted)

    def _dense(
        self, layer: DenseWeights, x: Plane, limit: int, wanted: Area | None
    ) -> Plane | Sums:
        """(h, w, inputs or, where it is 1×1, more) → (h, w, outputs) within ±limit, a plane for the
        limit of streams; anything where they are not wanted.
        """
        height, width, channels = x.shape
        planes, scales = [x], layer.narrow_scales
        code = Code.DENSE if limit == STREAM else Code.SUMS
        if layer.wide and not self._narrow:  # a plane of latents, which are there
            planes, scales = [self._use(x & 255), self._use(x >> 8)], layer.scales
            code = Code.WIDE if limit == STREAM else Code.WIDE_SUMS
        pitch = width * channels
        if layer.side == 3:
            planes, pitch = [self._padded(plane) for plane in planes], pitch + 2 * channels
        out = empty((height, width, layer.outputs), np.int16 if limit == STREAM else np.int32)
        self._add(
            code,
            x,
            wanted,
            OUTPUTS=layer.outputs,
            INPUT=planes[0],
            MORE=planes[-1],
            OUTPUT=out,
            WEIGHTS=layer.weights,
            SCALES=scales,
            PITCH=pitch,
            RUNS=layer.side,
            PAIRS=layer.pairs,
        )
        return out

    def _padded(self, x: Plane) -> Plane:
        height, width, channels = x.shape
        padded = empty((height + 2, width + 2, channels), np.int16)
        self._add(Code.PAD, x, ROWS=height + 2, INPUT=x, OUTPUT=padded)
        return padded

    def block(self, name: str, x: Plane, wanted: Area | None = None) -> Plane:
        """In the memory of its input, which stays what it is where nothing is wanted; in strips of
        rows that a core's cache holds.  What blocks see of a strip is laid out before the strip
        above it is changed.
        """
        block, (height, width, channels) = self._weights.blocks[name], x.shape
        margin = block.side // 2
        strips = -(-height // min(max(_STRIP // (width * channels), 2 * margin), height))
        at_once = -(-height // strips)
        # Kernels look at four columns at once, of the narrowest planes beyond them.
        columns = max(width, 4) + 2 * margin
        around = [empty((at_once + 2 * margin, columns, channels), np.int32) for _ in range(2)]
        self._longest = max(self._longest, max(width, 4) * channels)
        starts = [*range(0, height, at_once), height]
        pairs_up = self._words(Code.PAIR_UP, x, INPUT=x, SIDE=margin, PITCH=columns)
        makes = self._words(
            Code.BLOCK,
            x,
            wanted,
            OUTPUT=x,
            SIDE=block.side,
            WEIGHTS=block.around,
            SCALES=block.scales,
            HIDDEN=block.first.outputs,
            MORE=block.first.weights,
            PITCH=block.first.narrow_scales,
            CURVE=block.curve,
            SECOND=block.second.weights,
            SECOND_SCALES=block.second.narrow_scales,
        )
        places = [memory.ctypes.data for memory in around]
        for number, first in enumerate(starts):
            if first < height:
                rows = min(at_once, height - first) + 2 * margin
                self._again(pairs_up, ROWS=rows, OUTPUT=places[number % 2], FIRST=first - margin)
            if number:
                above = starts[number - 1]
                seen = places[(number - 1) % 2]
                self._again(makes, ROWS=first - above, FIRST=above, INPUT=seen)
        return x

    def added(self, x: Plane, more: Sums) -> Plane:
        """In the memory of ``x``."""
        self._add(Code.ADD, x, INPUT=more, OUTPUT=x)
        return x

    def coarse(self, x: Plane) -> Plane:
        made = empty(x.shape, np.int16)
        self._add(Code.COARSE, x, INPUT=x, OUTPUT=made)
        return made

    def halved(self, body: Callable[[Plane], Sums], x: Plane) -> Sums:
        return self._finer(body(self.coarser(x)), *x.shape[:2])

    def finer(self, x: Sums) -> Sums:
        return self._finer(x, 2 * x.shape[0], 2 * x.shape[1])

    def _finer(self, x: Sums, height: int, width: int) -> Sums:
        made = empty((height, width, x.shape[2] // 4), x.dtype)
        numbers = made.shape[2] * x.itemsize // 2
        self._add(Code.FINER, made, CHANNELS=numbers, INPUT=x, OUTPUT=made)
        return made

    def coarser(self, x: Plane) -> Plane:
        height, width, channels = x.shape
        made = empty(((height + 1) // 2, (width + 1) // 2, 4 * channels), np.int16)
        self._add(Code.COARSER, x, ROWS=len(made), INPUT=x, OUTPUT=made)
        return made

    def to_picture(self, linear: Sums, detail: Sums) -> npt.NDArray[np.int16]:
        height, width, _ = linear.shape
        picture = np.empty((3, height * STRIDE, width * STRIDE), dtype=np.int16)
        self._add(
            Code.PICTURE,
            linear,
            HEIGHT=height * STRIDE,
            WIDTH=width * STRIDE,
            OUTPUTS=detail.shape[2],
            INPUT=linear,
            MORE=detail,
            OUTPUT=picture,
        )
        self._carry_out()
        return picture

    def to_latents(self, linear: Sums, detail: Sums) -> npt.NDArray[np.int32]:
        channels, (height, width, _) = self._weights.channels, linear.shape
        latents = np.empty((channels, height, width), dtype=np.int32)
        self._add(Code.LATENTS, linear, OUTPUTS=channels, INPUT=linear, MORE=detail, OUTPUT=latents)
        self._carry_out()
        return latents
