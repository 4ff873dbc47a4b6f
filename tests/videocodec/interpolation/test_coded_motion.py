"""Which motion the stream codes between two frames, and where nothing is bridged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.decoded import DecodedLatents, FrameKind
from videocodec.interpolation.coded_motion import bridgeable, motion_between

BLOCK = 2
ROWS, COLUMNS = 4, 6  # blocks


def frame(
    index: int,
    references: tuple[int | None, int | None],
    past: tuple[int, int] = (0, 0),
    future: tuple[int, int] = (0, 0),
    direction: Direction = Direction.PAST,
    mode: Mode = Mode.SKIP,
) -> DecodedLatents:
    """A frame whose blocks all say the same, without content."""
    fields = BlockFields.blank(ROWS, COLUMNS, mode)
    fields.directions[:] = direction
    fields.vectors[0], fields.vectors[1] = past, future
    latents = np.zeros((4, ROWS * BLOCK, COLUMNS * BLOCK), np.int16)
    kind = FrameKind.KEYFRAME if references == (None, None) else FrameKind.INTER
    quantisers = np.full(latents.shape[1:], 40, np.uint8)
    coded = LatentFrame(latents, fields, 40, 0.0, 0.0)
    return DecodedLatents(coded, index, 1, kind, 1.0, quantisers, index, references)


def test_the_later_frame_says_where_it_comes_from() -> None:
    motion = motion_between(frame(0, (None, None)), frame(1, (0, None), past=(8, -3)))
    assert motion is not None
    assert motion.linked == 1
    assert (motion.displacements == (-8, 3)).all()


def test_the_earlier_frame_says_where_it_goes_on() -> None:
    before = frame(1, (0, 2), (16, 0), (5, 6), Direction.FUTURE)
    motion = motion_between(before, frame(2, (0, None), past=(64, 64)))
    assert motion is not None
    assert motion.linked == 1
    assert (motion.displacements == (5, 6)).all()


def test_blocks_without_that_reference_have_the_mirrored_vector_of_the_other() -> None:
    after = frame(1, (0, 4), (9, 9), (12, -6), Direction.FUTURE)
    motion = motion_between(frame(0, (None, None)), after)
    assert motion is not None
    assert motion.linked == 0
    assert (motion.displacements == (4, -2)).all()


def test_blocks_coded_by_themselves_do_not_move() -> None:
    after = frame(1, (0, 2), (9, 9), (9, 9), Direction.AVERAGE, Mode.INTRA)
    motion = motion_between(frame(0, (None, None)), after)
    assert motion is not None
    assert motion.linked == 0
    assert not motion.displacements.any()


def test_frames_that_do_not_refer_to_each_other_have_no_motion() -> None:
    assert motion_between(frame(1, (0, 4)), frame(2, (0, 4))) is None
    assert bridgeable(frame(1, (0, 4)), frame(2, (0, 4))) is None


def test_keyframes_cuts_and_lost_frames_are_never_bridged() -> None:
    before, after = frame(0, (None, None)), frame(1, (0, None))
    assert bridgeable(before, after) is not None
    assert bridgeable(before, frame(1, (None, None))) is None
    intra = frame(1, (0, None), mode=Mode.INTRA)
    assert bridgeable(before, intra) is None
    assert bridgeable(before, intra, least_linked=0) is not None
    assert bridgeable(replace(before, kind=FrameKind.CONCEALED), after) is None
    assert bridgeable(before, replace(after, kind=FrameKind.CONCEALED)) is None
