"""Under which table a level is coded, and as which symbol.

A level is the distance from the expected value in whole sizes of its channel's levels, so its
distribution is centred and only its scale matters.  Small scales have small alphabets: where
nothing is expected to happen, a symbol costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .context_network import VALUE_BITS

# Sixteenths of the step that a level adds to what is expected.  Channels whose errors are hardly
# seen have larger ones.
USUAL_LEVEL_SIZE, LARGEST_LEVEL_SIZE = 1 << VALUE_BITS, 4 << VALUE_BITS
LEAST_LOG2_SCALE = -5
BINS_PER_OCTAVE = 4
BIN_SHIFT = 2  # sixteenths of an octave to bins


@dataclass(frozen=True)
class LevelClass:
    """Tables that share an alphabet.

    name: in the tables file.
    first_bin, bins: which scales it is for.
    radius: levels -radius..radius have a symbol; the last two symbols are escapes below and above.
    """

    name: str
    first_bin: int
    bins: int
    radius: int

    @property
    def shape(self) -> tuple[int, int]:
        """Tables and symbols."""
        return self.bins, 2 * self.radius + 3

    def has(self, bins: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which bins of a scale (n,) belong to it."""
        above = bins - self.first_bin
        inside: npt.NDArray[np.bool_] = (above >= 0) & (above < self.bins)
        return inside

    def symbols(self, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Symbol of each level (n,), escapes where it is beyond the radius."""
        radius = self.radius
        low = np.where(levels < -radius, 2 * radius + 1, levels + radius)
        return np.where(levels > radius, 2 * radius + 2, low)

    def is_escape(self, symbols: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which symbols (n,) are followed by an escape."""
        escaped: npt.NDArray[np.bool_] = symbols > 2 * self.radius
        return escaped

    def levels(
        self, symbols: npt.NDArray[np.int64], escapes: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Levels of symbols (n,); escapes (n,): of those that are, how far beyond radius + 1."""
        beyond = escapes + self.radius + 1
        low = np.where(symbols == 2 * self.radius + 1, -beyond, symbols - self.radius)
        return np.where(symbols == 2 * self.radius + 2, beyond, low)


LEVEL_CLASSES = (
    LevelClass("levels.still", 0, 12, 3),  # log2 scale below -2
    LevelClass("levels.narrow", 12, 12, 15),  # below 1
    LevelClass("levels.wide", 24, 25, 96),  # up to 7
)
SCALE_BINS = sum(level_class.bins for level_class in LEVEL_CLASSES)


def scale_bins(log2_scale: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Quarters of an octave from 2^-5 on, rounded, 0..SCALE_BINS - 1; log2 scales in sixteenths."""
    above = log2_scale - (LEAST_LOG2_SCALE << VALUE_BITS) + (1 << (BIN_SHIFT - 1))
    bins: npt.NDArray[np.int64] = np.minimum(np.maximum(above >> BIN_SHIFT, 0), SCALE_BINS - 1)
    return bins
