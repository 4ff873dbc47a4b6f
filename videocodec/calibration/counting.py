"""What calibration sees of what an encoder codes: how often every symbol was, and the levels."""

from __future__ import annotations

import numpy as np

from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.context_model import LEVEL_SYMBOLS, LEVEL_TABLES
from bitstream.v1.level_syntax import SIDE_LIMIT
from bitstream.v1.observer import CodedLevels, Observer
from bitstream.v1.tables import BLOCK_TABLES

from .context_networks import LevelSample

INTRA_LEVELS, INTER_LEVELS = "intra_levels", "inter_levels"  # names of the level layer's table sets
_SHAPES = {name: (LEVEL_TABLES, LEVEL_SYMBOLS) for name in (INTRA_LEVELS, INTER_LEVELS)}


class CodingStatistics(Observer):
    """Counts symbols by the name of their table set.

    samples: the level layer of every frame in coding order, if it is ``sampling``.
    """

    def __init__(self, *, sampling: bool = False) -> None:
        self._counts = {name: np.zeros(shape) for name, shape in (BLOCK_TABLES | _SHAPES).items()}
        self._sampling = sampling
        self.samples: list[LevelSample] = []

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        """Count them."""
        np.add.at(self._counts[tables.name], (ids, symbols), 1)

    def levels_coded(self, layer: CodedLevels) -> None:
        """Keep it, if levels are sampled."""
        if self._sampling:
            self.samples.append(_level_sample(layer))

    def count(self, name: str) -> np.ndarray:
        """(tables, symbols) float64: how often each symbol was coded under each table of a set."""
        return self._counts[name]


def _level_sample(layer: CodedLevels) -> LevelSample:
    """A coded level layer as training data, in small integers."""
    levels, log2_step = layer.levels.astype(np.int16), layer.log2_step / 8
    if layer.prediction is None:
        return LevelSample(levels, log2_step)
    magnitudes = np.minimum(np.abs(np.stack([layer.prediction, layer.previous])), SIDE_LIMIT)
    return LevelSample(levels, log2_step, layer.coded, layer.intra, magnitudes.astype(np.int8))
