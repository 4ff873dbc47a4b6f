"""What the stream says of the motion between two adjacent frames, and whether it says enough.

No torch.  One of two adjacent frames always refers to the other, but at a keyframe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitstream.v1.block_fields import Direction, Mode

from ..decoded import DecodedLatents, FrameKind

# Of the blocks of a frame, those that refer to the other one, below which a pair is a scene cut.
LEAST_LINKED = 0.125


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves between two adjacent frames.

    displacements (bh, bw, 2) int64: (dy, dx) by which the content of a block goes on from the
    earlier frame to the later one, in px or in as fine a part of one as the format's vectors.
    linked: share of the blocks that are predicted from the other frame, 0..1.
    """

    displacements: npt.NDArray[np.int64]
    linked: float


def motion_between(before: DecodedLatents, after: DecodedLatents) -> Motion | None:
    """The motion that the stream codes between two frames, one of which comes next after the other;
    None where neither refers to the other.
    """
    for frame, other, side, sign in ((after, before, 0, -1), (before, after, 1, 1)):
        if frame.references[side] != other.index:
            continue
        fields = frame.latent.fields
        unused = (Direction.FUTURE, Direction.PAST)
        displacements = np.zeros_like(fields.vectors[side])
        predicted = fields.modes != Mode.INTRA
        linked = predicted & (fields.directions != unused[side])
        displacements[linked] = sign * fields.vectors[side][linked]
        reference = frame.references[1 - side]
        if reference is not None:  # the mirrored vector to the reference on the other side
            mirrored = predicted & ~linked
            distance = abs(frame.index - reference)
            displacements[mirrored] = -sign * np.rint(
                fields.vectors[1 - side][mirrored] / distance
            ).astype(np.int64)
        return Motion(displacements, float(linked.mean()))
    return None


def bridgeable(
    before: DecodedLatents, after: DecodedLatents, least_linked: float = LEAST_LINKED
) -> Motion | None:
    """The motion between two adjacent frames, None where nothing may be made up between them: at a
    keyframe, beside a lost frame, and where next to nothing of one is predicted from the other, as
    at a scene cut.

    least_linked: ``Motion.linked`` below which that is so.
    """
    if after.kind != FrameKind.INTER or before.kind == FrameKind.CONCEALED:
        return None
    motion = motion_between(before, after)
    return None if motion is None or motion.linked < least_linked else motion
