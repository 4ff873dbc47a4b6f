"""What the networks in the loop do with planes, by kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ... import crew
from ..areas import Area
from ..integer_layers import IntegerLayer
from ..loop_arithmetic import (
    COARSE,
    COARSE_BITS,
    FRACTION_BITS,
    LATENT_LIMIT,
    STREAM,
    STRIDE,
)
from .depthwise import depthwise, pair_up
from .layers import add_dense, add_limited, dense, dense_wide, tiled
from .layouts import coarse, joined, squares
from .memory import aligned, empty, zeros

Plane = npt.NDArray[np.int16]  # (h, w, channels)
Sums = npt.NDArray[np.int32]
_ALIGNED = 16  # channels are filled up with zeros to multiples of it
_MOST_WIDE = (1 << 31) // 256  # of weights of wide layers, which see eight bits at once
_LARGEST = (1 << 15) - 1
_STRIP = 1 << 17  # samples of a plane
_WORTHWHILE = 10_000_000  # products of a share, which take 0.1 ms
_SLOWER = 4  # by so much are products of floats
_ROWS = 4  # positions of a tile
_MOVED_INPUTS, _MOVED_OUTPUTS = (".enter", ".down"), (".leave", ".up")  # squares of 2×2


def can_do(layers: Mapping[str, IntegerLayer]) -> bool:
    """Whether weights have sixteen bits, and sums of wide layers fit."""
    return all(
        np.abs(layer.weights).max() <= _LARGEST
        and (not layer.shape.wide or np.abs(layer.weights).sum(1).max() < _MOST_WIDE)
        for layer in layers.values()
    )


def _aligned(channels: int) -> int:
    return -(-channels // _ALIGNED) * _ALIGNED


class _Dense:
    """A dense layer's weights as kernels take them."""

    def __init__(self, layer: IntegerLayer, side: int) -> None:
        """side: 3 or 1."""
        outputs, inputs = layer.weights.shape
        channels = inputs // side**2
        seen, moved = (
            _places(count, layer.shape.name.endswith(names))
            for count, names in ((channels, _MOVED_INPUTS), (outputs, _MOVED_OUTPUTS))
        )
        self.side, self.wide, self.outputs = side, layer.shape.wide, _aligned(moved[-1] + 1)
        room = _aligned(seen[-1] + 1)
        self.pairs = side * room // 2
        weights = np.zeros((side, side, room, self.outputs), dtype=np.int16)
        by_place = layer.weights.reshape(outputs, channels, side, side).transpose(2, 3, 1, 0)
        weights[:, :, seen[:, None], moved] = by_place
        runs = weights.reshape(side, 2 * self.pairs, self.outputs)
        self.weights = aligned(np.concatenate([tiled(run) for run in runs]))
        self.scales = np.zeros((2, self.outputs), np.int64)
        self.scales[0, moved], self.scales[1, moved] = layer.bias[:, 0], layer.shift
        # What fits into sums of 32 bits, at most 24 unless the layer is wide, has no bits beyond.
        self.narrow_scales = self.scales.astype(np.int32)
        np.minimum(self.narrow_scales[1], 31, out=self.narrow_scales[1])
        by_channel = np.abs(weights).astype(np.float64).sum((0, 1))
        self._largest = by_channel[: seen[-1] + 1].T
        self._bias = np.abs(self.scales[0]).max()

    def __call__(self, x: Plane, limit: int, wanted: Area | None) -> Plane | Sums:
        """(h, w, inputs or, where it is 1×1, more) → (h, w, outputs) within ±limit, a plane for the
        limit of streams; anything where they are not wanted.
        """
        height, width, channels = x.shape
        geometry = width, width * channels, channels, 1, 0, self.pairs, 0
        segments = _segments(height, width, wanted, by_row=self.side == 3)
        if self.side == 3:
            padded = zeros((height + 2, width + 2, channels), np.int16)
            padded[1:-1, 1:-1] = x
            x, pitch = padded, (width + 2) * channels
            geometry = width, pitch, channels, 3, pitch, self.pairs, 0
        kind = np.int16 if limit == STREAM else np.int32
        out = empty((height * width, self.outputs), kind)
        seen, make, scales = np.ascontiguousarray(x).reshape(-1), dense, self.narrow_scales
        if self.wide and not self._fits(x):
            seen, make, scales = np.concatenate([seen & 255, seen >> 8]), dense_wide, self.scales
        arguments = seen, self.weights, scales, geometry, limit
        _shared(segments, len(self.weights), lambda some: make(*arguments, some, out))
        return out.reshape(height, width, -1)

    def _fits(self, x: Plane) -> bool:
        """Whether 32 bits hold the sums of these very inputs."""
        rows = x.reshape(-1, x.shape[2])[:, : self._largest.shape[1]]
        most = np.maximum(rows.max(0), -rows.min(0).astype(np.int64))
        return bool((self._largest @ most).max() + self._bias < 1 << 31)


def _places(count: int, in_squares: bool) -> npt.NDArray[np.int64]:
    """Where each channel lies: those of squares of 2×2 place by place, and in each filled up."""
    if not in_squares:
        return np.arange(count)
    channel, place = np.divmod(np.arange(count), 4)
    places: npt.NDArray[np.int64] = place * _aligned(count // 4) + channel
    return places


def _segments(
    height: int, width: int, wanted: Area | None, *, by_row: bool
) -> npt.NDArray[np.int64]:
    """Of a plane, those that are wanted; by_row: of one row each."""
    if wanted is not None:
        return wanted.segments()
    if not by_row:
        return np.array([[0, height * width]])
    starts = np.arange(0, height * width, width)
    return np.stack([starts, starts + width], 1)


def _shared(
    segments: npt.NDArray[np.int64], products: int, work: Callable[[npt.NDArray[np.int64]], None]
) -> None:
    """Do work on segments, each of whose positions takes so many products, with those who have time
    for it.
    """
    lengths = segments[:, 1] - segments[:, 0]
    total = int(lengths.sum())
    count = min(crew.shares(), total * products // _WORTHWHILE)
    if count < 2:
        work(segments)
        return
    before = lengths.cumsum() - lengths  # places of all segments before each
    tiles = -(-total // _ROWS)
    bounds = [_ROWS * (tiles * share // count) for share in range(count + 1)]
    parts = []
    for first, last in pairwise(bounds):
        cut = np.clip(np.array([[first], [last]]) - before, 0, lengths)
        parts.append(np.ascontiguousarray((segments[:, 0] + cut).T[cut[0] < cut[1]]))
    crew.do_together([partial(work, part) for part in parts])


class _Block:
    """A block's weights as kernels take them."""

    def __init__(self, layers: tuple[IntegerLayer, ...], curve: npt.NDArray[np.float32]) -> None:
        by_channel, *inside = layers
        self.first, self.second = (_Dense(layer, 1) for layer in inside)
        self.curve = curve.astype(np.int16)
        channels, taps = by_channel.weights.shape
        self.side, room = round(taps**0.5), _aligned(channels)
        around = np.zeros((self.side, self.side + 1, room), dtype=np.int16)
        squares = by_channel.weights.reshape(channels, self.side, self.side)
        around[:, :-1, :channels] = squares.transpose(1, 2, 0)
        by_pair = around.reshape(self.side, -1, 2, room).swapaxes(2, 3)
        self.around = aligned(np.ascontiguousarray(by_pair).view(np.int32).reshape(-1))
        self.scales = np.zeros((2, room), dtype=np.int32)
        self.scales[0, :channels] = by_channel.bias[:, 0]
        self.scales[1, :channels] = np.minimum(by_channel.shift, 31)

    def __call__(self, x: Plane, wanted: Area | None) -> Plane:
        """In the memory of its input, which stays what it is where nothing is wanted; in strips of
        rows that a core's cache holds.
        """
        height, width, channels = x.shape
        margin, rows = self.side // 2, _segments(height, width, wanted, by_row=True)
        at_once = min(max(_STRIP // (width * channels), 2 * margin), height)
        # Kernels look at four columns at once, of the narrowest planes beyond them.
        columns = max(width, 4) + 2 * margin
        around = empty((at_once + 2 * margin, columns, channels), np.int32)
        flat = x.reshape(-1)
        for first in range(0, height, at_once):
            last, before = min(first + at_once, height), -margin
            if first:  # rows above, as they were
                around[: 2 * margin] = around[at_once:]
                before = margin
            geometry = width, channels, margin, columns, first + before, last + margin
            pair_up(flat, geometry, around[before + margin :].reshape(-1))
            some = rows[(rows[:, 0] >= first * width) & (rows[:, 0] < last * width)] - first * width
            whole = np.array([[0, (last - first) * width]])
            self._strip(around, x[first:last], some, whole if wanted is None else some)
        return x

    def _strip(
        self,
        around: npt.NDArray[np.int32],
        x: Plane,
        rows: npt.NDArray[np.int64],
        segments: npt.NDArray[np.int64],
    ) -> None:
        """Some rows of a plane; around: these and those next to them, as they were."""
        seen, plane = empty((x.size,), np.int16), around.reshape(-1)
        geometry = x.shape[1], self.side, COARSE
        _shared(
            rows,
            _SLOWER * len(self.around),
            lambda some: depthwise(plane, self.around, self.scales, geometry, some, seen),
        )
        weights, scales = (
            (getattr(self.first, name), getattr(self.second, name))
            for name in ("weights", "narrow_scales")
        )
        arguments = seen, weights, scales, self.curve
        _shared(
            segments,
            len(self.first.weights) + len(self.second.weights),
            lambda some: add_dense(*arguments, some, x.reshape(-1)),
        )


class CompiledArithmetic:
    """``loop_arithmetic.PlaneArithmetic`` of planes (h, w, channels) of 16-bit integers, of sums of
    32; channels are filled up to multiples of 16 with zeros, or what becomes of them, which no
    weight sees.
    """

    def __init__(
        self, layers: Mapping[str, IntegerLayer], curves: Mapping[str, npt.NDArray[np.float32]]
    ) -> None:
        self._blocks = {
            name: _Block(tuple(layers[f"{name}.{part}"] for part in ("dw", "a", "b")), curve)
            for name, curve in curves.items()
        }
        of_blocks = {f"{name}.{part}" for name in curves for part in ("dw", "a", "b")}
        self._layers = {
            name: _Dense(layer, 3 if name.endswith((".stem", ".head")) else 1)
            for name, layer in layers.items()
            if name not in of_blocks
        }
        self._channels = layers["encoder.head"].shape.outputs

    def of_latents(self, latents: npt.NDArray[np.int32], steps: npt.NDArray[np.int64]) -> Plane:
        """Latents lie within ±LATENT_LIMIT."""
        channels, height, width = latents.shape
        plane = zeros((height, width, _aligned(channels + 1)), np.int16)
        plane[..., :channels], plane[..., channels] = latents.transpose(1, 2, 0), steps
        return plane

    def of_picture(self, picture: npt.NDArray[np.int16], side: int) -> Plane:
        _, height, width = picture.shape
        plane = empty((height // side, width // side, 3 * side**2), np.int16)
        squares(np.require(picture, requirements=["C", "W"]).reshape(-1), side, plane)
        return plane

    def around(self, name: str, x: Plane, limit: int, wanted: Area | None = None) -> Plane | Sums:
        return self._layers[name](x, limit, wanted)

    def pointwise(
        self, name: str, x: Plane, limit: int, wanted: Area | None = None
    ) -> Plane | Sums:
        return self._layers[name](x, limit, wanted)

    def block(self, name: str, x: Plane, wanted: Area | None = None) -> Plane:
        return self._blocks[name](x, wanted)

    def added(self, x: Plane, more: Sums) -> Plane:
        """In the memory of ``x``."""
        whole = np.ascontiguousarray(more)
        add_limited(x.reshape(-1), whole.reshape(-1), STREAM)
        return x

    def coarse(self, x: Plane) -> Plane:
        made = empty(x.shape, np.int16)
        coarse(x.reshape(-1), COARSE_BITS, COARSE, made.reshape(-1))
        return made

    def halved(self, body: Callable[[Plane], Sums], x: Plane) -> Sums:
        height, width, _ = x.shape
        if height % 2 or width % 2:
            x = np.pad(x, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self.finer(body(self.coarser(x)))[:height, :width]

    def finer(self, x: Sums) -> Sums:
        height, width, channels = x.shape
        made = empty((2 * height, 2 * width, channels // 4), x.dtype)
        split = x.reshape(height, width, 2, 2, channels // 4).transpose(0, 2, 1, 3, 4)
        made.reshape(height, 2, width, 2, -1)[...] = split
        return made

    def coarser(self, x: Plane) -> Plane:
        height, width, channels = x.shape
        made = empty((height // 2, width // 2, 4 * channels), x.dtype)
        split = x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 1, 3, 4)
        made.reshape(height // 2, width // 2, 2, 2, channels)[...] = split
        return made

    def to_picture(self, linear: Sums, detail: Sums) -> npt.NDArray[np.int16]:
        height, width, _ = linear.shape
        picture = np.empty((3, height * STRIDE, width * STRIDE), dtype=np.int16)
        joined(linear.reshape(-1), detail.reshape(-1), picture)
        return picture

    def to_latents(self, linear: Sums, detail: Sums) -> npt.NDArray[np.int32]:
        total = np.add(linear, detail, out=linear)
        total += 1 << (FRACTION_BITS - 1)
        total >>= FRACTION_BITS
        np.clip(total, -LATENT_LIMIT, LATENT_LIMIT, out=total)
        return np.ascontiguousarray(total[..., : self._channels].transpose(2, 0, 1))
