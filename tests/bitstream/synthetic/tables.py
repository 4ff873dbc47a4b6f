"""Synthetic codec tables."""

from __future__ import annotations

import numpy as np

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL
from bitstream.v1.context_model import (
    INTER,
    INTRA,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    RADIUS,
    SliceNetwork,
)
from bitstream.v1.tables import BLOCK_TABLES, FILTER_TAPS, PHASES, CodecTables, planes_of
from bitstream.v2.tables import LevelTables

from .integers import RawIntegers

CHANNELS = 4
SLICES = (1, 1, 2)
HIDDEN = 8


def normalised(weights: np.ndarray) -> np.ndarray:
    """Weights >= 0 (tables, symbols), each row with a positive one → frequencies >= 1 that add up
    to 65536.
    """
    symbols = weights.shape[1]
    frequencies = 1 + weights * (FREQUENCY_TOTAL - symbols) // weights.sum(1, keepdims=True)
    frequencies[np.arange(len(weights)), weights.argmax(1)] += FREQUENCY_TOTAL - frequencies.sum(1)
    return frequencies


def synthetic_tables(
    seed: int = 2026, slices: tuple[int, ...] = SLICES, filter_noise_odds: int = 1
) -> CodecTables:
    """Tables with random integer weights of lifelike size; one in ``filter_noise_odds`` weights of
    the phase filters has noise on it.
    """
    random = RawIntegers(seed)
    networks = {
        kind: tuple(_network(random, kind, slices, index) for index in range(len(slices)))
        for kind in (INTRA, INTER)
    }
    block_priors = {
        name: normalised(
            1 + random.below(1000, *shape) * (shape[1] > 4) + 1 + random.below(4000, *shape)
        )
        for name, shape in BLOCK_TABLES.items()
    }
    level_priors = {INTRA: _level_priors(3), INTER: _level_priors(2)}
    return CodecTables(
        sum(slices),
        slices,
        networks,
        level_priors,
        block_priors,
        _phase_filters(random, sum(slices), filter_noise_odds),
    )


def steep_tables(seed: int, slices: tuple[int, ...]) -> CodecTables:
    """The same with networks whose hidden values mostly go beyond their limit, and whose means
    often do.
    """
    usual = synthetic_tables(seed, slices)
    for networks in usual.networks.values():
        for network in networks:
            network.gather[:, :HIDDEN] *= 150
    return usual


def flat_tables(seed: int, slices: tuple[int, ...]) -> CodecTables:
    """The same with networks that always say the same, so that all levels of a frame are coded
    under one table for each channel.
    """
    usual = synthetic_tables(seed, slices)
    for networks in usual.networks.values():
        for network in networks:
            network.gather[:] = 0
            network.mix[:] = 0
    return usual


def plain_tables(tables: CodecTables | LevelTables) -> dict[str, list]:
    """The same as nested lists of integers, for second decoders."""
    return {name: tensor.tolist() for name, tensor in tables.to_tensors().items()}


def _network(random: RawIntegers, kind: int, slices: tuple[int, ...], index: int) -> SliceNetwork:
    own, first = slices[index], sum(slices[:index])
    rows, outputs = 9 * planes_of(kind, first, own), 2 * own
    gather_bias = random.around(1500, HIDDEN + outputs)
    gather_bias[HIDDEN + own :] += 1 << 11  # log2 scale around 1
    parts = (
        random.around(160, rows, HIDDEN + outputs),
        gather_bias,
        random.around(300, HIDDEN, outputs),
        random.around(600, outputs),
    )
    return SliceNetwork(*(part.astype(np.float64) for part in parts), channels=own)


def _level_priors(sharpness: int) -> np.ndarray:
    """A peak as wide as the scale of a table, around the quarter its number says."""
    table = np.arange(LEVEL_TABLES)[:, None]
    quarters = 4 * (np.arange(LEVEL_SYMBOLS) - RADIUS)[None] - table % 4
    width = 1 + (1 << (table // 8)) // sharpness
    weights = (1 << 24) // (16 + sharpness * (quarters // width) ** 2)
    weights[:, -2:] = 1
    return normalised(weights)


def _phase_filters(random: RawIntegers, channels: int, noise_odds: int) -> np.ndarray:
    """Bilinear interpolation of each channel by itself, plus noise."""
    filters = random.around(40, PHASES, PHASES, FILTER_TAPS, FILTER_TAPS, channels, channels)
    if noise_odds > 1:
        filters *= random.below(noise_odds, *filters.shape) == 0
    for phase_row in range(PHASES):
        for phase_column in range(PHASES):
            for dy, weight_row in ((0, PHASES - phase_row), (1, phase_row)):
                for dx, weight_column in ((0, PHASES - phase_column), (1, phase_column)):
                    for channel in range(channels):
                        filters[phase_row, phase_column, 2 + dy, 2 + dx, channel, channel] += (
                            128 * weight_row * weight_column
                        )
    return filters.reshape(PHASES, PHASES, FILTER_TAPS**2 * channels, channels).astype(np.float64)
