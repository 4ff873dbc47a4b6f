"""The level layer: what is written is read, escapes, code length, and levels out of range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.v1 import level_syntax
from bitstream.v1.context_model import INTRA, SliceNetwork, checkerboard
from bitstream.v1.level_syntax import LevelChooser, LevelCoder, PassContext
from bitstream.v1.observer import Observer
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter

from ..synthetic import CHANNELS, RawIntegers, random_levels, synthetic_tables

TABLES = synthetic_tables()


def given_levels(levels: np.ndarray) -> LevelChooser:
    """A chooser that takes fixed levels (C, h, w)."""
    return lambda passed: (
        levels[passed.first : passed.first + passed.channels, passed.rows, passed.columns].T
    )


Masks = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def random_masks(random: RawIntegers, height: int, width: int, key: bool) -> Masks:
    """coded, intra and prediction of one frame."""
    if key:
        return np.ones((height, width), dtype=bool), np.ones((height, width), dtype=bool), None
    coded = random.below(3, height, width) > 0
    return (
        coded,
        coded & (random.below(4, height, width) == 0),
        random.below(40, CHANNELS, height, width),
    )


@settings(max_examples=60)
@given(
    st.integers(1, 8),
    st.integers(1, 8),
    st.integers(1, 4),
    st.sampled_from([2, 20, 1000]),
    st.integers(0, 1 << 30),
)
def test_what_is_written_is_read(
    height: int, width: int, frames: int, escape_odds: int, seed: int
) -> None:
    random = RawIntegers(seed)
    masks = [random_masks(random, height, width, key=index == 0) for index in range(frames)]
    writer, sender, choose = (
        SymbolWriter(),
        LevelCoder(TABLES, height, width),
        random_levels(random, escape_odds),
    )
    sent = [sender.code(writer, -16, *mask, choose) for mask in masks]
    data = writer.finish()
    assert len(data) <= 1.005 * writer.bits / 8 + 8
    reader, receiver = SymbolReader(data), LevelCoder(TABLES, height, width)
    for (coded, intra, prediction), levels in zip(masks, sent, strict=True):
        got = receiver.code(reader, -16, coded, intra, prediction, None)
        assert got.dtype == np.int64 and (got == levels).all()
        assert not got[:, ~coded].any()
    assert reader.bits == pytest.approx(writer.bits)
    assert (sender.previous == receiver.previous).all()
    for kind in sender.table_sets:
        assert (sender.table_sets[kind].counts == receiver.table_sets[kind].counts).all()


@settings(max_examples=60)
@given(st.data())
def test_any_levels(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    level = (
        st.integers(-3, 3)
        | st.sampled_from([-MAX_LEVEL, MAX_LEVEL, -33, 33])
        | st.integers(-MAX_LEVEL, MAX_LEVEL)
    )
    size = CHANNELS * height * width
    levels = np.array(data.draw(st.lists(level, min_size=size, max_size=size))).reshape(
        CHANNELS, height, width
    )
    everywhere = np.ones((height, width), dtype=bool)
    prediction = (
        None if data.draw(st.booleans()) else np.zeros((CHANNELS, height, width), dtype=np.int64)
    )
    intra = everywhere if prediction is None else ~everywhere
    writer = SymbolWriter()
    LevelCoder(TABLES, height, width).code(
        writer, 0, everywhere, intra, prediction, given_levels(levels)
    )
    got = LevelCoder(TABLES, height, width).code(
        SymbolReader(writer.finish()), 0, everywhere, intra, prediction, None
    )
    assert (got == levels).all()


def test_code_length_of_a_picture_is_ideal() -> None:
    everywhere, writer = np.ones((48, 64), dtype=bool), SymbolWriter()
    LevelCoder(TABLES, 48, 64).code(
        writer, -4, everywhere, everywhere, None, random_levels(RawIntegers(1), 300)
    )
    assert 30_000 < writer.bits < 80_000
    assert len(writer.finish()) <= 1.005 * writer.bits / 8 + 8


def test_the_encoder_is_told_what_levels_cost() -> None:
    random = RawIntegers(2)
    inner, told, counted = random_levels(random, 1 << 30), [], []
    writer = SymbolWriter()

    def choose(passed: PassContext) -> np.ndarray:
        levels = inner(passed)
        told.append(passed.bits(levels.ravel()).sum())
        counted.append(writer.bits)
        return levels

    everywhere = np.ones((10, 12), dtype=bool)
    LevelCoder(TABLES, 10, 12).code(writer, -4, everywhere, everywhere, None, choose)
    counted.append(writer.bits)
    assert np.diff(counted) == pytest.approx(told)


def test_an_escape_costs_more_the_farther_it_goes() -> None:
    costs = []

    def choose(passed: PassContext) -> np.ndarray:
        costs.append(
            [
                passed.bits(np.full(len(passed.rows) * passed.channels, level)).sum()
                for level in (0, 1000, 2000, 16000)
            ]
        )
        return np.zeros((len(passed.rows), passed.channels), dtype=np.int64)

    everywhere = np.ones((2, 2), dtype=bool)
    LevelCoder(TABLES, 2, 2).code(SymbolWriter(), 0, everywhere, everywhere, None, choose)
    assert all(sorted(cost) == cost for cost in costs)


def test_order_of_passes() -> None:
    seen = []

    def choose(passed: PassContext) -> np.ndarray:
        kind = "intra" if passed.tables is coder.table_sets[INTRA] else "inter"
        seen.append(
            (
                passed.first,
                passed.channels,
                kind,
                list(zip(passed.rows.tolist(), passed.columns.tolist(), strict=True)),
            )
        )
        return np.zeros((len(passed.rows), passed.channels), dtype=np.int64)

    coder = LevelCoder(TABLES, 2, 2)
    coded, intra = (
        np.array([[True, True], [False, True]]),
        np.array([[False, False], [False, True]]),
    )
    coder.code(SymbolWriter(), 0, coded, intra, np.zeros((CHANNELS, 2, 2), dtype=np.int64), choose)
    per_slice = [("intra", [(1, 1)]), ("inter", [(0, 0)]), ("inter", [(0, 1)])]
    assert seen == [
        (first, own, *entry) for first, own in ((0, 1), (1, 1), (2, 2)) for entry in per_slice
    ]
    assert checkerboard(2, 2)[1, 1]


@pytest.mark.parametrize("pieces", [1, 7, 64])
def test_pieces_of_a_pass_do_not_matter(pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> bytes:
        random, writer, coder = RawIntegers(6), SymbolWriter(), LevelCoder(TABLES, 9, 15)
        choose = random_levels(random)
        for key in (True, False, False):
            coder.code(writer, -3, *random_masks(random, 9, 15, key), choose)
        return writer.finish()

    whole = write()
    monkeypatch.setattr(level_syntax, "POSITIONS_AT_ONCE", pieces)
    assert write() == whole


def test_large_passes_are_evaluated_in_pieces() -> None:
    """A header may claim a large picture over an empty payload: what the networks see must not grow
    with it.
    """
    sizes = []

    class Measuring(Observer):
        def evaluated(self, network: SliceNetwork, features: np.ndarray) -> None:
            sizes.append(len(features))

    everywhere = np.ones((256, 256), dtype=bool)
    reader = SymbolReader(b"", Measuring())
    LevelCoder(TABLES, 256, 256).code(reader, 0, everywhere, everywhere, None, None)
    assert max(sizes) <= level_syntax.POSITIONS_AT_ONCE < 256 * 256 // 2
    assert sum(sizes) == 256 * 256 * len(TABLES.slices)


def test_levels_of_a_keyframe_are_no_context() -> None:
    everywhere, coder, choose = (
        np.ones((3, 3), dtype=bool),
        LevelCoder(TABLES, 3, 3),
        random_levels(RawIntegers(4)),
    )
    coder.code(SymbolWriter(), 0, everywhere, everywhere, None, choose)
    assert not coder.previous.any()
    levels = coder.code(
        SymbolWriter(),
        0,
        everywhere,
        ~everywhere,
        np.zeros((CHANNELS, 3, 3), dtype=np.int64),
        choose,
    )
    assert levels.any() and (coder.previous == levels).all()


def test_nothing_coded_writes_nothing() -> None:
    nowhere, writer = np.zeros((3, 4), dtype=bool), SymbolWriter()
    levels = LevelCoder(TABLES, 3, 4).code(
        writer, 0, nowhere, nowhere, np.zeros((CHANNELS, 3, 4), dtype=np.int64), None
    )
    assert not levels.any() and writer.finish() == b""


@pytest.mark.parametrize("level", [MAX_LEVEL + 1, -MAX_LEVEL - 1, 60000])
def test_a_level_out_of_range_is_an_error(level: int) -> None:
    everywhere, writer = np.ones((1, 1), dtype=bool), SymbolWriter()
    with pytest.raises(BitstreamError, match="level outside ±16383"):
        LevelCoder(TABLES, 1, 1).code(
            writer,
            0,
            everywhere,
            everywhere,
            None,
            lambda passed: np.full((1, passed.channels), level),
        )
    # The writer has written the first level when it refuses it: a reader refuses the same bytes.
    with pytest.raises(BitstreamError, match="level outside ±16383"):
        LevelCoder(TABLES, 1, 1).code(
            SymbolReader(writer.finish()), 0, everywhere, everywhere, None, None
        )
