"""What the networks in the loop do with planes, in NumPy: the reference.

``compiled.arithmetic`` does the same; planes are what each makes of them, and nobody else looks
into them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .areas import Area
from .integer_layers import IntegerLayer, Plane, halved, shuffled, unshuffled, untiled

MIDDLE = 510  # grey in pictures of the loop, whose samples are 0..2·MIDDLE
STREAM = 4095  # limits of what blocks add to,
COARSE = 511  # of what dense layers see of it,
HIDDEN = 1023  # of the inside of a block,
SUM = 1 << 20  # and of what is added to something wider
LATENT_LIMIT = 32767
PATCH, STRIDE = 4, 8  # px a side that the first layers see, and that a latent stands for
COARSE_BITS = 3  # by which COARSE is coarser than STREAM
FRACTION_BITS = 4  # of the two parts of a picture or of latents, before they are added
_COLUMNS_AT_ONCE = 1 << 10


class PlaneArithmetic:
    """Planes are (C, h, w), floats that hold integers.

    wanted: where somebody wants what a layer makes; others may leave out the rest, here all is
    made.
    """

    def __init__(
        self, layers: Mapping[str, IntegerLayer], curves: Mapping[str, npt.NDArray[np.float32]]
    ) -> None:
        self._layers, self._curves = layers, curves

    def begin(self) -> PlaneArithmetic:
        """What does the steps of one network."""
        return self

    def of_latents(self, latents: npt.NDArray[np.int32], steps: npt.NDArray[np.int64]) -> Plane:
        """Latents (C, h, w) and what is known of their steps (h, w)."""
        return np.concatenate([latents.astype(np.float64), steps[None].astype(np.float64)])

    def of_picture(self, picture: npt.NDArray[np.int16], side: int) -> Plane:
        """A picture (3, H, W), grey as 0, squares of ``side`` px as channels."""
        return unshuffled(picture.astype(np.float32) - MIDDLE, side)

    def of_plane(self, plane: npt.NDArray[np.int16], channels: int) -> Plane:
        """A stream of so many channels, (h, w, C), which may be changed; the others are zeros."""
        return plane[..., :channels].transpose(2, 0, 1).astype(np.float32)

    def around(self, name: str, x: Plane, limit: int, wanted: Area | None = None) -> Plane:
        """The 3×3 layer of that name, within ±limit."""
        return self._layers[name].around(x, -limit, limit)

    def pointwise(self, name: str, x: Plane, limit: int, wanted: Area | None = None) -> Plane:
        """The 1×1 layer of that name, of as many channels as it takes."""
        layer = self._layers[name]
        return layer.pointwise(x[: layer.shape.inputs], -limit, limit)

    def block(self, name: str, x: Plane, wanted: Area | None = None) -> Plane:
        """A block, in the memory of its input."""
        first, second = self._layers[f"{name}.a"], self._layers[f"{name}.b"]
        y = self._layers[f"{name}.dw"].tiles(x, -COARSE, COARSE)
        memory = np.empty((first.shape.outputs, min(_COLUMNS_AT_ONCE, y.shape[1])), np.float32)
        for start in range(0, y.shape[1], _COLUMNS_AT_ONCE):  # which a core's cache holds
            some = y[:, start : start + _COLUMNS_AT_ONCE]
            inside = memory[:, : some.shape[1]]
            places = first.indices(some, STREAM, inside)
            # None is beyond, which is quicker.
            self._curves[name].take(places, out=inside, mode="clip")
            second.columns(inside, -SUM, SUM, out=some)
        return self.added(x, untiled(y, x))

    def added(self, x: Plane, more: Plane) -> Plane:
        """The sum, within ±STREAM, in the memory of ``x``."""
        x += more
        return np.clip(x, -STREAM, STREAM, out=x)

    def coarse(self, x: Plane) -> Plane:
        """What dense layers see of a stream: rounded, halves up, to an eighth."""
        x = x * np.float32(1 / (1 << COARSE_BITS))
        x += np.float32(0.5)
        np.floor(x, out=x)
        return np.clip(x, -COARSE, COARSE, out=x)

    def halved(self, body: Callable[[Plane], Plane], x: Plane) -> Plane:
        """A body run at half resolution; an odd row or column repeats before it."""
        return halved(body, x)

    def finer(self, x: Plane) -> Plane:
        """Four channels as squares of 2×2."""
        return shuffled(x, 2)

    def coarser(self, x: Plane) -> Plane:
        """Squares of 2×2 as four channels."""
        return unshuffled(x, 2)

    def to_plane(self, x: Plane) -> npt.NDArray[np.int16]:
        """A stream as (h, w, C), or with more channels that say nothing."""
        return x.transpose(1, 2, 0).astype(np.int16)

    def to_picture(self, linear: Plane, detail: Plane) -> npt.NDArray[np.int16]:
        """Both parts of a picture (3, H, W), in squares of STRIDE and of PATCH px as channels."""
        total = _joined(shuffled(linear, STRIDE), shuffled(detail, PATCH))
        total += MIDDLE
        return np.clip(total, 0, 2 * MIDDLE, out=total).astype(np.int16)

    def to_latents(self, linear: Plane, detail: Plane) -> npt.NDArray[np.int32]:
        """Both parts of latents."""
        total = _joined(linear, detail)
        return np.clip(total, -LATENT_LIMIT, LATENT_LIMIT, out=total).astype(np.int32)


def _joined(linear: Plane, detail: Plane) -> Plane:
    """The sum of both paths, rounded from sixteenths, halves up."""
    total: Plane = linear + detail
    total += 1 << (FRACTION_BITS - 1)
    total *= np.float32(1 / (1 << FRACTION_BITS))
    return np.floor(total, out=total)


Arithmetic = Any  # PlaneArithmetic, or what does the same
