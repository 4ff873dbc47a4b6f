"""Contexts, predictors and candidates of the block layer, call by call."""

from __future__ import annotations

import numpy as np

from bitstream.group_structure import FrameReference
from bitstream.v1.block_context import CodedBlocks
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.symbol_coder import SymbolWriter

from .block_layers import (
    MIDDLE,
    PRIORS,
    after,
    between,
    recorded,
    still,
    vector_calls,
)


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
    assert next(call for call in recorded(fields, after(past)) if call[0] == "block_merge") == (
        "block_merge",
        [9 + 6],
        [0],
    )


def test_a_merged_block_moves_as_its_leader_does() -> None:
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
