"""What the block layer of a frame is predicted from: the block layers of the frames it refers to,
and their motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..group_structure import FrameReference
from .block_fields import BlockFields, Mode
from .motion_vectors import scaled


@dataclass(frozen=True)
class CodedBlocks:
    """The block layer of a coded frame, as frames after it see it.

    distances: display positions of its references, relative to its own: (past,) or (past, future),
    past < 0 < future, and () for a keyframe.  motion (references, bh, bw, 2) px: vectors to each
    reference; a block that uses only the other has that one's, scaled, and an intra block zero.
    """

    fields: BlockFields
    distances: tuple[int, ...]
    motion: npt.NDArray[np.int64]

    @classmethod
    def keyframe(cls, height: int, width: int) -> CodedBlocks:
        """As if every block had been skipped: what a keyframe holds says nothing about where frames
        after it change.
        """
        return cls(
            BlockFields.blank(height, width, Mode.SKIP),
            (),
            np.zeros((0, height, width, 2), dtype=np.int64),
        )


class BlockContext:
    """What a frame's block layer is predicted from: the frames it refers to, and the motion of the
    one that was coded last.

    distances as in ``CodedBlocks``; references: in the same order; temporal (references, bh, bw,
    2): for every block, the motion of the block in the same place of ``source``, to its reference
    ``temporal_reference`` (0 or 1), scaled to this frame's distances.
    """

    def __init__(self, known: dict[int, CodedBlocks], entry: FrameReference) -> None:
        number, past = entry.number, entry.past
        if past is None:
            raise ValueError("a keyframe has no block layer")
        numbers = (past,) if entry.future is None else (past, entry.future)
        self.distances = tuple(reference - number for reference in numbers)
        self.references = tuple(known[reference] for reference in numbers)
        self.source, self.temporal_reference = self.references[0], 0
        if entry.future is not None:
            # Of two references, the one coded later refers to the other.
            future = self.references[1]
            if future.distances[0] == past - entry.future:
                self.source = future
            else:
                self.temporal_reference = 1
        if self.source.distances:
            motion = self.source.motion[self.temporal_reference]
            over = self.source.distances[self.temporal_reference]
            self.temporal = np.stack(
                [scaled(motion, distance, over) for distance in self.distances]
            )
        else:
            self.temporal = np.zeros(
                (len(numbers), *self.source.fields.modes.shape, 2), dtype=np.int64
            )

    @property
    def has_future(self) -> bool:
        """Whether the frame has a future reference."""
        return len(self.distances) == 2

    @property
    def frame_class(self) -> int:
        """0 with one reference; with two, 2 if they are next to the frame, so that nothing refers
        to it, else 1.
        """
        return 0 if not self.has_future else 2 if self.distances == (-1, 1) else 1

    def agreeing(self, planes: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.int64]:
        """How much references agree on something, 0 to 2, from a bool plane of each: a single
        reference counts twice.
        """
        total: npt.NDArray[np.int64] = sum(
            (plane.astype(np.int64) for plane in planes[1:]), planes[0].astype(np.int64)
        )
        return total if self.has_future else 2 * total
