"""Tables of format version 2 that say something, and levels to code with them."""

from __future__ import annotations

import numpy as np

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL
from bitstream.v2.context_network import TAPS, SliceNetwork, planes_of
from bitstream.v2.level_syntax import LevelChooser, PassContext
from bitstream.v2.tables import LevelTables, element_shapes

SLICES = (1, 1, 2, 4, 3)


def random_tables(
    seed: int = 0, slices: tuple[int, ...] = SLICES, hidden: int = 5, size: int = 300
) -> LevelTables:
    """Networks with weights in ±size, and frequencies that fall to both sides of the middle."""
    rng, networks = np.random.default_rng(seed), []
    for index, own in enumerate(slices):
        rows, outputs = TAPS * planes_of(sum(slices[:index]), own), 2 * own
        direct, gather = ((rows, outputs), (outputs,)), ((rows, hidden), (hidden,))
        shapes = (*direct, *gather, (hidden, outputs))
        parts = [rng.integers(-size, size + 1, shape).astype(np.float64) for shape in shapes]
        networks.append(SliceNetwork(*parts, channels=own))
    priors = {name: _falling(shape) for name, shape in element_shapes(len(slices)).items()}
    return LevelTables(slices, tuple(networks), priors)


def _falling(shape: tuple[int, int]) -> np.ndarray:
    tables, symbols = shape
    distance = np.abs(np.arange(symbols) - symbols // 2)[None]
    weights = np.exp2(-distance / (1 + np.arange(tables)[:, None]))
    free = FREQUENCY_TOTAL - symbols
    found = 1 + np.floor(free * weights / weights.sum(1, keepdims=True)).astype(np.int64)
    found[:, symbols // 2] += FREQUENCY_TOTAL - found.sum(1)
    return found


class Levels:
    """Gives levels (C, h, w) to a coder, and keeps what that expected."""

    def __init__(self, levels: np.ndarray) -> None:
        self._levels = levels
        self.means, self.log2_scales = np.zeros_like(levels), np.zeros_like(levels)

    @property
    def choose(self) -> LevelChooser:
        """What ``LevelCoder.code`` takes."""
        return self._choose

    def _choose(self, part: PassContext) -> np.ndarray:
        own = slice(part.first, part.first + part.channels)
        self.means[own, part.rows, part.columns] = part.mean.T
        self.log2_scales[own, part.rows, part.columns] = part.log2_scale.T
        return self._levels[own, part.rows, part.columns].T
