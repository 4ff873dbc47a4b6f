"""The block layer: what is written is read, contexts and predictors as written, and vectors out of range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.block_syntax import BlockCoder, BlockFields, Direction, Mode, neighbour_vectors
from bitstream.errors import BitstreamError
from bitstream.prediction import VECTOR_LIMIT
from bitstream.symbol_coder import SymbolReader, SymbolWriter

from .reference_decoder import middle_of_neighbours
from .synthetic import RawIntegers, random_fields, synthetic_tables

PRIORS = synthetic_tables().block_priors


def assert_same(a: BlockFields, b: BlockFields) -> None:
    assert (a.modes == b.modes).all() and (a.directions == b.directions).all() and (a.vectors == b.vectors).all()


def round_trip(frames: list[tuple[BlockFields, bool]]) -> tuple[BlockCoder, SymbolWriter, bytes]:
    """Write and read frames (fields, two references); reading must give them back and leave the same state."""
    height, width = frames[0][0].modes.shape
    writer, sender = SymbolWriter(), BlockCoder(PRIORS, height, width)
    for fields, two in frames:
        assert_same(sender.code(writer, fields, two, not two), fields)
    data = writer.finish()
    reader, receiver = SymbolReader(data), BlockCoder(PRIORS, height, width)
    for fields, two in frames:
        assert_same(receiver.code(reader, BlockFields.blank(height, width, Mode.SKIP), two, not two), fields)
    assert reader.bits == pytest.approx(writer.bits)
    assert_same(sender.previous, receiver.previous)
    for name, tables in sender.tables.items():
        assert (tables.counts == receiver.tables[name].counts).all()
    return sender, writer, data


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 9), st.integers(1, 9), st.lists(st.booleans(), min_size=1, max_size=5), st.integers(0, 1 << 30))
def test_what_is_written_is_read(height: int, width: int, two: list[bool], seed: int) -> None:
    random = RawIntegers(seed)
    _, writer, data = round_trip([(random_fields(random, height, width, t), t) for t in two])
    assert len(data) <= 1.005 * writer.bits / 8 + 8


@settings(deadline=None)
@given(st.data())
def test_any_fields(data: st.DataObject) -> None:
    height, width, two = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4)), data.draw(st.booleans())
    component = st.sampled_from([0, 0, 1, -32, -33, 32, 33, -VECTOR_LIMIT, VECTOR_LIMIT]) | st.integers(-VECTOR_LIMIT, VECTOR_LIMIT)
    fields = BlockFields.blank(height, width, Mode.SKIP)
    for block in np.ndindex(height, width):
        fields.modes[block] = data.draw(st.integers(0, 3))
        if fields.modes[block] == Mode.INTRA:
            continue
        fields.directions[block] = data.draw(st.integers(0, 2)) if two else 0
        for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            if fields.directions[block] != unused:
                fields.vectors[reference][block] = data.draw(component), data.draw(component)
    round_trip([(fields, two), (fields, two)])


def test_opposite_extremes_of_vectors() -> None:
    fields = BlockFields.blank(4, 4, Mode.RESIDUAL)
    fields.vectors[0][::2] = VECTOR_LIMIT
    fields.vectors[0][1::2] = -VECTOR_LIMIT
    round_trip([(fields, False)])


def test_vectors_of_unused_references_are_not_coded() -> None:
    fields = BlockFields.blank(2, 2, Mode.SKIP)
    fields.modes[0, 0] = Mode.INTRA
    fields.directions[:] = [[Direction.AVERAGE, Direction.FUTURE], [Direction.PAST, Direction.AVERAGE]]
    fields.vectors[:] = 5
    coded = BlockCoder(PRIORS, 2, 2).code(SymbolWriter(), fields, two_references=True, temporal=False)
    assert coded.directions.tolist() == [[0, 1], [0, 2]]
    assert coded.vectors[0, :, :, 0].tolist() == [[0, 0], [5, 5]]
    assert coded.vectors[1, :, :, 0].tolist() == [[0, 5], [0, 5]]


def test_still_skip_frames_cost_next_to_nothing() -> None:
    still = BlockFields.blank(18, 22, Mode.SKIP)
    _, writer, _ = round_trip([(still, False)] * 60)
    assert writer.bits / (60 * 18 * 22) < 0.15


def test_mode_contexts() -> None:
    coder = BlockCoder(PRIORS, 2, 3)
    coder.previous.modes[:] = [[Mode.RESIDUAL, Mode.SKIP, Mode.INTRA], [Mode.GENERATE, Mode.RESIDUAL, Mode.SKIP]]
    out = BlockFields.blank(2, 3, Mode.SKIP)
    assert coder._mode_contexts(out, 0).tolist() == [[5, 3, 5], [2, 5, 2]]
    out.modes[:] = [[Mode.INTRA, Mode.SKIP, Mode.GENERATE], [Mode.SKIP, Mode.RESIDUAL, Mode.SKIP]]
    assert coder._mode_contexts(out, 1).tolist() == [[15, 12, 15], [12, 15, 11]]


def test_vectors_are_predicted_from_the_frame_before() -> None:
    coder = BlockCoder(PRIORS, 1, 2)
    coder.previous.vectors[0] = [3, -4]
    assert coder.first_predictor(0, temporal=True).tolist() == [[[3, -4], [3, -4]]]
    assert not coder.first_predictor(0, temporal=False).any()
    assert not coder.first_predictor(1, temporal=True).any()


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1 << 30))
def test_neighbour_vectors_as_written(height: int, width: int, seed: int) -> None:
    field = RawIntegers(seed).around(VECTOR_LIMIT, height, width, 2)
    got = neighbour_vectors(field)
    if height == width == 1:
        return  # has no second pass: any predictor will do
    as_lists = field.tolist()
    assert got.tolist() == [[[middle_of_neighbours(as_lists, r, c, k) for k in (0, 1)] for c in range(width)] for r in range(height)]


def test_neighbour_vectors_by_hand() -> None:
    plane = np.array([[0, 8, 0], [-4, 0, 3], [0, 9, 0]])
    got = neighbour_vectors(np.stack([plane, -plane], -1))
    assert got[1, 1].tolist() == [5, -6]  # 3 and 8: 11 >> 1; -8 and -3: -11 >> 1
    assert got[0, 0].tolist() == [2, -2]  # below and right twice: -4, -4, 8, 8


def crafted(escape: int, horizontal: int) -> bytes:
    """One skipped block whose vector is (33 + escape, horizontal)."""
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, table, symbol in (("mode", 0, Mode.SKIP), ("vector_same", 0, 1), ("vector_delta", 0, 66)):
        writer.code(tables[name], np.array([table]), np.array([int(symbol)]))
    writer.code_escapes(np.array([escape]))
    writer.code(tables["vector_delta"], np.array([2]), np.array([horizontal + 32]))
    return writer.finish()


def test_a_vector_out_of_range_is_an_error() -> None:
    def read(data: bytes) -> BlockFields:
        return BlockCoder(PRIORS, 1, 1).code(SymbolReader(data), BlockFields.blank(1, 1, Mode.SKIP), two_references=False, temporal=True)

    assert read(crafted(VECTOR_LIMIT - 33, -7)).vectors[0, 0, 0].tolist() == [VECTOR_LIMIT, -7]
    for escape in (VECTOR_LIMIT - 32, 65534):
        with pytest.raises(BitstreamError, match="motion vector outside ±512 px"):
            read(crafted(escape, 0))
