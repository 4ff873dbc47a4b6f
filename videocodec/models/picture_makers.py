"""What makes pictures of latents that nothing restores: the autoencoder, in floating point, or the
networks of the stream's own loop, in integers.

No torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from bitstream.coder import Tables
from bitstream.formats import loop_networks
from bitstream.limits import available_bytes
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.memory import network_bytes
from bitstream.v2.shown_pictures import reach, shown_picture

from ..decoded import QUANTISER_STEPS
from ..errors import OutOfMemoryError
from .parts import MOST_AT_ONCE, Rectangle, tiles_of

if TYPE_CHECKING:
    from .runtime import AutoencoderRuntime

Latents = npt.NDArray[np.integer[Any]]  # (C, h, w), latent units
Quantisers = npt.NDArray[np.integer[Any]]  # (h, w), of every position
Picture = npt.NDArray[np.uint8]  # (H, W, 3), RGB


class PictureMaker(Protocol):
    """Makes one picture at a time."""

    @property
    def reach(self) -> int | None:
        """How many positions around one its pixels depend on, None where nobody knows."""

    def whole(self, latents: Latents, quantisers: Quantisers, height: int, width: int) -> Picture:
        """The picture, cropped from the top left to (height, width, 3)."""

    def part(
        self, latents: Latents, quantisers: Quantisers, part: Rectangle, size: tuple[int, int]
    ) -> Picture:
        """The pixels of one part of the picture that ``whole`` would make, as far as they are in
        it; part: of its positions; size: height and width of the whole.
        """


class FloatPictures:
    """By an autoencoder: parts are those of the whole within rounding."""

    def __init__(self, runtime: AutoencoderRuntime) -> None:
        self._runtime, self.reach = runtime, runtime.reach

    def whole(self, latents: Latents, quantisers: Quantisers, height: int, width: int) -> Picture:
        """As the protocol says."""
        picture: Picture = self._runtime.decode(*_floats(latents, quantisers), height, width)[0]
        return picture

    def part(
        self, latents: Latents, quantisers: Quantisers, part: Rectangle, size: tuple[int, int]
    ) -> Picture:
        """As the protocol says."""
        made: Picture = self._runtime.decode_part(*_floats(latents, quantisers), part, *size)[0]
        return made


def _floats(
    latents: Latents, quantisers: Quantisers
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """As the autoencoder takes them: PyTorch takes no arrays that nobody may write to."""
    return latents.astype(np.float32)[None], QUANTISER_STEPS[quantisers][None]


class ExactPictures:
    """By the integer networks of the loop: the same bytes everywhere, in parts or as a whole.

    name: of the model, for errors.  most: positions, with what has to be seen around them, that go
    through the networks at once; larger pictures are made in tiles, which are those of the whole.
    """

    def __init__(self, networks: LoopNetworks, name: str, most: int = MOST_AT_ONCE) -> None:
        self._networks, self._name, self._most = networks, name, most
        self._bytes = network_bytes(networks.shape)
        self.reach: int = reach(networks.shape)

    @classmethod
    def of(cls, tables: Tables, name: str) -> ExactPictures | None:
        """For a model's tables; None where it has no networks in its loop."""
        networks = loop_networks(tables)
        return None if networks is None else cls(networks, name)

    def whole(self, latents: Latents, quantisers: Quantisers, height: int, width: int) -> Picture:
        """As the protocol says.  Raises ``OutOfMemoryError``."""
        return self.part(latents, quantisers, Rectangle(0, 0, *quantisers.shape), (height, width))

    def part(
        self, latents: Latents, quantisers: Quantisers, part: Rectangle, size: tuple[int, int]
    ) -> Picture:
        """As the protocol says.  Raises ``OutOfMemoryError``."""
        rows, columns = quantisers.shape

        def made(outer: Rectangle) -> Picture:
            self._check_memory(outer.area, size)
            at = slice(outer.top, outer.bottom), slice(outer.left, outer.right)
            return shown_picture(self._networks, latents[:, *at], quantisers[at])

        whole = Rectangle(0, 0, rows, columns)
        tiles = tiles_of(part, self.reach, rows, columns, self._most)
        if tiles == [whole]:
            return made(whole)[: size[0], : size[1]]
        return _joined(tiles, part, size, lambda tile: _inner(tile, self.reach, whole, made))

    def _check_memory(self, positions: int, size: tuple[int, int]) -> None:
        needed, available = positions * self._bytes, available_bytes()
        if needed > available:
            raise OutOfMemoryError(
                f"not enough memory to decode pictures of {size[1]}×{size[0]}: the networks of"
                f" {self._name} take {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are"
                " allowed here: decode it on a machine with more memory"
            )


def usual_maker(runtime: AutoencoderRuntime) -> PictureMaker:
    """What makes unrestored pictures of a model by default on CPUs: exact ones if it has any."""
    bundle = runtime.bundle
    return ExactPictures.of(bundle.tables, bundle.name) or FloatPictures(runtime)


def _inner(
    tile: Rectangle, reach: int, whole: Rectangle, made: Callable[[Rectangle], Picture]
) -> Picture:
    """A tile, made with as much around it as has to be seen."""
    outer = tile.grown(reach, whole.bottom, whole.right)
    inner, around = tile.pixels(), outer.pixels()
    rows = slice(inner.top - around.top, inner.bottom - around.top)
    return made(outer)[rows, inner.left - around.left : inner.right - around.left]


def _joined(
    tiles: list[Rectangle],
    part: Rectangle,
    size: tuple[int, int],
    pixels: Callable[[Rectangle], Picture],
) -> Picture:
    """A part of a picture out of its tiles, those left out that lie in the padding."""
    top, left, bottom, right = part.pixels()
    bottom, right = min(bottom, size[0]), min(right, size[1])
    joined = np.empty((bottom - top, right - left, 3), np.uint8)
    for tile in tiles:
        place = tile.pixels()
        if place.top < bottom and place.left < right:
            target = joined[place.top - top :, place.left - left :]
            rows, columns = target.shape[:2]
            some = pixels(tile)[:rows, :columns]
            target[: some.shape[0], : some.shape[1]] = some
    return joined
