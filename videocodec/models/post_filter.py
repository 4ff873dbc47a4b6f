"""The post-filter that a bundle may have: it takes out of decoded pictures what coding put in.

Decoders work on squares of 4 px and more, and cannot smooth a ripple along an edge; the filter sees
pixels, in squares of 2×2.  It works in integers, so that filtered pictures are the same bytes on
every machine.  It lies in ``post_filter/`` and is no part of the model's identity, since nothing
that is coded depends on it.  (The place is that of the neural-network post-filters of H.274.)

No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from bitstream.blas_threads import one_blas_thread
from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.tables import TablesError
from bitstream.v2 import compiled
from bitstream.v2.integer_layers import IntegerLayer, LayerShape
from bitstream.v2.loop_arithmetic import COARSE, COARSE_BITS, STREAM, SUM, PlaneArithmetic
from bitstream.v2.loop_networks import STEP_ORIGIN
from bitstream.v2.tensors import Take, taker

from ..errors import UnknownModelError
from .files import POST_FILTER, POST_FILTER_WEIGHTS

Picture = npt.NDArray[np.uint8]  # (H, W, 3), RGB
Integers = npt.NDArray[np.integer[Any]]
# Latents (C, h, w), the quantiser of every position (h, w), height and width → the picture.
Whole = Callable[[Integers, Integers, int, int], Picture]
PATCH = 2  # px a side of the squares that it works on
PICTURE_CHANNELS = 3 * PATCH**2
CHANNELS = PICTURE_CHANNELS + 1  # with one for the quantiser
SAMPLE_BITS = 4  # sixteenths of a grey level are what is filtered
GREY = 2040  # what black is below 0: half of white, in these
LAST = "last.head"  # of the layers; names end as arithmetic knows those of 3×3
_POSITIONS = PIXELS_PER_LATENT // PATCH  # a side, that share the quantiser of a latent
_LARGEST = 256, 8  # width and layers
_WHITE = 255


def layer_shapes(width: int, layers: int) -> Iterator[LayerShape]:
    """Of a filter of so many features, and convolutions before the last one, by their names."""
    for index in range(layers):
        inputs = width if index else CHANNELS
        yield LayerShape(f"layers.{index}.stem", width, 9 * inputs, COARSE)
    yield LayerShape(LAST, CHANNELS, 9 * width, COARSE)


class PostFilter:
    """3×3 convolutions on squares of 2×2 px, whose sums are limited, and one that gives what is
    added to the picture.

    layers: by their names, as ``layer_shapes`` has them.
    """

    def __init__(self, layers: dict[str, IntegerLayer]) -> None:
        self.layers = layers
        self._numpy = PlaneArithmetic(layers, {})
        self._compiled: Any | None = None
        self._asked = False  # whether kernels can do it

    @classmethod
    def of(cls, take: Take) -> PostFilter:
        """From the tensors of a file.  Raises ``TablesError``."""
        width, layers = (int(size) for size in take("shape", (2,)))
        for size, most in zip((width, layers), _LARGEST, strict=True):
            if not 1 <= size <= most:
                raise TablesError(f"shape: must be 1..{most}, is {size}")
        shapes = layer_shapes(width, layers)
        return cls({one.name: IntegerLayer.of(take, one.name, one) for one in shapes})

    @classmethod
    def load(cls, folder: Path) -> PostFilter | None:
        """Of the bundle in ``folder``, None if it has none.  Raises ``UnknownModelError``."""
        file = folder / POST_FILTER / POST_FILTER_WEIGHTS
        if not file.is_file():
            return None
        try:
            return cls.of(taker(load_file(str(file))))
        except (OSError, SafetensorError, TablesError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnknownModelError(f"{file}: no post-filter ({reason})") from error

    def save(self, folder: Path) -> None:
        """Put it into the bundle in ``folder``, whose identity stays what it is."""
        tensors: dict[str, npt.NDArray[Any]] = {}
        for name, layer in self.layers.items():
            tensors |= layer.to_tensors(name)
        width = self.layers[LAST].shape.inputs // 9
        tensors["shape"] = np.array([width, len(self.layers) - 1], np.int32)
        (folder / POST_FILTER).mkdir(exist_ok=True)
        save_file(tensors, str(folder / POST_FILTER / POST_FILTER_WEIGHTS))

    def picture(self, decoded: Picture, quantisers: Integers) -> Picture:
        """A decoded picture (H, W, 3) and the quantiser of every latent position, at least
        (⌈H/8⌉, ⌈W/8⌉) → the filtered one, as large.
        """
        height, width = decoded.shape[:2]
        if height % PATCH or width % PATCH:
            decoded = np.pad(decoded, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        steps = (quantisers.astype(np.int16) - np.int16(STEP_ORIGIN)) << COARSE_BITS
        by_kernels = self._by_kernels()
        if by_kernels is not None:
            made: Picture = by_kernels.picture(decoded, steps, SAMPLE_BITS, GREY)
            return made[:height, :width]
        with one_blas_thread():
            plane = self._filtered(_as_plane(decoded, steps))
        return _as_picture(plane)[:height, :width]

    def _by_kernels(self) -> Any | None:
        """What does the whole of it, once there are kernels, where they can."""
        kernels = compiled.kernels()
        by = None if kernels is None else kernels.picture_filter
        if by is None:
            return None
        if not self._asked:
            self._asked = True
            if by.can_do(list(self.layers.values())):
                self._compiled = by.PictureFilter(list(self.layers.values()))
        return self._compiled

    def __getstate__(self) -> dict[str, Any]:
        """For pickling: without what follows from the rest."""
        return vars(self) | {"_compiled": None, "_asked": False}

    def _filtered(self, plane: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        by = self._numpy
        x = by.of_plane(plane, CHANNELS)
        y = x
        for name in list(self.layers)[:-1]:
            y = by.around(name, by.coarse(y), STREAM)
        more = by.around(LAST, by.coarse(y), SUM)
        made: npt.NDArray[np.int16] = by.to_plane(by.added(x, more))
        return made


def filtered(make: Whole, folder: Path) -> Whole:
    """What ``make`` makes, through the post-filter of the bundle in ``folder``, if it has one.

    Raises ``UnknownModelError``.
    """
    post_filter = PostFilter.load(folder)
    if post_filter is None:
        return make

    def whole(latents: Integers, quantisers: Integers, height: int, width: int) -> Picture:
        return post_filter.picture(make(latents, quantisers, height, width), quantisers)

    return whole


def _as_plane(picture: Picture, steps: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Squares of 2×2 px of a picture as channels, grey as 0, and what stands for the quantiser."""
    height, width = (side // PATCH for side in picture.shape[:2])
    plane = np.empty((height, width, CHANNELS), np.int16)
    squares = picture.reshape(height, PATCH, width, PATCH, 3).transpose(0, 2, 4, 1, 3)
    samples = plane[..., :PICTURE_CHANNELS]
    samples[:] = squares.reshape(height, width, PICTURE_CHANNELS)
    samples <<= SAMPLE_BITS
    samples -= GREY
    fine = steps.repeat(_POSITIONS, 0).repeat(_POSITIONS, 1)
    plane[..., PICTURE_CHANNELS] = fine[:height, :width]
    return plane


def _as_picture(plane: npt.NDArray[np.int16]) -> Picture:
    """The inverse, rounded, halves up, and limited."""
    height, width = plane.shape[:2]
    samples = plane[..., :PICTURE_CHANNELS] + np.int16(GREY + (1 << (SAMPLE_BITS - 1)))
    samples >>= SAMPLE_BITS
    shown = np.clip(samples, 0, _WHITE, out=samples).astype(np.uint8)
    squares = shown.reshape(height, width, 3, PATCH, PATCH).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(squares).reshape(height * PATCH, width * PATCH, 3)
