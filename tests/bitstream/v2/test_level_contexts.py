"""Levels to symbols and back."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v2.level_contexts import LEVEL_CLASSES, LevelClass


@pytest.mark.parametrize("level_class", LEVEL_CLASSES, ids=lambda one: one.name)
def test_every_level_has_a_symbol_or_escapes(level_class: LevelClass) -> None:
    radius = level_class.radius
    levels = np.arange(-radius - 3, radius + 4)
    symbols = level_class.symbols(levels)
    assert symbols.min() == 0 and symbols.max() == level_class.shape[1] - 1
    escaped = level_class.is_escape(symbols)
    assert escaped.tolist() == (np.abs(levels) > radius).tolist()
    escapes = np.where(escaped, np.abs(levels) - radius - 1, 0)
    assert escapes.min() == 0 and escapes.max() == 2
    assert np.array_equal(level_class.levels(symbols, escapes), levels)


def test_classes_share_out_all_scales() -> None:
    ends = [one.first_bin + one.bins for one in LEVEL_CLASSES]
    assert [one.first_bin for one in LEVEL_CLASSES] == [0, *ends[:-1]]
