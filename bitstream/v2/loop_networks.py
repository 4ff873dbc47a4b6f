"""The networks in the loop: latents to a picture, and a picture to latents, in exact integers.

They are the model's own decoder and encoder in few bits.  Between them motion compensation moves
pixels, which move as the world does; latents of trained networks do not (docs/decisions/015).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.tables import MAX_CHANNELS, TablesError
from .areas import Area
from .arithmetic_choice import ArithmeticChoice
from .integer_layers import IntegerLayer, LayerShape
from .loop_arithmetic import (
    COARSE,
    HIDDEN,
    LATENT_LIMIT,
    MIDDLE,
    PATCH,
    STREAM,
    STRIDE,
    SUM,
    Arithmetic,
)
from .tensors import Take

STEP_ORIGIN = 40  # the quantiser whose step is 1
_BODY_BLOCKS = 2
_REACH = 2  # positions around one that blocks of the encoder see
_ENDS_BLOCK = ".b"  # the name of a block's last layer
_SIZES = ("fine", "width", "encoder_low", "encoder_blocks", "decoder_low", "decoder_blocks")
_LARGEST = (256, 512, 1024, 8, 1024, 8)


@dataclass(frozen=True)
class LoopShape:
    """Sizes of the networks.

    channels: of latents.  fine, width: features at 1/4 and 1/8 of the resolution.  encoder_low,
    encoder_blocks, decoder_low, decoder_blocks: features and blocks at 1/16.
    """

    channels: int
    fine: int
    width: int
    encoder_low: int
    encoder_blocks: int
    decoder_low: int
    decoder_blocks: int

    @classmethod
    def of(cls, take: Take, channels: int) -> LoopShape:
        """From ``loop.shape``, for a model of so many channels.  Raises ``TablesError``."""
        sizes = [int(size) for size in take("loop.shape", (len(_SIZES),))]
        for name, size, most in zip(_SIZES, sizes, _LARGEST, strict=True):
            if not 1 <= size <= most:
                raise TablesError(f"loop.shape: {name} must be 1..{most}, is {size}")
        if not 1 <= channels <= MAX_CHANNELS:
            raise TablesError(f"channels must be 1..{MAX_CHANNELS}, are {channels}")
        return cls(channels, *sizes)

    def to_tensor(self) -> npt.NDArray[np.int64]:
        """``loop.shape``."""
        return np.array(astuple(self)[1:])

    def layers(self) -> Iterator[LayerShape]:
        """Of both networks, by their names in the tables."""
        yield from self._decoder()
        yield from self._encoder()

    def _decoder(self) -> Iterator[LayerShape]:
        channels, fine, width, low = self.channels, self.fine, self.width, self.decoder_low
        yield LayerShape("decoder.linear", 3 * STRIDE**2, channels, LATENT_LIMIT, wide=True)
        yield LayerShape("decoder.stem", width, 9 * (channels + 1), LATENT_LIMIT, wide=True)
        yield from _low("decoder.low", width, low, self.decoder_blocks)
        for index in range(_BODY_BLOCKS):
            yield from _block(f"decoder.body.{index}", width, 5)
        yield LayerShape("decoder.up", 4 * fine, width, COARSE)
        yield from _block("decoder.fine", fine, 3)
        yield LayerShape("decoder.head", 3 * PATCH**2, 9 * fine, COARSE)

    def _encoder(self) -> Iterator[LayerShape]:
        channels, fine, width, low = self.channels, self.fine, self.width, self.encoder_low
        yield LayerShape("encoder.linear", channels, 3 * STRIDE**2, MIDDLE)
        yield LayerShape("encoder.stem", fine, 9 * 3 * PATCH**2, MIDDLE)
        yield from _block("encoder.fine", fine, 5)
        yield LayerShape("encoder.down", width, 4 * fine, COARSE)
        for index in range(_BODY_BLOCKS):
            yield from _block(f"encoder.body.{index}", width, 5)
        yield from _low("encoder.low", width, low, self.encoder_blocks)
        yield LayerShape("encoder.head", channels, 9 * width, COARSE)


def _block(name: str, channels: int, side: int) -> Iterator[LayerShape]:
    yield LayerShape(f"{name}.dw", channels, side**2, STREAM)
    yield LayerShape(f"{name}.a", 2 * channels, channels, COARSE)
    yield LayerShape(f"{name}.b", channels, 2 * channels, HIDDEN)


def _low(name: str, width: int, low: int, blocks: int) -> Iterator[LayerShape]:
    yield LayerShape(f"{name}.enter", low, 4 * width, COARSE)
    for index in range(blocks):
        yield from _block(f"{name}.{index}", low, 5)
    yield LayerShape(f"{name}.leave", 4 * width, low, COARSE)


class LoopNetworks:
    """Decoder and encoder of the loop.

    Pictures are (3, 8h, 8w) int16 RGB, 0..2·MIDDLE; latents (C, h, w) int32 in latent units.
    """

    def __init__(
        self,
        shape: LoopShape,
        layers: dict[str, IntegerLayer],
        curves: dict[str, npt.NDArray[np.float32]],
    ) -> None:
        """``curves``: the activation of every block, what -STREAM..STREAM become."""
        self.shape, self.layers, self.curves = shape, layers, curves
        self._arithmetic = ArithmeticChoice(layers, curves)

    @classmethod
    def of(cls, take: Take, channels: int) -> LoopNetworks:
        """From the tensors of a file, for a model of so many channels.  Raises ``TablesError``."""
        shape = LoopShape.of(take, channels)
        layers, curves = {}, {}
        for one in shape.layers():
            layers[one.name] = IntegerLayer.of(take, f"loop.{one.name}", one)
            if one.name.endswith(_ENDS_BLOCK):
                block = one.name.removesuffix(_ENDS_BLOCK)
                curve = take(f"loop.{block}.curve", (2 * STREAM + 1,))
                if np.abs(curve).max() > HIDDEN:
                    raise TablesError(f"loop.{block}.curve: must lie within ±{HIDDEN}")
                curves[block] = curve.astype(np.float32)
        return cls(shape, layers, curves)

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """By their names in the file."""
        tensors: dict[str, npt.NDArray[Any]] = {"loop.shape": self.shape.to_tensor()}
        for name, layer in self.layers.items():
            tensors |= layer.to_tensors(f"loop.{name}")
        for name, curve in self.curves.items():
            tensors[f"loop.{name}.curve"] = curve.astype(np.int16)
        return tensors

    def picture(
        self, latents: npt.NDArray[np.int32], quantisers: npt.NDArray[np.integer[Any]]
    ) -> npt.NDArray[np.int16]:
        """Latents and the quantiser of every position (h, w) → the picture."""
        by = self._arithmetic.begin()
        seen = by.of_latents(latents, quantisers.astype(np.int64) - STEP_ORIGIN)
        x = by.around("decoder.stem", seen, STREAM)
        low: list[Area | None] = [None] * (self.shape.decoder_blocks + 2)
        x = by.added(x, by.halved(lambda y: self._low(by, "decoder.low", y, low), x))
        for index in range(_BODY_BLOCKS):
            x = by.block(f"decoder.body.{index}", x)
        x = by.finer(by.pointwise("decoder.up", by.coarse(x), STREAM))
        x = by.block("decoder.fine", x)
        detail = by.around("decoder.head", by.coarse(x), SUM)
        made: npt.NDArray[np.int16] = by.to_picture(
            by.pointwise("decoder.linear", seen, SUM), detail
        )
        return made

    def latents(
        self, picture: npt.NDArray[np.int16], wanted: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.int32]:
        """A picture, sides multiples of 8 → its latents; wanted (h, w): where, by default all."""
        by, areas = self._arithmetic.begin(), iter(self._areas(wanted))
        linear = by.pointwise("encoder.linear", by.of_picture(picture, STRIDE), SUM, next(areas))
        x = by.around("encoder.stem", by.of_picture(picture, PATCH), STREAM, next(areas))
        x = by.block("encoder.fine", x, next(areas))
        x = by.pointwise("encoder.down", by.coarser(by.coarse(x)), STREAM, next(areas))
        for index in range(_BODY_BLOCKS):
            x = by.block(f"encoder.body.{index}", x, next(areas))
        low = [next(areas) for _ in range(self.shape.encoder_blocks + 2)]
        x = by.added(x, by.halved(lambda y: self._low(by, "encoder.low", y, low), x))
        detail = by.around("encoder.head", by.coarse(x), SUM, next(areas))
        made: npt.NDArray[np.int32] = by.to_latents(linear, detail)
        return made

    def _low(self, by: Arithmetic, name: str, x: Any, areas: list[Area | None]) -> Any:
        first, *blocks, last = areas
        x = by.pointwise(f"{name}.enter", by.coarse(x), STREAM, first)
        for index, area in enumerate(blocks):
            x = by.block(f"{name}.{index}", x, area)
        return by.pointwise(f"{name}.leave", by.coarse(x), SUM, last)

    def _areas(self, wanted: npt.NDArray[np.bool_] | None) -> list[Area | None]:
        """Where the encoder's layers are wanted, in the order in which they are made."""
        low = self.shape.encoder_blocks
        if wanted is None:
            return [None] * (low + 9)
        rows, columns = wanted.shape
        asked = Area.around(wanted)
        halves = [asked.grown(1).coarser()]  # of what leaves, and what each block is to make
        for _ in range(low):
            halves.insert(0, halves[0].grown(_REACH))
        body = [halves[0].finer(rows, columns)]
        for _ in range(_BODY_BLOCKS):
            body.insert(0, body[0].grown(_REACH))
        fine = body[0].finer(2 * rows, 2 * columns)
        return [asked, fine.grown(_REACH), fine, *body, *halves, halves[-1], asked]
