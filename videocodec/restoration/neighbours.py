"""Motion-compensated latents of the frames before and after: what a restoration sees of a frame's
neighbours.

The stream codes motion to the *references* of a frame, which in a hierarchical group may be several
frames away.  Motion to the frame next to it is taken from whichever of the two refers to the other;
failing that, the vectors to a reference are scaled by its distance (as H.264's temporal direct mode
does).  Nothing here is normative: it feeds networks only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitstream.blas_threads import one_blas_thread
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.frame_coder import LatentFrame, to_positions
from bitstream.v1.prediction import MotionTables, ReferenceFrame

from ..decoded import DecodedLatents, FrameKind

_PAST, _FUTURE = 0, 1
# the direction that does without the past, without the future
_UNUSED_BY = (Direction.FUTURE, Direction.PAST)


def neighbours(
    tables: MotionTables, frames: Sequence[DecodedLatents], index: int, block: int
) -> np.ndarray:
    """Latents of the frames before and after ``frames[index]``, moved to where its content is → (2,
    C, h, w) int32.

    ``frames`` are in display order; where there is no such frame, or a keyframe lies between (GOPs
    stay closed, so that a frame looks the same however one came to it), the frame itself stands in.
    ``block``: latents a side of a block.
    """
    frame = frames[index]
    out = np.stack([frame.latent.latents.astype(np.int32)] * 2)
    # Threads of the BLAS library go on spinning after a product: the network that comes next then
    # took four times as long.
    with one_blas_thread():
        if index > 0 and frame.kind != FrameKind.KEYFRAME:
            out[_PAST] = _moved(
                tables, frames[index - 1].latent, _vectors(frame, frames[index - 1], _PAST), block
            )
        if index + 1 < len(frames) and frames[index + 1].kind != FrameKind.KEYFRAME:
            out[_FUTURE] = _moved(
                tables, frames[index + 1].latent, _vectors(frame, frames[index + 1], _FUTURE), block
            )
    return out


def _moved(
    tables: MotionTables, neighbour: LatentFrame, vectors: np.ndarray, block: int
) -> np.ndarray:
    channels, height, width = neighbour.latents.shape
    rows, columns = (places.ravel() for places in np.indices((height, width)))
    moved = ReferenceFrame(neighbour.latents).predict(
        tables.phase_filters, rows, columns, to_positions(vectors, block).reshape(-1, 2)
    )
    return moved.T.reshape(channels, height, width)


def _vectors(frame: DecodedLatents, neighbour: DecodedLatents, side: int) -> np.ndarray:
    """Vectors (bh, bw, 2) int64 in px from ``frame`` to the neighbour on its past or future
    side.
    """
    other = 1 - side
    if frame.references[side] != neighbour.index and neighbour.references[other] == frame.index:
        # The neighbour refers to this frame: at slow motion its vectors, turned around, hold at the
        # same place.
        return -_towards(neighbour, other)
    return _towards(frame, side)


def _towards(frame: DecodedLatents, side: int) -> np.ndarray:
    """Motion per frame distance towards one side, from the vectors a frame has: its own to that
    side, else the mirrored other.
    """
    fields = frame.latent.fields
    total = np.zeros((*fields.modes.shape, 2), dtype=np.int64)
    known = fields.modes == Mode.INTRA
    for index, sign in ((side, 1), (1 - side, -1)):
        reference = frame.references[index]
        if reference is not None:
            usable = ~known & (fields.directions != _UNUSED_BY[index])
            total[usable] = sign * np.rint(
                fields.vectors[index][usable] / abs(frame.index - reference)
            ).astype(np.int64)
            known |= usable
    return total
