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
from .integer_layers import IntegerLayer, LayerShape, Plane, halved, shuffled, unshuffled, untiled
from .tensors import Take

MIDDLE = 510  # grey in pictures of the loop, whose samples are 0..2·MIDDLE
STREAM = 4095  # limits of what blocks add to,
COARSE = 511  # of what dense layers see of it,
HIDDEN = 1023  # of the inside of a block,
SUM = 1 << 20  # and of what is added to something wider
LATENT_LIMIT = 32767
STEP_ORIGIN = 40  # the quantiser whose step is 1
_COARSE_BITS = 3  # by which COARSE is coarser than STREAM
_FRACTION_BITS = 4  # of the two parts of a picture or of latents, before they are added
_COLUMNS_AT_ONCE = 1 << 10
_PATCH, _STRIDE, _BODY_BLOCKS = 4, 8, 2
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
        yield LayerShape("decoder.linear", 3 * _STRIDE**2, channels, LATENT_LIMIT, wide=True)
        yield LayerShape("decoder.stem", width, 9 * (channels + 1), LATENT_LIMIT, wide=True)
        yield from _low("decoder.low", width, low, self.decoder_blocks)
        for index in range(_BODY_BLOCKS):
            yield from _block(f"decoder.body.{index}", width, 5)
        yield LayerShape("decoder.up", 4 * fine, width, COARSE)
        yield from _block("decoder.fine", fine, 3)
        yield LayerShape("decoder.head", 3 * _PATCH**2, 9 * fine, COARSE)

    def _encoder(self) -> Iterator[LayerShape]:
        channels, fine, width, low = self.channels, self.fine, self.width, self.encoder_low
        yield LayerShape("encoder.linear", channels, 3 * _STRIDE**2, MIDDLE)
        yield LayerShape("encoder.stem", fine, 9 * 3 * _PATCH**2, MIDDLE)
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
        layers = self.layers
        steps = quantisers.astype(np.float64)[None] - STEP_ORIGIN
        seen = np.concatenate([latents.astype(np.float64), steps])
        x = layers["decoder.stem"].around(seen, -STREAM, STREAM)
        x = self._added(x, halved(lambda y: self._low("decoder.low", y), x))
        for index in range(_BODY_BLOCKS):
            x = self._block(f"decoder.body.{index}", x)
        x = shuffled(layers["decoder.up"].pointwise(_coarse(x), -STREAM, STREAM), 2)
        x = self._block("decoder.fine", x)
        detail = shuffled(layers["decoder.head"].around(_coarse(x), -SUM, SUM), _PATCH)
        linear = layers["decoder.linear"].pointwise(seen[:-1], -SUM, SUM)
        return _joined(shuffled(linear, _STRIDE), detail, MIDDLE, (0, 2 * MIDDLE)).astype(np.int16)

    def latents(self, picture: npt.NDArray[np.int16]) -> npt.NDArray[np.int32]:
        """A picture, sides multiples of 8 → its latents."""
        layers = self.layers
        centred = picture.astype(np.float32) - MIDDLE
        x = layers["encoder.stem"].around(unshuffled(centred, _PATCH), -STREAM, STREAM)
        x = self._block("encoder.fine", x)
        x = layers["encoder.down"].pointwise(unshuffled(_coarse(x), 2), -STREAM, STREAM)
        for index in range(_BODY_BLOCKS):
            x = self._block(f"encoder.body.{index}", x)
        x = self._added(x, halved(lambda y: self._low("encoder.low", y), x))
        detail = layers["encoder.head"].around(_coarse(x), -SUM, SUM)
        linear = layers["encoder.linear"].pointwise(unshuffled(centred, _STRIDE), -SUM, SUM)
        limits = -LATENT_LIMIT, LATENT_LIMIT
        return _joined(linear, detail, 0, limits).astype(np.int32)

    def _block(self, name: str, x: Plane) -> Plane:
        """A block, in the memory of its input."""
        first, second, curve = self.layers[f"{name}.a"], self.layers[f"{name}.b"], self.curves[name]
        y = self.layers[f"{name}.dw"].tiles(x, -COARSE, COARSE)
        memory = np.empty((first.shape.outputs, min(_COLUMNS_AT_ONCE, y.shape[1])), np.float32)
        for start in range(0, y.shape[1], _COLUMNS_AT_ONCE):  # which a core's cache holds
            some = y[:, start : start + _COLUMNS_AT_ONCE]
            inside = memory[:, : some.shape[1]]
            places = first.indices(some, STREAM, inside)
            curve.take(places, out=inside, mode="clip")  # none is beyond, which is quicker
            second.columns(inside, -SUM, SUM, out=some)
        return self._added(x, untiled(y, x))

    def _low(self, name: str, x: Plane) -> Plane:
        blocks = self.shape.decoder_blocks if name.startswith("d") else self.shape.encoder_blocks
        x = self.layers[f"{name}.enter"].pointwise(_coarse(x), -STREAM, STREAM)
        for index in range(blocks):
            x = self._block(f"{name}.{index}", x)
        return self.layers[f"{name}.leave"].pointwise(_coarse(x), -SUM, SUM)

    @staticmethod
    def _added(x: Plane, more: Plane) -> Plane:
        x += more
        return np.clip(x, -STREAM, STREAM, out=x)


def _coarse(x: Plane) -> Plane:
    """What dense layers see of a stream: rounded, halves up, to an eighth."""
    x = x * np.float32(1 / (1 << _COARSE_BITS))
    x += np.float32(0.5)
    np.floor(x, out=x)
    return np.clip(x, -COARSE, COARSE, out=x)


def _joined(linear: Plane, detail: Plane, origin: int, limits: tuple[int, int]) -> Plane:
    """The sum of both paths, rounded from sixteenths, halves up."""
    total = linear + detail
    total += 1 << (_FRACTION_BITS - 1)
    total *= np.float32(1 / (1 << _FRACTION_BITS))
    np.floor(total, out=total)
    total += origin
    return np.clip(total, *limits, out=total)
