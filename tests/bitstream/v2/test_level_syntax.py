"""The level layer of version 2: what is written is read, whatever the levels are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2 import pass_coder
from bitstream.v2.level_syntax import LevelCoder
from bitstream.v2.local_quantisers import OffsetCoder
from bitstream.v2.tables import LevelTables

from .synthetic import SLICES, Levels, random_tables, with_differences

TABLES = with_differences(random_tables())
CHANNELS = sum(SLICES)


def written(
    levels: np.ndarray, tables: LevelTables = TABLES, slices: int = len(SLICES), quantiser: int = 46
) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Payload, values in sixteenths, and the means of these levels (C, h, w)."""
    writer, given_levels = SymbolWriter(), Levels(levels)
    size = levels.shape[1:]
    coder, offsets = LevelCoder(tables, *size), OffsetCoder(*size)
    values, _ = coder.code(writer, quantiser, offsets, given_levels.choose, slices)
    return writer.finish(), values, given_levels.means


def read(
    payload: bytes, height: int, width: int, tables: LevelTables = TABLES, quantiser: int = 46
) -> np.ndarray:
    coder, offsets = LevelCoder(tables, height, width), OffsetCoder(height, width)
    return coder.code(SymbolReader(payload), quantiser, offsets)[0]


def random_levels(seed: int, height: int, width: int, size: float) -> np.ndarray:
    """Mostly small, with escapes among them."""
    rng = np.random.default_rng(seed)
    levels = np.rint(rng.laplace(0, size, (CHANNELS, height, width)))
    return np.clip(levels, -MAX_LEVEL, MAX_LEVEL).astype(np.int64)


def test_a_scale_counts_in_level_sizes() -> None:
    """An octave more of the step is an octave less of scale, and the table of four bins below."""
    wide, scales = replace(TABLES, level_sizes=np.full(CHANNELS, 32)), []
    for tables in (TABLES, wide):
        given_levels = Levels(np.zeros((CHANNELS, 1, 1), np.int64))
        LevelCoder(tables, 1, 1).code(
            SymbolWriter(), 46, OffsetCoder(1, 1), given_levels.choose, len(SLICES)
        )
        scales.append(given_levels.log2_scales.ravel())
    assert np.array_equal(scales[0] - scales[1], np.full(CHANNELS, 16))


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    size=st.sampled_from([0.0, 0.5, 5.0, 5000.0]),
    slices=st.integers(0, len(SLICES)),
    quantiser=st.integers(0, 127),
)
def test_what_is_written_is_read(
    seed: int, height: int, width: int, size: float, slices: int, quantiser: int
) -> None:
    levels, tables = random_levels(seed, height, width, size), random_tables(seed % 4)
    level_sizes = np.random.default_rng(seed).integers(16, 65, CHANNELS)
    tables = replace(tables, level_sizes=level_sizes)
    payload, values, means = written(levels, tables, slices, quantiser)
    assert np.array_equal(read(payload, height, width, tables, quantiser), values)
    sent = sum(SLICES[:slices])
    assert np.array_equal(
        values[:sent], means[:sent] + (level_sizes[:, None, None] * levels)[:sent]
    )
    assert not values[sent:].any()


def test_slices_that_are_absent_cost_nothing() -> None:
    levels = random_levels(1, 8, 8, 3.0)
    sizes = [len(written(levels, slices=count)[0]) for count in range(len(SLICES) + 1)]
    assert sizes == sorted(sizes) and sizes[0] == 4


def test_the_first_slice_sees_no_other_and_the_last_sees_all() -> None:
    levels = random_levels(2, 9, 9, 2.0)
    changed = levels.copy()
    changed[-1] += 1
    _, _, before = written(levels)
    _, _, after = written(changed)
    assert np.array_equal(before[: -SLICES[-1]], after[: -SLICES[-1]])
    changed = levels.copy()
    changed[0] += 1
    assert (written(changed)[2][-1] != before[-1]).any()


@pytest.mark.parametrize("level", [MAX_LEVEL + 1, -MAX_LEVEL - 1])
def test_levels_out_of_range_are_refused(level: int) -> None:
    levels = np.zeros((CHANNELS, 3, 3), np.int64)
    levels[3, 2, 1] = level
    with pytest.raises(BitstreamError, match="level outside ±16383"):
        written(levels)


@given(payload=st.binary(max_size=400).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_bytes_decode_to_something_or_are_refused(payload: bytes) -> None:
    try:
        values = read(payload, 5, 7)
    except BitstreamError:
        return
    assert values.shape == (CHANNELS, 5, 7)


def test_a_frame_is_coded_with_what_the_one_before_taught() -> None:
    levels, coder, writer = (
        random_levels(3, 12, 12, 1.0),
        LevelCoder(TABLES, 12, 12),
        SymbolWriter(),
    )
    kept, offsets = coder.copy(), OffsetCoder(12, 12)
    spent = []
    for _ in range(6):
        before = writer.bits
        coder.code(writer, 40, offsets, Levels(levels).choose, len(SLICES))
        spent.append(writer.bits - before)
    assert spent[-1] < spent[0]
    reader, other, offsets = SymbolReader(writer.finish()), kept, OffsetCoder(12, 12)
    frames = [other.code(reader, 40, offsets)[0] for _ in range(6)]
    assert all(np.array_equal(frame, frames[0]) for frame in frames)


def test_the_size_of_pieces_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = random_levels(4, 11, 13, 2.0)
    whole = written(levels)[0]
    for size in (1, 7):
        monkeypatch.setattr(pass_coder, "POSITIONS_AT_ONCE", size)
        assert written(levels)[0] == whole
