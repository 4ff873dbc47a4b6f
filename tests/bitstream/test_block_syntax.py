"""The block layer: what is written is read, contexts and predictors as written, and vectors out of range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.block_lattice import StageKind
from bitstream.block_syntax import BlockCoder, BlockFields, Direction, Mode, VectorPredictor
from bitstream.errors import BitstreamError
from bitstream.prediction import VECTOR_LIMIT
from bitstream.symbol_coder import SymbolReader, SymbolWriter, TableSet

from .reference_blocks import BlockLayer
from .reference_entropy import RangeDecoder
from .synthetic import RawIntegers, random_fields, synthetic_tables

PRIORS = synthetic_tables().block_priors


def assert_same(a: BlockFields, b: BlockFields) -> None:
    for name in ("modes", "directions", "vectors", "sides"):
        assert (getattr(a, name) == getattr(b, name)).all(), name


def round_trip(frames: list[tuple[BlockFields, bool]]) -> tuple[BlockCoder, SymbolWriter, bytes]:
    """Write and read frames (fields, two references); both readers must give them back, ours with the writer's state."""
    height, width = frames[0][0].modes.shape
    writer, sender = SymbolWriter(), BlockCoder(PRIORS, height, width)
    for fields, two in frames:
        assert_same(sender.code(writer, fields, two), fields)
    data = writer.finish()
    reader, receiver = SymbolReader(data), BlockCoder(PRIORS, height, width)
    for fields, two in frames:
        assert_same(receiver.code(reader, BlockFields.blank(height, width, Mode.SKIP), two), fields)
    coder, slow = RangeDecoder(data), BlockLayer(PRIORS, height, width)
    for fields, two in frames:
        blocks = slow.decode(coder, two)
        expected = fields.modes.tolist(), fields.sides.tolist(), fields.directions.tolist(), fields.vectors.tolist()
        assert (blocks.modes, blocks.sides, blocks.directions, blocks.vectors) == expected
    assert reader.bits == pytest.approx(writer.bits)
    assert_same(sender.previous, receiver.previous)
    for name, tables in sender.tables.items():
        assert (tables.counts == receiver.tables[name].counts).all()
    return sender, writer, data


@settings(max_examples=80)
@given(st.integers(1, 20), st.integers(1, 20), st.lists(st.booleans(), min_size=1, max_size=5), st.integers(0, 1 << 30))
def test_what_is_written_is_read(height: int, width: int, two: list[bool], seed: int) -> None:
    random = RawIntegers(seed)
    _, writer, data = round_trip([(random_fields(random, height, width, t), t) for t in two])
    assert len(data) <= 1.005 * writer.bits / 8 + 8


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
    coded = BlockCoder(PRIORS, 2, 2).code(SymbolWriter(), fields, two_references=True)
    assert coded.directions.tolist() == [[0, 1], [0, 2]]
    assert coded.vectors[0, :, :, 0].tolist() == [[0, 0], [5, 5]]
    assert coded.vectors[1, :, :, 0].tolist() == [[0, 5], [0, 5]]


def test_still_skip_frames_cost_next_to_nothing() -> None:
    still, joined = (BlockFields.blank(18, 22, Mode.SKIP) for _ in range(2))
    joined.sides[:], joined.sides[16:] = 4, 4
    bits = [round_trip([(fields, False)] * 30)[1].bits / (30 * 18 * 22) for fields in (still, joined)]
    assert bits[0] < 0.4 and bits[1] < 0.7 * bits[0]


def recorded(fields: BlockFields, two_references: bool, before: BlockFields | None = None) -> list[tuple[str, list[int], list[int]]]:
    """(table set, tables, symbols) of every call that codes something."""
    height, width = fields.modes.shape
    coder, calls = BlockCoder(PRIORS, height, width), []
    names = {id(tables): name for name, tables in coder.tables.items()}

    class Recorder(SymbolWriter):
        def code(self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray) -> np.ndarray:
            if len(ids):
                calls.append((names[id(tables)], ids.tolist(), symbols.tolist()))
            return super().code(tables, ids, symbols)

    if before is not None:
        coder.previous = before
    coder.code(Recorder(), fields, two_references)
    return calls


def test_mode_contexts() -> None:
    before, fields = BlockFields.blank(2, 3, Mode.SKIP), BlockFields.blank(2, 3, Mode.SKIP)
    before.modes[:] = [[Mode.RESIDUAL, Mode.SKIP, Mode.INTRA], [Mode.GENERATE, Mode.RESIDUAL, Mode.SKIP]]
    fields.modes[:] = [[Mode.INTRA, Mode.SKIP, Mode.RESIDUAL], [Mode.SKIP, Mode.GENERATE, Mode.SKIP]]
    assert [call for call in recorded(fields, False, before) if call[0] == "mode"] == [
        ("mode", [5], [Mode.INTRA]),  # block 0: coded before; its neighbours of before were not
        ("mode", [26], [Mode.RESIDUAL]),  # 2: coded before, one coded neighbour: 0
        ("mode", [17], [Mode.GENERATE]),  # 4: coded before; 0 and 2 are
        ("mode", [22, 21, 21], [Mode.SKIP] * 3),  # 1, 3, 5
    ]
    before.modes[1, 0] = before.modes[0, 1] = Mode.INTRA
    assert recorded(fields, False, before)[0] == ("mode", [7], [Mode.INTRA])


def test_direction_contexts() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.directions[:] = [[1, 2, 2], [0, 1, 2], [1, 1, 0]]
    fields.modes[2, 2] = Mode.INTRA
    calls = [call for call in recorded(fields, two_references=True) if call[0] == "direction"]
    assert calls == [
        ("direction", [0], [1]),
        ("direction", [4, 4], [2, 1]),  # (0, 2) and (2, 0): intra (2, 2) does not count, (0, 0) is future
        ("direction", [3], [1]),  # (1, 1): future twice, average once
        ("direction", [3, 4, 3, 4], [2, 0, 2, 1]),  # (1, 2): future and average, as often: the smaller
    ]


def test_unit_contexts() -> None:
    """Six by six blocks: 64 px units cut by the frame, 32 px units only where those are apart."""
    before, fields = BlockFields.blank(6, 6, Mode.SKIP), BlockFields.blank(6, 6, Mode.SKIP)
    before.sides[:4, :4] = 4
    fields.modes[:2, :2] = Mode.RESIDUAL
    fields.modes[5, 5] = Mode.INTRA
    fields.sides[:4, 4:] = 4
    fields.sides[2:4, :2] = 2
    calls = [call for call in recorded(fields, True, before) if call[0] == "unit"]
    assert calls == [
        ("unit", [36 + 6 + 3], [0]),  # (0, 0): four of sixteen blocks coded, joined before; (1, 1) holds an intra block
        ("unit", [36 + 18, 36 + 18], [1, 0]),  # (0, 1) and (1, 0): nothing known around them
        # Then 32 px: (0, 0) all coded, (1, 1), (2, 0) beside nothing; (0, 2) and (1, 2) are inside a joined unit.
        ("unit", [108 + 12 + 3, 108 + 3 + 1, 108], [0, 0, 0]),
        ("unit", [108 + 18 + 3 + 1, 108 + 18 + 3, 108 + 18], [0, 1, 0]),  # (0, 1) has the joined unit at its right
    ]


def test_a_unit_moves_as_its_leader_does() -> None:
    fields = BlockFields.blank(4, 4, Mode.SKIP)
    fields.sides[:] = 4
    fields.vectors[0] = [3, -4]
    calls = [call for call in recorded(fields, two_references=False) if call[0].startswith("vector")]
    assert calls == [("vector_merge", [46], [6]), ("vector_delta", [1], [32 + 3]), ("vector_delta", [5], [32 - 4])]
    fields.vectors[0, 3, 3] = fields.directions[2, 2] = 1  # what the blocks that follow say is not asked for
    coded = BlockCoder(PRIORS, 4, 4).code(SymbolWriter(), fields, two_references=True)
    assert (coded.vectors[0] == [3, -4]).all() and not coded.directions.any()


def test_vector_contexts() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.vectors[0] = [3, -4]
    fields.vectors[0, 0, 2] = [3, -6]
    calls = [call for call in recorded(fields, two_references=False) if call[0].startswith("vector")]
    assert calls == [
        ("vector_merge", [1], [6]),  # no neighbour, and zero before
        ("vector_delta", [1], [32 + 3]),
        ("vector_delta", [5], [32 - 4]),
        ("vector_merge", [4], [0]),  # (2, 2): one neighbour, which differed
        ("vector_merge", [18, 18], [6, 0]),  # (0, 2), (2, 0): two equal neighbours, one differed
        ("vector_delta", [0], [32]),
        ("vector_delta", [4], [32 - 2]),
        ("vector_merge", [7], [0]),  # (1, 1): four neighbours within 2 px, two differed
        ("vector_merge", [22, 18, 19, 15], [0, 0, 0, 0]),
    ]


def test_merging_with_a_neighbour() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.vectors[0, 0, 2] = fields.vectors[0, 1, 1] = [0, 9]
    calls = [call for call in recorded(fields, two_references=False) if call[0] == "vector_merge"]
    assert calls[3] == ("vector_merge", [5], [2])  # (1, 1): one of four differed, far from the others: the second, up and right


def test_merging_with_the_frame_before() -> None:
    before, fields = BlockFields.blank(1, 2, Mode.SKIP), BlockFields.blank(1, 2, Mode.SKIP)
    before.vectors[1, 0, 1] = [-7, 9]
    fields.directions[:] = Direction.FUTURE
    fields.vectors[1, 0, 1] = [-7, 9]
    calls = [call for call in recorded(fields, True, before) if call[0].startswith("vector")]
    assert calls == [("vector_merge", [1], [0]), ("vector_merge", [16], [5])]


def test_mirrored_vectors_have_contexts_of_their_own() -> None:
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors[0], fields.vectors[1] = [2, -5], [[-2, 5], [-2, 6]]
    calls = [call for call in recorded(fields, two_references=True) if call[0] == "vector_merge"]
    # In every stage first the vectors to the past, then those to the future.
    assert calls == [("vector_merge", [1, 31], [6, 0]), ("vector_merge", [19, 31], [0, 6])]


def test_vectors_are_predicted_from_the_frame_before() -> None:
    coder = BlockCoder(PRIORS, 1, 2)
    coder.previous.vectors[0] = [3, -4]
    coder.previous.vectors[1] = 9
    assert coder.fallback(two_references=False).tolist() == [[[3, -4], [3, -4]]]
    assert not coder.fallback(two_references=True).any()
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    fields.vectors[0] = [3, -4]
    before = BlockFields.blank(1, 2, Mode.SKIP)
    before.vectors[0, 0, 0] = [3, -4]
    assert ("vector_merge", [1], [0]) in recorded(fields, False, before)
    assert ("vector_merge", [1], [6]) in recorded(fields, False)


def test_averaged_blocks_move_straight() -> None:
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors[0], fields.vectors[1] = [2, -5], [-2, 5]
    calls = [call for call in recorded(fields, two_references=True) if call[0].startswith("vector")]
    assert calls == [
        ("vector_merge", [1, 31], [6, 0]),
        ("vector_delta", [1], [32 + 2]),
        ("vector_delta", [5], [32 - 5]),
        ("vector_merge", [19, 31], [0, 0]),
    ]


def test_the_predictor_sees_what_is_known() -> None:
    vectors = np.zeros((1, 2, 2), dtype=np.int64)
    predictor = VectorPredictor(vectors, np.ones((1, 2), dtype=bool), np.full((1, 2, 2), 7))
    first, second = BlockCoder(PRIORS, 1, 2).stages
    assert (first.kind, second.kind) == (StageKind.FIRST, StageKind.EDGE)
    assert [[values.tolist() for values in predictor.predict(stage)] for stage in (first, second)] == [[[[7, 7]], [1]], [[[0, 0]], [1]]]
    vectors[0, 0] = [-2, 5]
    assert predictor.predict(second)[0].tolist() == [[-2, 5]]


def crafted(escape: int, horizontal: int) -> bytes:
    """One skipped block whose vector is (33 + escape, horizontal)."""
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, table, symbol in (("mode", 0, Mode.SKIP), ("vector_merge", 1, 6), ("vector_delta", 1, 66)):
        writer.code(tables[name], np.array([table]), np.array([int(symbol)]))
    writer.code_escapes(np.array([escape]))
    writer.code(tables["vector_delta"], np.array([5]), np.array([horizontal + 32]))
    return writer.finish()


def test_a_vector_out_of_range_is_an_error() -> None:
    def read(data: bytes) -> BlockFields:
        return BlockCoder(PRIORS, 1, 1).code(SymbolReader(data), BlockFields.blank(1, 1, Mode.SKIP), two_references=False)

    assert read(crafted(VECTOR_LIMIT - 33, -7)).vectors[0, 0, 0].tolist() == [VECTOR_LIMIT, -7]
    for escape in (VECTOR_LIMIT - 32, 65534):
        with pytest.raises(BitstreamError, match="motion vector outside ±512 px"):
            read(crafted(escape, 0))
