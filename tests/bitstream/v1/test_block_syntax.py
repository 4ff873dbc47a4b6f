"""The block layer: what is written is read, contexts and predictors as written, and vectors out of
range.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import CodedBlocks
from bitstream.v1.block_elements import BLOCK_ELEMENTS
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.observer import Observer
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter

from ...conformance.reference_v1.blocks import BlockLayer
from ...conformance.reference_v1.entropy import RangeDecoder
from ..synthetic import RawIntegers, random_fields, synthetic_tables

PRIORS = synthetic_tables().block_priors
STORED_PRIORS = {BLOCK_ELEMENTS[name].stored_name: table for name, table in PRIORS.items()}


def assert_same(a: BlockFields, b: BlockFields) -> None:
    for name in ("modes", "directions", "vectors", "sides"):
        assert (getattr(a, name) == getattr(b, name)).all(), name


ONE = FrameReference(0, 0, None)  # a chain of one frame
LAST, MIDDLE = coding_order(Structure.HIERARCHY, 2)
Unit = list[tuple[FrameReference, BlockFields]]


def round_trip(units: list[Unit]) -> tuple[BlockCoder, SymbolWriter, bytes]:
    """Write and read the frames of units; both readers must give them back, ours with the writer's
    state.
    """
    height, width = units[0][0][1].modes.shape
    writer, sender = SymbolWriter(), BlockCoder(PRIORS, height, width)
    for unit in units:
        sender.start_unit()
        for entry, fields in unit:
            assert_same(sender.code(writer, fields, entry), fields)
    data = writer.finish()
    reader, receiver = SymbolReader(data), BlockCoder(PRIORS, height, width)
    for unit in units:
        receiver.start_unit()
        for entry, fields in unit:
            assert_same(
                receiver.code(reader, BlockFields.blank(height, width, Mode.SKIP), entry), fields
            )
    coder, slow = RangeDecoder(data), BlockLayer(STORED_PRIORS, height, width)
    for unit in units:
        slow.start_unit(len(unit))
        for entry, fields in unit:
            blocks = slow.decode(coder, entry.number, entry.past, entry.future)
            expected = (
                fields.modes.tolist(),
                fields.sides.tolist(),
                fields.directions.tolist(),
                fields.vectors.tolist(),
            )
            assert (blocks.modes, blocks.sides, blocks.directions, blocks.vectors) == expected
    assert reader.bits == pytest.approx(writer.bits)
    assert sender.known.keys() == receiver.known.keys()
    for number, blocks in sender.known.items():
        assert (blocks.motion == receiver.known[number].motion).all()
    for name, tables in sender.tables.items():
        assert (tables.counts == receiver.tables[name].counts).all()
    return sender, writer, data


def random_unit(
    random: RawIntegers, structure: Structure, frames: int, height: int, width: int
) -> Unit:
    order = coding_order(structure, frames)
    return [
        (entry, random_fields(random, height, width, entry.future is not None)) for entry in order
    ]


@settings(max_examples=80)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(
        st.tuples(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]), st.integers(1, 5)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1 << 30),
)
def test_what_is_written_is_read(
    height: int, width: int, units: list[tuple[Structure, int]], seed: int
) -> None:
    random = RawIntegers(seed)
    _, writer, data = round_trip(
        [random_unit(random, structure, frames, height, width) for structure, frames in units]
    )
    assert len(data) <= 1.005 * writer.bits / 8 + 8


@given(st.data())
def test_any_fields(data: st.DataObject) -> None:
    height, width, two = (
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 4)),
        data.draw(st.booleans()),
    )
    component = st.sampled_from(
        [0, 0, 1, -32, -33, 32, 33, -VECTOR_LIMIT, VECTOR_LIMIT]
    ) | st.integers(-VECTOR_LIMIT, VECTOR_LIMIT)
    fields = BlockFields.blank(height, width, Mode.SKIP)
    for block in np.ndindex(height, width):
        fields.modes[block] = data.draw(st.integers(0, 3))
        if fields.modes[block] == Mode.INTRA:
            continue
        fields.directions[block] = data.draw(st.integers(0, 2)) if two else 0
        for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            if fields.directions[block] != unused:
                fields.vectors[reference][block] = data.draw(component), data.draw(component)
    if two:
        round_trip([[(LAST, BlockFields.blank(height, width, Mode.SKIP)), (MIDDLE, fields)]])
    else:
        round_trip([[(ONE, fields)], [(ONE, fields)]])


def test_opposite_extremes_of_vectors() -> None:
    fields = BlockFields.blank(4, 4, Mode.RESIDUAL)
    fields.vectors[0][::2] = VECTOR_LIMIT
    fields.vectors[0][1::2] = -VECTOR_LIMIT
    round_trip([[(ONE, fields)]])


def test_vectors_of_unused_references_are_not_coded() -> None:
    fields = BlockFields.blank(2, 2, Mode.SKIP)
    fields.modes[0, 0] = Mode.INTRA
    fields.directions[:] = [
        [Direction.AVERAGE, Direction.FUTURE],
        [Direction.PAST, Direction.AVERAGE],
    ]
    fields.vectors[:] = 5
    coded = between(2, 2).code(SymbolWriter(), fields, MIDDLE)
    assert coded.directions.tolist() == [[0, 1], [0, 2]]
    assert coded.vectors[0, :, :, 0].tolist() == [[0, 0], [5, 5]]
    assert coded.vectors[1, :, :, 0].tolist() == [[0, 5], [0, 5]]


def test_still_skip_frames_cost_next_to_nothing() -> None:
    still, joined = (BlockFields.blank(18, 22, Mode.SKIP) for _ in range(2))
    joined.sides[:], joined.sides[16:] = 4, 4
    bits = [
        round_trip([[(ONE, fields)]] * 30)[1].bits / (30 * 18 * 22) for fields in (still, joined)
    ]
    assert bits[0] < 0.4 and bits[1] < 0.7 * bits[0]


def still(
    height: int, width: int, distances: tuple[int, ...] = (), modes: object = Mode.SKIP
) -> CodedBlocks:
    """A frame without motion."""
    fields = BlockFields.blank(height, width, Mode.SKIP)
    fields.modes[:] = modes
    return CodedBlocks(
        fields, distances, np.zeros((len(distances), height, width, 2), dtype=np.int64)
    )


def between(
    height: int, width: int, past: CodedBlocks | None = None, future: CodedBlocks | None = None
) -> BlockCoder:
    """Before ``MIDDLE``: a coder that knows the frames around it."""
    coder = BlockCoder(PRIORS, height, width)
    coder.known = {0: past or still(height, width), 2: future or still(height, width, (-2,))}
    return coder


class Recorder(Observer):
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], list[int]]] = []

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        self.calls.append((tables.name, ids.tolist(), symbols.tolist()))


def recorded(
    fields: BlockFields, coder: BlockCoder | None = None, entry: FrameReference = ONE
) -> list[tuple[str, list[int], list[int]]]:
    """(table set, tables, symbols) of every call that codes something; directly after a keyframe if
    no coder says otherwise.
    """
    recorder = Recorder()
    (coder or BlockCoder(PRIORS, *fields.modes.shape)).code(SymbolWriter(recorder), fields, entry)
    return recorder.calls


def after(past: CodedBlocks) -> BlockCoder:
    """Before ``ONE``: a coder that knows the anchor."""
    coder = BlockCoder(PRIORS, *past.fields.modes.shape)
    coder.known = {0: past}
    return coder


def test_mode_contexts() -> None:
    past, fields = (
        [[Mode.RESIDUAL, Mode.SKIP, Mode.INTRA], [Mode.GENERATE, Mode.RESIDUAL, Mode.SKIP]],
        BlockFields.blank(2, 3, Mode.SKIP),
    )
    fields.modes[:] = [
        [Mode.INTRA, Mode.SKIP, Mode.RESIDUAL],
        [Mode.SKIP, Mode.GENERATE, Mode.SKIP],
    ]
    coder = after(still(2, 3, (-1,), past))
    assert [call for call in recorded(fields, coder) if call[0] == "mode"] == [
        # block 0: coded in the reference, which counts twice; nothing coded beside it there
        ("mode", [20], [Mode.INTRA]),
        # 2: coded there; one coded neighbour: 0, which is intra
        ("mode", [60 + 20 + 5 + 1], [Mode.RESIDUAL]),
        ("mode", [30 + 20 + 5 + 2], [Mode.GENERATE]),  # 4: coded there; 0 and 2 are coded
        ("mode", [60 + 5 + 2, 60 + 5 + 1, 60 + 1], [Mode.SKIP] * 3),  # 1, 3, 5
    ]
    past[1][0] = past[0][1] = Mode.INTRA
    assert recorded(fields, after(still(2, 3, (-1,), past)))[0] == ("mode", [22], [Mode.INTRA])


def test_mode_contexts_count_over_the_references() -> None:
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    coder = between(
        1,
        2,
        still(1, 2, (), [[Mode.RESIDUAL, Mode.SKIP]]),
        still(1, 2, (-2,), [[Mode.INTRA, Mode.INTRA]]),
    )
    assert recorded(fields, coder, MIDDLE)[:2] == [
        ("mode", [180 + 20], [0]),
        ("mode", [180 + 60 + 10], [0]),
    ]
    far = FrameReference(1, 0, 3)  # two frames after its past reference
    coder = BlockCoder(PRIORS, 1, 2)
    coder.known[3] = still(1, 2, (-3,))
    assert recorded(fields, coder, far)[:2] == [("mode", [90], [0]), ("mode", [90 + 60], [0])]


def test_direction_contexts() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.directions[:] = [[1, 2, 2], [0, 1, 2], [1, 1, 0]]
    fields.modes[2, 2] = Mode.INTRA
    calls = [call for call in recorded(fields, between(3, 3), MIDDLE) if call[0] == "direction"]
    assert calls == [
        ("direction", [0], [1]),
        # (0, 2) and (2, 0): intra (2, 2) does not count, (0, 0) is future
        ("direction", [4, 4], [2, 1]),
        ("direction", [3], [1]),  # (1, 1): future twice, average once
        # (1, 2): future and average, as often: the smaller
        ("direction", [3, 4, 3, 4], [2, 0, 2, 1]),
    ]


def test_directions_look_at_the_source() -> None:
    """Of two references the one coded later: it refers to the other."""
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    past, future = still(1, 2, (-5, 2)), still(1, 2, (-2,), [[Mode.INTRA, Mode.SKIP]])
    past.fields.directions[:] = [[Direction.AVERAGE, Direction.FUTURE]]

    def tables(coder: BlockCoder) -> list[list[int]]:
        return [ids for name, ids, _ in recorded(fields, coder, MIDDLE) if name == "direction"]

    assert tables(between(1, 2, past, future)) == [[3 * 21], [2]]
    earlier = CodedBlocks(future.fields, (-7, 5), np.zeros((2, 1, 2, 2), dtype=np.int64))
    assert tables(between(1, 2, past, earlier)) == [[2 * 21], [21 + 2]]


def test_merge_contexts() -> None:
    """Six by six blocks: 64 px units cut by the frame, 32 px units only where those are apart."""
    past, fields = still(6, 6), BlockFields.blank(6, 6, Mode.SKIP)
    past.fields.sides[:4, :4] = 4
    fields.modes[:2, :2] = Mode.RESIDUAL
    fields.modes[5, 5] = Mode.INTRA
    fields.sides[:4, 4:] = 4
    fields.sides[2:4, :2] = 2
    calls = [
        call for call in recorded(fields, between(6, 6, past), MIDDLE) if call[0] == "block_merge"
    ]
    assert calls == [
        # (0, 0): four of sixteen blocks coded, joined in one reference; (1, 1) holds an intra block
        ("block_merge", [54 + 9 + 3], [0]),
        ("block_merge", [54 + 27, 54 + 27], [1, 0]),  # (0, 1) and (1, 0): nothing known around them
        # Then 32 px: (0, 0) all coded, (1, 1), (2, 0) beside nothing; (0, 2) and (1, 2) are inside
        # a joined unit.
        ("block_merge", [162 + 18 + 3, 162 + 3 + 1, 162], [0, 0, 0]),
        # (0, 1) has the joined unit at its right
        ("block_merge", [162 + 27 + 3 + 1, 162 + 27 + 3, 162 + 27], [0, 1, 0]),
    ]
    assert [call for call in recorded(fields, after(past)) if call[0] == "block_merge"][0] == (
        "block_merge",
        [9 + 6],
        [0],
    )


def vector_calls(
    fields: BlockFields, coder: BlockCoder | None = None, entry: FrameReference = ONE
) -> list[tuple]:
    return [call for call in recorded(fields, coder, entry) if call[0].startswith("vector")]


def test_a_unit_moves_as_its_leader_does() -> None:
    fields = BlockFields.blank(4, 4, Mode.SKIP)
    fields.sides[:] = 4
    fields.vectors[0] = [3, -4]
    assert vector_calls(fields) == [
        ("vector_merge", [90], [6]),
        ("vector_delta", [1], [32 + 3]),
        ("vector_delta", [5], [32 - 4]),
    ]
    # what the blocks that follow say is not asked for
    fields.vectors[0, 3, 3] = fields.directions[2, 2] = 1
    coded = between(4, 4).code(SymbolWriter(), fields, MIDDLE)
    assert (coded.vectors[0] == [3, -4]).all() and not coded.directions.any()


def test_vector_contexts() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.vectors[0] = [3, -4]
    fields.vectors[0, 0, 2] = [3, -6]
    assert vector_calls(fields) == [
        ("vector_merge", [0], [6]),  # no neighbour, and no temporal motion: all candidates are zero
        ("vector_delta", [1], [32 + 3]),
        ("vector_delta", [5], [32 - 4]),
        # (2, 2): one neighbour, which differed; zero is the other candidate
        ("vector_merge", [6 + 1], [0]),
        # (0, 2), (2, 0): two equal neighbours, one differed
        ("vector_merge", [30 + 6 + 1] * 2, [6, 0]),
        ("vector_delta", [0], [32]),
        ("vector_delta", [4], [32 - 2]),
        ("vector_merge", [2 * 6 + 2], [0]),  # (1, 1): two differed; zero and (3, -6) are candidates
        # (0, 1), (1, 0), (1, 2) and (2, 1); those at (0, 1) and (1, 2) see (3, -6), and all zero.
        ("vector_merge", [30 + 2 * 6 + 2, 30 + 6 + 1, 30 + 6 + 2, 30 + 1], [0, 0, 0, 0]),
    ]


def test_merging_with_a_neighbour() -> None:
    fields = BlockFields.blank(3, 3, Mode.SKIP)
    fields.vectors[0, 0, 2] = fields.vectors[0, 1, 1] = [0, 9]
    calls = [call for call in recorded(fields) if call[0] == "vector_merge"]
    # (1, 1): one of four differed; the only candidate beside zero
    assert calls[3] == ("vector_merge", [6 + 1], [1])


def test_merging_with_temporal_motion() -> None:
    fields, past = BlockFields.blank(1, 2, Mode.SKIP), still(1, 2, (-2,))
    past.motion[0] = [[[0, 0], [-7, 9]]]
    fields.vectors[0, 0, 1] = [-3, 5]  # half of it, halves rounded up
    assert vector_calls(fields, after(past)) == [
        ("vector_merge", [0], [0]),
        ("vector_merge", [30 + 1], [1]),
    ]


def test_blocks_without_neighbours_are_predicted_from_temporal_motion() -> None:
    fields, past = BlockFields.blank(1, 1, Mode.SKIP), still(1, 1, (-3,))
    past.motion[0] = [-6, 12]
    fields.vectors[0] = [-2, 4]
    assert vector_calls(fields, after(past)) == [("vector_merge", [1], [0])]
    assert vector_calls(fields)[0] == ("vector_merge", [0], [6])


def test_a_direction_says_something_of_the_other_reference() -> None:
    """Three frames after the past reference and one before the future one."""
    coder = BlockCoder(PRIORS, 1, 3)
    coder.known[4] = still(1, 3, (-4,))
    fields = BlockFields.blank(1, 3, Mode.SKIP)
    fields.directions[0] = [Direction.PAST, Direction.FUTURE, Direction.AVERAGE]
    fields.vectors[0, 0] = [[6, -6], [0, 0], [5, 5]]
    fields.vectors[1, 0] = [[0, 0], [1, 2], [9, 9]]
    coder.code(SymbolWriter(), fields, FrameReference(2, 0, 4))
    assert coder.known[3].motion[:, 0].tolist() == [
        [[6, -6], [-3, -6], [5, 5]],
        [[-2, 2], [1, 2], [9, 9]],
    ]
    assert coder.known[3].distances == (-3, 1)


def test_mirrored_vectors_have_contexts_of_their_own() -> None:
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors[0], fields.vectors[1] = [2, -5], [[-2, 5], [-2, 6]]
    calls = [call for call in recorded(fields, between(1, 2), MIDDLE) if call[0] == "vector_merge"]
    # In every stage first the vectors to the past, then those to the future.
    assert calls == [
        ("vector_merge", [0, 60 + 1], [6, 0]),
        ("vector_merge", [30 + 6 + 1, 60 + 6 + 2], [0, 6]),
    ]


def test_averaged_blocks_move_straight() -> None:
    fields = BlockFields.blank(1, 2, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors[0], fields.vectors[1] = [2, -5], [-2, 5]
    assert vector_calls(fields, between(1, 2), MIDDLE) == [
        ("vector_merge", [0, 61], [6, 0]),
        ("vector_delta", [1], [32 + 2]),
        ("vector_delta", [5], [32 - 5]),
        ("vector_merge", [37, 68], [0, 0]),
    ]


def test_the_anchor_is_the_frame_displayed_last() -> None:
    coder, fields = BlockCoder(PRIORS, 1, 1), BlockFields.blank(1, 1, Mode.SKIP)
    coder.start_unit()
    for index, entry in enumerate((LAST, MIDDLE)):
        fields.vectors[0] = 5 + index
        coder.code(SymbolWriter(), fields, entry)
    copy = coder.copy()
    coder.start_unit()
    assert list(coder.known) == [0] and (coder.known[0].motion == 5).all()
    assert sorted(copy.known) == [0, 1, 2]


def crafted(escape: int, horizontal: int) -> bytes:
    """One skipped block whose vector is (33 + escape, horizontal)."""
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, table, symbol in (
        ("mode", 0, Mode.SKIP),
        ("vector_merge", 0, 6),
        ("vector_delta", 1, 66),
    ):
        writer.code(tables[name], np.array([table]), np.array([int(symbol)]))
    writer.code_escapes(np.array([escape]))
    writer.code(tables["vector_delta"], np.array([5]), np.array([horizontal + 32]))
    return writer.finish()


def test_a_vector_out_of_range_is_an_error() -> None:
    def read(data: bytes) -> BlockFields:
        return BlockCoder(PRIORS, 1, 1).code(
            SymbolReader(data), BlockFields.blank(1, 1, Mode.SKIP), ONE
        )

    assert read(crafted(VECTOR_LIMIT - 33, -7)).vectors[0, 0, 0].tolist() == [VECTOR_LIMIT, -7]
    for escape in (VECTOR_LIMIT - 32, 65534):
        with pytest.raises(BitstreamError, match="motion vector outside ±512 px"):
            read(crafted(escape, 0))


def test_a_candidate_that_is_none_is_an_error() -> None:
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, symbol in (("mode", Mode.SKIP), ("vector_merge", 1)):
        writer.code(tables[name], np.array([0]), np.array([int(symbol)]))
    with pytest.raises(BitstreamError, match="vector_merge names a candidate that there is not"):
        BlockCoder(PRIORS, 1, 1).code(
            SymbolReader(writer.finish()), BlockFields.blank(1, 1, Mode.SKIP), ONE
        )
