"""Tables of format version 2 that say something, and levels to code with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from bitstream.v2.block_elements import BLOCK_TABLES
from bitstream.v2.context_network import TAPS, SliceNetwork, planes_of
from bitstream.v2.difference_taps import taps_of
from bitstream.v2.integer_layers import IntegerLayer
from bitstream.v2.inter_tables import SEARCH_INPUTS, InterTables, level_shapes, others
from bitstream.v2.level_contexts import LEVEL_CLASSES, USUAL_LEVEL_SIZE
from bitstream.v2.loop_arithmetic import STREAM
from bitstream.v2.loop_networks import LoopNetworks, LoopShape
from bitstream.v2.pass_coder import LevelChooser, PassContext
from bitstream.v2.scan import LATTICE_SLICES
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


def with_differences(tables: LevelTables, seed: int = 0, size: int = 300) -> LevelTables:
    """The same with difference networks."""
    rng, slices = np.random.default_rng(seed), tables.slices
    hidden = tables.networks[0].mix.shape[0]
    differences = tuple(
        _difference_network(rng, sum(slices[:index]), own, hidden, size)
        for index, own in enumerate(slices[:LATTICE_SLICES])
    )
    return replace(tables, differences=differences)


def with_inter_tables(tables: LevelTables, seed: int = 0, size: int = 300) -> LevelTables:
    """The same with tables for inter frames, whose loop is random."""
    rng, slices = np.random.default_rng(seed), tables.slices
    channels, hidden = tables.latent_channels, tables.networks[0].mix.shape[0]
    networks = tuple(
        _network(rng, others(slices, index), own, hidden, size) for index, own in enumerate(slices)
    )
    inter = InterTables(
        networks,
        {name: _falling(shape) for name, shape in level_shapes(len(slices)).items()},
        {name: _falling(shape) for name, shape in BLOCK_TABLES.items()},
        random_loop(channels, seed),
        rng.integers(-9, 10, (channels, SEARCH_INPUTS)).astype(np.float32) / 64,
        np.ones(channels, dtype=np.float32),
    )
    return replace(tables, inter=inter)


def random_loop(
    channels: int, seed: int = 0, sizes: tuple[int, ...] = (3, 4, 5, 1, 3, 2)
) -> LoopNetworks:
    """Networks whose sums are as large as they may be, now and then."""
    rng, shape = np.random.default_rng(seed), LoopShape(channels, *sizes)
    layers, curves = {}, {}
    for one in shape.layers():
        size = (one.outputs, one.inputs)
        shift = rng.integers(0, 4, one.outputs)
        # Outputs as large as inputs, more or less, so that limits are met and not all there is.
        weights = rng.integers(-40, 41, size) << shift[:, None] >> 5
        bias = rng.integers(-500, 500, one.outputs) << shift
        kind = np.float64 if one.wide else np.float32
        layers[one.name] = IntegerLayer(
            one, weights.astype(kind), bias[:, None].astype(kind), shift
        )
        if one.name.endswith(".b"):
            bent = np.arange(-STREAM, STREAM + 1)
            curve = np.where(bent < 0, bent // 16, bent // 4)
            curves[one.name.removesuffix(".b")] = curve.astype(np.float32)
    return LoopNetworks(shape, layers, curves)


def _network(rng: np.random.Generator, seen: int, own: int, hidden: int, size: int) -> SliceNetwork:
    parts = _weights(rng, TAPS * planes_of(seen, own), own, hidden, size)
    return SliceNetwork(*parts, channels=own)


def _difference_network(
    rng: np.random.Generator, earlier: int, own: int, hidden: int, size: int
) -> SliceNetwork:
    rows = planes_of(taps_of(earlier, own), 0)
    return SliceNetwork(*_weights(rng, rows, own, hidden, size), channels=own, taps=1)


def _weights(
    rng: np.random.Generator, rows: int, own: int, hidden: int, size: int
) -> list[np.ndarray]:
    direct, gather = ((rows, 2 * own), (2 * own,)), ((rows, hidden), (hidden,))
    shapes = (*direct, *gather, (hidden, 2 * own))
    return [rng.integers(-size, size + 1, shape).astype(np.float64) for shape in shapes]


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
    sizes = np.full(mean.shape, float(USUAL_LEVEL_SIZE))
    return PassContext(0, mean.shape[1], 0 * columns, columns, mean, scale, sizes, tables)


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
