"""Layers of the networks in the loop: integers in, integers out, the same on every machine.

A layer's weights are integers, and its sums stay so small that float32 holds every one of them
exactly, whatever the order of summation, with or without fused multiplication: tables whose sums
could reach 2^24 are refused when they are loaded.  Layers whose inputs are too wide for that use
float64 and 2^53.  (Networks of eight to ten bits: Jacob et al. 2018, "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference".)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..v1.tables import TablesError
from .tensors import Take

LARGEST_SHIFT = 40
NARROW_SUM, WIDE_SUM = 1 << 24, 1 << 52  # that float32 and float64 hold with all integers below
_HEADROOM = 1 << 13  # for what is added to a sum before it is limited
_CHANNELS_AT_ONCE = 8  # of a depthwise convolution: their planes stay in a core's cache
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

    def columns(self, inputs: Plane, low: int, high: int) -> Plane:
        """Inputs (inputs, n) → outputs (outputs, n), limited to low..high, float32."""
        return self._scaled(self.weights @ inputs, low, high)

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
        padded = np.pad(plane, ((0, 0), (1, 1), (1, 1)))
        by_tap = self.weights.reshape(-1, channels, 9)
        sums = np.zeros((len(by_tap), height * width), dtype=self.weights.dtype)
        for tap in range(9):
            y, x = divmod(tap, 3)
            seen = padded[:, y : y + height, x : x + width].reshape(channels, -1)
            sums += np.ascontiguousarray(by_tap[:, :, tap]) @ seen
        return self._scaled(sums, low, high).reshape(-1, height, width)

    def depthwise(self, plane: Plane, low: int, high: int) -> Plane:
        """Every channel convolved with its own square of taps, zeros around the plane."""
        channels, height, width = plane.shape
        side = round(self.shape.inputs**0.5)
        padded = np.pad(plane, ((0, 0), (side // 2, side // 2), (side // 2, side // 2)))
        sums = np.zeros_like(plane)
        part = np.empty((_CHANNELS_AT_ONCE, height, width), dtype=plane.dtype)
        for first in range(0, channels, _CHANNELS_AT_ONCE):
            some = slice(first, min(first + _CHANNELS_AT_ONCE, channels))
            product = part[: some.stop - first]
            for tap in range(side * side):
                y, x = divmod(tap, side)
                seen = padded[some, y : y + height, x : x + width]
                np.multiply(seen, self.weights[some, tap, None, None], out=product)
                sums[some] += product
        flat = sums.reshape(channels, -1)
        return self._scaled(flat, low, high).reshape(plane.shape)

    def _scaled(self, sums: Plane, low: int, high: int) -> Plane:
        """Bias, shift and limits of sums (outputs, n), in place."""
        sums += self.bias
        # A product with a power of two is exact, and so is what floor makes of it.
        sums *= np.ldexp(sums.dtype.type(1), -self.shift)[:, None]
        np.floor(sums, out=sums)
        np.clip(sums, low, high, out=sums)
        limited: Plane = sums.astype(np.float32, copy=False)
        return limited


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
