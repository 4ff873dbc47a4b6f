"""The context network of a slice, in exact integers: what a value is expected to be, and how far
from that it may be.

A 3×3 neighbourhood goes through one hidden layer, and past it; so do the differences of neighbours
from the middle, in a network of their own (``difference_taps``).  Values are in sixteenths of the
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


def _sizes() -> npt.NDArray[np.int64]:
    """log2(1 + |value|) in sixteenths, rounded to nearest, of magnitudes 0 to INPUT_LIMIT.

    The largest n with 2^((n - 1/2) / 16) <= 1 + m / 16, which is 2^(127 + 2·n) <= (16 + m)^32 in
    integers.
    """
    powers = ((16 + m) ** 32 for m in range(INPUT_LIMIT + 1))
    return np.array([(power.bit_length() - 128) >> 1 for power in powers])


SIZES = _sizes()


def planes_of(first: int, channels: int) -> int:
    """How many planes each part of the network of a slice sees: two for each of the ``first``
    channels before it and of its own, and the constant planes.
    """
    return 2 * (first + channels) + CONSTANT_PLANES


@dataclass(frozen=True)
class SliceNetwork:
    """Integer weights of one slice's network.

    channels: of the slice, C below; n channels are visible: of the slices before, and its own.
    direct (9·K, 2·C) float64 holding integers, rows plane-major, then row-major over the 3×3
    neighbourhood; planes are n values, n sizes and the constant ones.  gather (9·K, H): n sizes,
    the constant ones, n sizes with the value's sign.  mix (H, 2·C).  All with WEIGHT_BITS, but rows
    for flags and ones with SUM_BITS and for log2 of the step with SUM_BITS - STEP_BITS fraction
    bits.  direct_bias (2·C,), gather_bias (H,): with SUM_BITS.
    Outputs: C means, then C log2 scales.
    taps: 9, of every plane; 1 for a network that sees n differences in place of n visible channels.
    """

    direct: npt.NDArray[np.float64]
    direct_bias: npt.NDArray[np.float64]
    gather: npt.NDArray[np.float64]
    gather_bias: npt.NDArray[np.float64]
    mix: npt.NDArray[np.float64]
    channels: int
    taps: int = TAPS

    def __post_init__(self) -> None:
        outputs, hidden = 2 * self.channels, self.mix.shape[0]
        rows = len(self.direct)
        if (self.direct.shape, self.gather.shape, self.mix.shape) != (
            (rows, outputs),
            (rows, hidden),
            (hidden, outputs),
        ):
            raise ValueError(
                f"context network: shapes {self.direct.shape}, {self.gather.shape} and"
                f" {self.mix.shape} do not fit {self.channels} channels"
            )

    def for_pass(
        self, flags: tuple[int, int, int], log2_step: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The weights of a pass, of ``direct`` (9·(2·n + 1), 2·C) and ``gather`` (9·(2·n + 1), H):
        the constant planes are one plane, 1 inside the picture.  9: ``taps``.

        log2_step: of the quantiser, in eighths.
        """
        factors = np.array([*flags, log2_step, 1], dtype=np.float64)[:, None, None]
        visible = (len(self.direct) // self.taps - CONSTANT_PLANES) // 2
        folded = []
        for weights, before in ((self.direct, 2 * visible), (self.gather, visible)):
            start, end = self.taps * before, self.taps * (before + CONSTANT_PLANES)
            constant = weights[start:end].reshape(CONSTANT_PLANES, self.taps, -1)
            inside = (factors * constant).sum(0)
            folded.append(np.concatenate([weights[:start], inside, weights[end:]]))
        return folded[0], folded[1]

    def evaluate(
        self,
        features: npt.NDArray[np.float64],
        weights: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Features (m, 9·(3·n + 1)), integers in float64, and the weights of the pass → mean and
        log2 scale in sixteenths, (m, C) int64 each.

        Planes of the features: n values, n sizes, inside the picture, n sizes with signs.
        """
        direct, gather = weights
        # ldexp, not a power: where somebody has changed the processor's rounding, a power may be
        # off by a bit, which moves a floor.
        activation = features[:, -len(gather) :] @ gather
        activation += self.gather_bias
        activation *= ldexp(1, HIDDEN_BITS - SUM_BITS)
        np.floor(activation, out=activation)
        np.minimum(np.maximum(activation, 0, out=activation), HIDDEN_LIMIT, out=activation)
        mixed = activation @ self.mix
        mixed *= ldexp(1, SUM_BITS - HIDDEN_BITS - WEIGHT_BITS)
        np.floor(mixed, out=mixed)
        mixed += features[:, : len(direct)] @ direct
        mixed += self.direct_bias
        down = SUM_BITS - VALUE_BITS
        mixed += 1 << (down - 1)
        mixed *= ldexp(1, -down)
        out = np.floor(mixed, out=mixed)
        limited = np.minimum(np.maximum(out, -MEAN_LIMIT), MEAN_LIMIT).astype(np.int64)
        return limited[:, : self.channels], limited[:, self.channels :]
