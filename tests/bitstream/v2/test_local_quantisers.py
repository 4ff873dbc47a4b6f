"""Local quantisers of version 2: what is written is read, and says what FORMAT-2.md says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from bitstream.v1.observer import Observer
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.local_quantisers import (
    LARGEST_OFFSET,
    OffsetCoder,
    factors,
    initial_frequencies,
    log2_factors,
    of_positions,
    square_grid,
)

from ...conformance.reference_v1.entropy import RangeDecoder
from ...conformance.reference_v2.levels import ReferenceOffsets

TEXT = (Path(__file__).parents[3] / "bitstream" / "FORMAT-2.md").read_text(encoding="utf-8")
ALL = np.arange(-LARGEST_OFFSET, LARGEST_OFFSET + 1)


def test_factors_are_powers() -> None:
    exact = 2.0 ** (ALL / 12)
    assert np.abs(factors(ALL) / 16384 / exact - 1).max() < 4e-4
    assert np.abs(log2_factors(ALL) - 16 * ALL / 12).max() < 0.5
    assert factors(np.array([-24, -12, 0, 12, 24])).tolist() == [4096, 8192, 16384, 32768, 65536]


def test_initial_frequencies_are_those_of_the_text() -> None:
    flags, differences = initial_frequencies()
    assert flags.tolist() == [[65024, 512]]
    assert differences.shape == (4, 97) and (differences.sum(1) == FREQUENCY_TOTAL).all()
    assert set(np.delete(differences, 48, 1).ravel()) == {200} and differences[0, 48] == 46336


def test_squares_at_the_edges_are_cut() -> None:
    offsets = np.array([[1, 2], [3, 4]])
    assert square_grid(9, 16) == (2, 2) and square_grid(8, 1) == (1, 1)
    found = of_positions(offsets, 9, 11)
    assert found.shape == (9, 11)
    assert (found[0, 7], found[0, 8], found[8, 0], found[8, 10]) == (1, 2, 3, 4)


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    spread=st.sampled_from([0, 1, 24]),
    frames=st.integers(1, 4),
)
def test_what_is_written_is_read(
    seed: int, height: int, width: int, share: float, spread: int, frames: int
) -> None:
    """By the coder, and by the one that was written from the text."""
    rng, writer, coder = np.random.default_rng(seed), SymbolWriter(), OffsetCoder(height, width)
    sent = []
    for _ in range(frames):
        present = rng.random((height, width)) < share
        wanted = rng.integers(-spread, spread + 1, square_grid(height, width))
        found = coder.code(writer, 60, present, wanted)
        takes_part = of_positions(found, height, width)[present]
        assert np.array_equal(takes_part, of_positions(wanted, height, width)[present])
        sent.append((present, found))
    payload = writer.finish()
    reader, other = SymbolReader(payload), OffsetCoder(height, width)
    plain, reference = RangeDecoder(payload), ReferenceOffsets(height, width)
    for present, found in sent:
        assert np.array_equal(other.code(reader, 60, present), found)
        places = [(int(r), int(c)) for r, c in np.argwhere(present)]
        assert reference.decode(plain, 60, places) == found.tolist()


def test_squares_without_levels_say_nothing() -> None:
    writer, present = SymbolWriter(), np.zeros((16, 16), dtype=bool)
    wanted = np.full((2, 2), 5)
    assert not OffsetCoder(16, 16).code(writer, 40, present, wanted).any() and writer.bits == 0
    present[9, 3] = True
    found = OffsetCoder(16, 16).code(writer, 40, present, wanted)
    assert found.tolist() == [[0, 0], [5, 0]]


def test_frames_without_offsets_cost_a_hundredth_of_a_bit() -> None:
    writer, coder, present = SymbolWriter(), OffsetCoder(40, 40), np.ones((40, 40), dtype=bool)
    for _ in range(100):
        coder.code(writer, 40, present, np.zeros((5, 5), dtype=np.int64))
    assert writer.bits < 1


def test_what_stays_costs_little() -> None:
    writer, coder, present = SymbolWriter(), OffsetCoder(40, 40), np.ones((40, 40), dtype=bool)
    wanted, spent = np.zeros((5, 5), dtype=np.int64), []
    wanted[1:4, 2:4] = -12
    for _ in range(20):
        before = writer.bits
        coder.code(writer, 40, present, wanted)
        spent.append(writer.bits - before)
    assert spent[0] < 70 and spent[-1] < 4


def test_a_copy_is_independent() -> None:
    coder, present = OffsetCoder(8, 16), np.ones((8, 16), dtype=bool)
    first, second = np.array([[3, -3]]), np.array([[9, 9]])
    kept = coder.copy()
    coder.code(SymbolWriter(), 40, present, first)
    coder.code(SymbolWriter(), 40, present, second)
    alone, fresh = SymbolWriter(), SymbolWriter()
    kept.code(alone, 40, present, first)
    OffsetCoder(8, 16).code(fresh, 40, present, first)
    assert alone.finish() == fresh.finish()


@pytest.mark.parametrize(
    ("offset", "quantiser", "match"),
    [
        (25, 40, "local offset outside ±24"),
        (-25, 40, "local offset outside ±24"),
        (-6, 5, "local quantiser outside 0..127"),
        (1, 127, "local quantiser outside 0..127"),
    ],
)
def test_offsets_out_of_range_are_refused(offset: int, quantiser: int, match: str) -> None:
    with pytest.raises(BitstreamError, match=match):
        OffsetCoder(8, 8).code(
            SymbolWriter(), quantiser, np.ones((8, 8), dtype=bool), np.array([[offset]])
        )


@given(payload=st.binary(max_size=64).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_bytes_decode_to_offsets_or_are_refused(payload: bytes) -> None:
    reader, coder, present = SymbolReader(payload), OffsetCoder(20, 20), np.ones((20, 20), bool)
    try:
        for _ in range(3):
            found = coder.code(reader, 20, present)
            assert np.abs(found).max() <= LARGEST_OFFSET and (20 + found >= 0).all()
    except BitstreamError:
        return


def test_the_example() -> None:
    calls: list[tuple[int, int]] = []

    class Recorder(Observer):
        def coded(
            self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
        ) -> None:
            if tables.name == "local_offset":
                calls.extend(zip(ids.tolist(), symbols.tolist(), strict=True))

    found = re.search(r"^Example: a keyframe of 3×2 squares.*?\n\n(.*?)\n\n", TEXT, re.M | re.S)
    assert found
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].split("\n")]
    frames = {"keyframe": np.zeros((2, 3), int), "next": np.zeros((2, 3), int)}
    for frame, square, _, expected, _, symbol, offset in rows[2:]:
        frames[frame][tuple(int(part) for part in square.split(", "))] = int(offset)
        assert int(offset) == int(expected) + int(symbol) - 48
    coder, writer = OffsetCoder(16, 24), SymbolWriter(Recorder())
    present = np.ones((16, 24), dtype=bool)
    coder.code(writer, 40, present, frames["keyframe"])
    present[:8, :8] = False
    coder.code(writer, 48, present, frames["next"])
    assert calls == [(int(row[4]), int(row[5])) for row in rows[2:]]
    assert f"the payload is `{writer.finish().hex()}`" in TEXT
    assert "the factor is 8192 and log2_factor -16; with 5 they are 21872 and 7" in TEXT
    assert factors(np.array([-12, 5])).tolist() == [8192, 21872]
    assert log2_factors(np.array([-12, 5])).tolist() == [-16, 7]
