"""Layers of the networks in the loop: integers in, integers out, the same on every machine.

A layer's weights are integers, and its sums stay so small that float32 holds every one of them
exactly, whatever the order of summation, with or without fused multiplication: tables whose sums
could reach 2^24 are refused when they are loaded.  Layers whose inputs are too wide for that use
float64 and 2^53.  (Networks of eight to ten bits: Jacob et al. 2018, "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference".)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..v1.tables import TablesError
from .tensors import Take

LARGEST_SHIFT = 40
NARROW_SUM, WIDE_SUM = 1 << 24, 1 << 52  # that float32 and float64 hold with all integers below
_HEADROOM = 1 << 13  # for what is added to a sum before it is limited
# A depthwise convolution is a matrix product over tiles of its outputs, rows and columns.
_TILE = (2, 8)
# What of the inputs is laid out at once, which a core's cache holds: positions that 3×3 weights
# see, and samples that tiles see.
_POSITIONS_AT_ONCE, _SAMPLES_AT_ONCE = 1 << 9, 1 << 18
Plane = npt.NDArray[Any]  # (C, h, w) or (C, n), float32 or float64, holding integers


@dataclass(frozen=True)
class LayerShape:
    """One layer.

    outputs, inputs: rows and columns of its weights; of a depthwise layer channels and taps.
    limit: inputs lie within ±limit.
    wide: its sums need float64.
    """

    name: str
    outputs: int
    inputs: int
    limit: int
    wide: bool = False


@dataclass(frozen=True)
class IntegerLayer:
    """floor((weights · inputs + bias) / 2^shift), row by row.

    weights (outputs, inputs), bias, shift (outputs,) float32 or float64 holding integers; the half
    that rounds is part of the bias.
    """

    shape: LayerShape
    weights: Plane
    bias: Plane
    shift: npt.NDArray[np.int64]

    @classmethod
    def of(cls, take: Take, prefix: str, shape: LayerShape) -> IntegerLayer:
        """From the tensors ``PREFIX.weights``, ``bias`` and ``shift``.  Raises ``TablesError``."""
        weights = take(f"{prefix}.weights", (shape.outputs, shape.inputs))
        bias, shift = (take(f"{prefix}.{part}", (shape.outputs,)) for part in ("bias", "shift"))
        most = WIDE_SUM if shape.wide else NARROW_SUM
        largest = most // shape.limit  # first each alone, or their sum could overflow
        if np.abs(weights).max() > largest or np.abs(bias).max() >= most:
            raise TablesError(f"{prefix}: weights must lie within ±{largest}")
        sums = np.abs(weights).sum(1) * shape.limit + np.abs(bias)
        if sums.max() > most - _HEADROOM:
            raise TablesError(f"{prefix}: sums of up to {sums.max()} would not be exact")
        if shift.min() < 0 or shift.max() > LARGEST_SHIFT:
            raise TablesError(f"{prefix}.shift: must be 0..{LARGEST_SHIFT}")
        kind = np.float64 if shape.wide else np.float32
        return cls(shape, weights.astype(kind), bias.astype(kind)[:, None], shift)

    def to_tensors(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """The inverse of ``of``: 16-bit weights where they fit."""
        fits = np.abs(self.weights).max() < 1 << 15
        return {
            f"{prefix}.weights": self.weights.astype(np.int16 if fits else np.int32),
            f"{prefix}.bias": self.bias[:, 0].astype(np.int32),
            f"{prefix}.shift": self.shift.astype(np.int32),
        }

    @cached_property
    def whole(self) -> tuple[Plane, Plane]:
        """Weights and bias times 2^-shift, so that sums need not be shifted: a product with a power
        of two is exact, and so are sums of such products.
        """
        # ldexp, not a power, which may be off by a bit under another rounding of the processor.
        factors = np.ldexp(self.weights.dtype.type(1), -self.shift)[:, None]
        return self.weights * factors, self.bias * factors

    @cached_property
    def _tile_weights(self) -> Plane:
        """Of a depthwise layer, (channels, samples that a tile sees, samples of a tile): what the
        outputs of a tile take of all it sees.
        """
        side = round(self.shape.inputs**0.5)
        by_place = self.whole[0].reshape(-1, side, side)
        down, across = (size + side - 1 for size in _TILE)
        matrix = np.zeros((len(by_place), down, across, *_TILE), dtype=by_place.dtype)
        for y, x in np.ndindex(_TILE):
            matrix[:, y : y + side, x : x + side, y, x] = by_place
        return matrix.reshape(len(by_place), down * across, -1)

    def __getstate__(self) -> dict[str, Any]:
        """For pickling: without what follows from the rest."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def columns(self, inputs: Plane, low: int, high: int, out: Plane | None = None) -> Plane:
        """Inputs (inputs, n) → outputs (outputs, n), limited to low..high, float32.

        out: where to put them, for layers that are not wide.
        """
        return _limited(self._sums(inputs, out), low, high)

    def indices(self, inputs: Plane, limit: int, out: Plane) -> npt.NDArray[np.intp]:
        """Inputs (inputs, n) → outputs limited to ±limit, plus that: 0..2·limit, (outputs, n).

        out: memory to work in, of that shape.
        """
        sums = self._sums(inputs, out)
        # Below so many, float32 holds a sum and the limit exactly; what is rounded lies beyond it.
        if limit << int(self.shift.max()) >= NARROW_SUM >> 1:
            np.floor(sums, out=sums)
        sums += np.float32(limit)
        np.clip(sums, 0, 2 * limit, out=sums)
        return sums.astype(np.intp)  # rounded down, as nothing is negative

    def _sums(self, inputs: Plane, out: Plane | None) -> Plane:
        weights, bias = self.whole
        sums: Plane = np.matmul(weights, inputs, out=out)
        sums += bias
        return sums

    def pointwise(self, plane: Plane, low: int, high: int) -> Plane:
        """A 1×1 convolution, (C, h, w) → (outputs, h, w)."""
        channels, height, width = plane.shape
        flat = plane.reshape(channels, height * width)
        return self.columns(flat, low, high).reshape(-1, height, width)

    def around(self, plane: Plane, low: int, high: int) -> Plane:
        """A 3×3 convolution with zeros around the plane, (C, h, w) → (outputs, h, w).

        The weights' columns are channel by channel, and within a channel tap by tap.
        """
        channels, height, width = plane.shape
        padded = np.zeros((channels, height + 2, width + 2), dtype=self.weights.dtype)
        padded[:, 1:-1, 1:-1] = plane
        seen = sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 3, 4, 1, 2)
        made = np.empty((self.shape.outputs, height, width), dtype=np.float32)
        at_once = max(_POSITIONS_AT_ONCE // width, 1)
        for first in range(0, height, at_once):
            rows = slice(first, min(first + at_once, height))
            some = seen[..., rows, :].reshape(9 * channels, -1)
            made[:, rows] = self.columns(some, low, high).reshape(len(made), -1, width)
        return made

    def depthwise(self, plane: Plane, low: int, high: int) -> Plane:
        """Every channel convolved with its own square of taps, zeros around the plane."""
        return untiled(self.tiles(plane, low, high), plane)

    def tiles(self, plane: Plane, low: int, high: int) -> Plane:
        """The same, tile by tile as ``untiled`` takes them, (C, n)."""
        channels, height, width = plane.shape
        side = round(self.shape.inputs**0.5)
        down, across = _tiles_of(plane)
        padded = np.zeros(
            (channels, down * _TILE[0] + side - 1, across * _TILE[1] + side - 1), dtype=np.float32
        )
        padded[:, side // 2 :, side // 2 :][:, :height, :width] = plane
        windows = tuple(size + side - 1 for size in _TILE)
        seen = sliding_window_view(padded, windows, axis=(1, 2))[:, :: _TILE[0], :: _TILE[1]]
        made = np.empty((channels, down * across, _TILE[0] * _TILE[1]), dtype=np.float32)
        at_once = max(_SAMPLES_AT_ONCE // seen[0].size, 1)
        for first in range(0, channels, at_once):
            some = slice(first, first + at_once)
            squares = seen[some].reshape(-1, down * across, windows[0] * windows[1])
            np.matmul(squares, self._tile_weights[some], out=made[some])
        flat = made.reshape(channels, -1)
        flat += self.whole[1]
        return _limited(flat, low, high)


def _limited(sums: Plane, low: int, high: int) -> Plane:
    """Sums rounded down and limited, in place."""
    np.floor(sums, out=sums)
    np.clip(sums, low, high, out=sums)
    limited: Plane = sums.astype(np.float32, copy=False)
    return limited


def _tiles_of(plane: Plane) -> tuple[int, int]:
    """How many tiles cover a plane, downwards and across."""
    down, across = (-(-size // side) for size, side in zip(plane.shape[1:], _TILE, strict=True))
    return down, across


def untiled(tiles: Plane, plane: Plane) -> Plane:
    """Samples (C, n), tile by tile and row by row within each, as the plane (C, h, w) that has the
    shape of ``plane``.
    """
    channels, height, width = plane.shape
    down, across = _tiles_of(plane)
    split = tiles.reshape(channels, down, across, *_TILE).transpose(0, 1, 3, 2, 4)
    joined: Plane = split.reshape(channels, down * _TILE[0], across * _TILE[1])
    return joined[:, :height, :width]


def unshuffled(plane: Plane, side: int) -> Plane:
    """(C, h·side, w·side) → (C·side², h, w), as ``torch.nn.PixelUnshuffle``."""
    channels, height, width = plane.shape
    split = plane.reshape(channels, height // side, side, width // side, side)
    return split.transpose(0, 2, 4, 1, 3).reshape(-1, height // side, width // side)


def shuffled(plane: Plane, side: int) -> Plane:
    """(C·side², h, w) → (C, h·side, w·side), as ``torch.nn.PixelShuffle``."""
    channels, height, width = plane.shape
    split = plane.reshape(channels // side**2, side, side, height, width)
    joined: Plane = split.transpose(0, 3, 1, 4, 2).reshape(-1, height * side, width * side)
    return joined


def halved(body: Callable[[Plane], Plane], plane: Plane) -> Plane:
    """A body run at half resolution; an odd row or column repeats before it and goes after it."""
    _, height, width = plane.shape
    if height % 2 or width % 2:
        plane = np.pad(plane, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return shuffled(body(unshuffled(plane, 2)), 2)[:, :height, :width]
