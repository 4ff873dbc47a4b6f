"""The context network of a slice, in exact integers: what a value is expected to be, and how far
from that it may be.

A 3×3 neighbourhood goes through one hidden layer, and past it.  Values are in sixteenths of the
quantiser step.  All arithmetic is on integers held in float64, exact below 2^53 in any order of
summation, so a BLAS product gives the same integers everywhere; FORMAT-2.md bounds every sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ldexp

import numpy as np
import numpy.typing as npt

from .scan import FLAGS

VALUE_BITS = 4  # fraction bits of values, means and log2 scales: sixteenths
WEIGHT_BITS = 12  # fraction bits of weights
SUM_BITS = VALUE_BITS + WEIGHT_BITS  # of the first layer's sums, and of all biases
STEP_BITS = 3  # log2 of the step comes in eighths
HIDDEN_BITS = 8  # fraction bits of hidden activations
HIDDEN_LIMIT = (1 << 20) - 1
INPUT_LIMIT = (1 << 13) - 1  # values are clamped to this before they enter a network
MEAN_LIMIT = (1 << 17) - 1
WEIGHT_LIMIT = 1 << 24
TAPS = 9
CONSTANT_PLANES = FLAGS + 2  # the flags, log2 of the step, ones: the same at all positions


def planes_of(first: int, channels: int) -> int:
    """How many planes the network of a slice sees: values and magnitudes of the ``first`` channels
    before it and of its own, and the constant planes.
    """
    return 2 * (first + channels) + CONSTANT_PLANES


@dataclass(frozen=True)
class SliceNetwork:
    """Integer weights of one slice's network.

    channels: of the slice, C below.
    gather (9·K, hidden + 2·C) float64 holding integers, rows plane-major, then row-major over the
    3×3 neighbourhood; mix (hidden, 2·C): both with WEIGHT_BITS, but rows of gather for flags and
    ones with SUM_BITS and for log2 of the step with SUM_BITS - STEP_BITS fraction bits.
    gather_bias (hidden + 2·C,), mix_bias (2·C,): with SUM_BITS.
    Outputs: C means, then C log2 scales.
    """

    gather: npt.NDArray[np.float64]
    gather_bias: npt.NDArray[np.float64]
    mix: npt.NDArray[np.float64]
    mix_bias: npt.NDArray[np.float64]
    channels: int

    def __post_init__(self) -> None:
        outputs, hidden = 2 * self.channels, self.mix.shape[0]
        if self.gather.shape[1:] != (hidden + outputs,) or self.mix.shape != (hidden, outputs):
            raise ValueError(
                f"context network: shapes {self.gather.shape} and {self.mix.shape} do not fit"
                f" {self.channels} channels"
            )

    def for_pass(self, flags: tuple[int, int, int], log2_step: int) -> npt.NDArray[np.float64]:
        """The weights of a pass, (9·(K - 4), hidden + 2·C): the constant planes are one plane, 1
        inside the picture.

        log2_step: of the quantiser, in eighths.
        """
        split = len(self.gather) - TAPS * CONSTANT_PLANES
        constant = self.gather[split:].reshape(CONSTANT_PLANES, TAPS, -1)
        factors = np.array([*flags, log2_step, 1], dtype=np.float64)
        inside = (factors[:, None, None] * constant).sum(0)
        return np.concatenate([self.gather[:split], inside])

    def evaluate(
        self, features: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Features (n, 9·(K - 4)), integers in float64, and the weights of the pass → mean and log2
        scale in sixteenths, (n, C) int64 each.
        """
        hidden = self.mix.shape[0]
        gathered = features @ weights
        gathered += self.gather_bias
        # ldexp, not a power: where somebody has changed the processor's rounding, a power may be
        # off by a bit, which moves a floor.
        activation = gathered[:, :hidden] * ldexp(1, HIDDEN_BITS - SUM_BITS)
        np.floor(activation, out=activation)
        np.minimum(np.maximum(activation, 0, out=activation), HIDDEN_LIMIT, out=activation)
        mixed = activation @ self.mix
        mixed *= ldexp(1, SUM_BITS - HIDDEN_BITS - WEIGHT_BITS)
        np.floor(mixed, out=mixed)
        mixed += self.mix_bias
        mixed += gathered[:, hidden:]
        down = SUM_BITS - VALUE_BITS
        mixed += 1 << (down - 1)
        mixed *= ldexp(1, -down)
        out = np.floor(mixed, out=mixed)
        limited = np.minimum(np.maximum(out, -MEAN_LIMIT), MEAN_LIMIT).astype(np.int64)
        return limited[:, : self.channels], limited[:, self.channels :]
