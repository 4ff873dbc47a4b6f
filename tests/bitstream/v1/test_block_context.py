"""What a frame's block layer is predicted from."""

from __future__ import annotations

import numpy as np

from bitstream.group_structure import FrameReference
from bitstream.v1.block_context import BlockContext, CodedBlocks
from bitstream.v1.block_fields import BlockFields, Mode


def still(distances: tuple[int, ...]) -> CodedBlocks:
    """One skipped block that does not move, to references at those distances."""
    return CodedBlocks(
        BlockFields.blank(1, 1, Mode.SKIP),
        distances,
        np.zeros((len(distances), 1, 1, 2), dtype=np.int64),
    )


def test_what_a_frame_is_predicted_from() -> None:
    """The later coded of two references, by what it says of the other."""
    past, future = still((-4, 4)), still((-4,))
    past.motion[:, 0, 0] = [[1, 1], [8, 16]]
    future.motion[0, 0, 0] = [12, 20]
    entry = FrameReference(1, 0, 4)  # distances -2 and 2
    context = BlockContext({0: past, 4: future}, entry)
    assert (context.distances, context.frame_class, context.has_future) == ((-2, 2), 1, True)
    assert context.source is future and context.temporal[:, 0, 0].tolist() == [[6, 10], [-6, -10]]
    context = BlockContext({0: past, 4: CodedBlocks(future.fields, (-8, 8), past.motion)}, entry)
    assert context.source is past and context.temporal[:, 0, 0].tolist() == [[-4, -8], [4, 8]]
    context = BlockContext({0: past}, FrameReference(7, 0, None))  # first of a hierarchy of eight
    assert (context.frame_class, context.has_future, context.temporal[:, 0, 0].tolist()) == (
        0,
        False,
        [[2, 2]],
    )
    assert not BlockContext(
        {0: CodedBlocks.keyframe(1, 1)}, FrameReference(0, 0, None)
    ).temporal.any()
    assert BlockContext({0: past, 2: still((-2,))}, FrameReference(0, 0, 2)).frame_class == 2
