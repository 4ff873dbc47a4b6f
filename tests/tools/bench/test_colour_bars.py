"""Colour bars keep their colours, whatever matrix, range, subsampling and depth they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.bench import colour_bars
from tools.bench.results import load

WANTED = colour_bars.means(colour_bars.bars())


@pytest.mark.parametrize("case", colour_bars.CASES, ids=lambda case: case.name)
def test_bars_are_read_to_a_level(tmp_path: Path, case: colour_bars.Case) -> None:
    found = colour_bars.as_read(case, tmp_path)
    assert np.abs(found - WANTED).max() <= 1
    assert colour_bars.hue_shift(found, WANTED) < 1.2  # of one level in the darkest bar


def test_a_mistaken_matrix_is_no_small_shift() -> None:
    """The measure itself: green of BT.709 read as BT.601."""
    mistaken = WANTED.copy()
    mistaken[3] = (30, 200, 20)
    assert colour_bars.hue_shift(mistaken, WANTED) > 1.2


def test_what_is_decoded_is_stored_for_every_case() -> None:
    rows = load()["colour_bars"].tables["bars"].rows
    assert [row[0] for row in rows] == [case.name for case in colour_bars.CASES]
    by_network = rows[0][3]
    assert all(row[3] <= by_network + 2 and row[5] <= 2.5 for row in rows)
