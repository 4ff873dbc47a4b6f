"""Tables of format version 2 that say something, and levels to code with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from bitstream.v1.tables import BLOCK_TABLES, FILTER_TAPS, PHASES
from bitstream.v2.context_network import TAPS, SliceNetwork, planes_of
from bitstream.v2.inter_tables import InterTables, level_shapes, others
from bitstream.v2.level_contexts import LEVEL_CLASSES
from bitstream.v2.pass_coder import LevelChooser, PassContext
from bitstream.v2.tables import LevelTables, element_shapes

SLICES = (1, 1, 2, 4, 3)


def random_tables(
    seed: int = 0, slices: tuple[int, ...] = SLICES, hidden: int = 5, size: int = 300
) -> LevelTables:
    """Networks with weights in ±size, and frequencies that fall to both sides of the middle."""
    rng = np.random.default_rng(seed)
    networks = tuple(
        _network(rng, sum(slices[:index]), own, hidden, size) for index, own in enumerate(slices)
    )
    priors = {name: _falling(shape) for name, shape in element_shapes(len(slices)).items()}
    return LevelTables(slices, networks, priors)


def with_inter_tables(tables: LevelTables, seed: int = 0, size: int = 300) -> LevelTables:
    """The same with tables for inter frames, whose phase filters blur."""
    rng, slices = np.random.default_rng(seed), tables.slices
    channels, hidden = tables.latent_channels, tables.networks[0].mix.shape[0]
    networks = tuple(
        _network(rng, others(slices, index), own, hidden, size) for index, own in enumerate(slices)
    )
    filters = rng.integers(-99, 100, (PHASES, PHASES, FILTER_TAPS**2 * channels, channels))
    for tap in (12, 13, 17):
        filters[:, :, tap * channels + np.arange(channels), np.arange(channels)] += 2700
    inter = InterTables(
        networks,
        {name: _falling(shape) for name, shape in level_shapes(len(slices)).items()},
        {name: _falling(shape) for name, shape in BLOCK_TABLES.items()},
        filters.astype(np.float64),
    )
    return replace(tables, inter=inter)


def _network(rng: np.random.Generator, seen: int, own: int, hidden: int, size: int) -> SliceNetwork:
    rows, outputs = TAPS * planes_of(seen, own), 2 * own
    direct, gather = ((rows, outputs), (outputs,)), ((rows, hidden), (hidden,))
    shapes = (*direct, *gather, (hidden, outputs))
    parts = [rng.integers(-size, size + 1, shape).astype(np.float64) for shape in shapes]
    return SliceNetwork(*parts, channels=own)


def _falling(shape: tuple[int, int]) -> np.ndarray:
    tables, symbols = shape
    distance = np.abs(np.arange(symbols) - symbols // 2)[None]
    weights = np.exp2(-distance / (1 + np.arange(tables)[:, None]))
    free = FREQUENCY_TOTAL - symbols
    found = 1 + np.floor(free * weights / weights.sum(1, keepdims=True)).astype(np.int64)
    found[:, symbols // 2] += FREQUENCY_TOTAL - found.sum(1)
    return found


def pass_of(mean: np.ndarray) -> PassContext:
    """A pass of n positions in a row, with means (n, channels) in sixteenths and a scale of 1."""
    columns = np.arange(len(mean))
    priors = random_tables().priors
    # Rolled so that level 0, not 1, is the likeliest.
    tables = {one.name: TableSet(np.roll(priors[one.name], -1, 1), 256) for one in LEVEL_CLASSES}
    scale = np.zeros_like(mean)
    return PassContext(0, mean.shape[1], 0 * columns, columns, mean, scale, tables)


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
