"""Latents of a time between two coded frames, from both of them along the coded motion.

No torch.  For format version 1, whose motion is that of latents.  A block's motion is scaled to the
time, the way in H.264's temporal direct mode, and both frames are moved along it by phase filters.
As the motion lies where a block is at the time of *its* frame, and not half way, every position
chooses among the motion of the blocks around it the one along which both frames agree best, which
is what decoders do that refine motion by bilateral matching (as in VVC).  Nothing here is
normative, and nothing of it is ever referred to.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.blas_threads import one_blas_thread
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.prediction import MotionTables, ReferenceFrame

from .coded_motion import Motion

_OFFSETS = tuple(product((0, -1, 1), (0, -1, 1)))  # of blocks whose motion is tried, the own first
_WINDOW = 5  # positions a side, over which two frames have to agree
_PREFERENCE = 0.9  # another block's motion has to match that much better than a block's own


class LatentsBetween:
    """Latents at any time between two frames.

    tables: the model's.
    block: latents a side of a block.
    before, after: (C, h, w) latents in latent units, decoded or restored, int or float.
    """

    def __init__(
        self,
        tables: MotionTables,
        block: int,
        motion: Motion,
        before: np.ndarray,
        after: np.ndarray,
    ) -> None:
        self._filters, self._block = tables.phase_filters, block
        self._ends = tuple(
            ReferenceFrame(np.rint(latents).astype(np.int32)) for latents in (before, after)
        )
        self._shape = before.shape
        self._candidates = _candidates(motion.displacements, block)
        self._rows, self._columns = (
            places.ravel() for places in np.indices(before.shape[1:], dtype=np.int64)
        )

    def at(self, share: float) -> npt.NDArray[np.float32]:
        """Latents (C, h, w) float32 in latent units at the time that is ``share`` (0..1) of the way
        from the one frame to the other.
        """
        best: npt.NDArray[np.float32] | None = None
        least = np.zeros(self._shape[1:], dtype=np.float32)
        with one_blas_thread():
            for displacement in self._candidates:
                # Rounded once, so that the two places stay as far apart as the coded motion says.
                back = np.rint(-share * displacement).astype(np.int64)
                earlier, later = self._moved(0, back), self._moved(1, back + displacement)
                mixed = (1 - share) * earlier + share * later
                differing = cv2.blur(
                    np.abs(earlier - later).sum(0),
                    (_WINDOW, _WINDOW),
                    borderType=cv2.BORDER_REFLECT,
                )
                if best is None:
                    best, least = mixed, differing * _PREFERENCE
                    continue
                better = differing < least
                best[:, better] = mixed[:, better]
                least = np.minimum(least, differing)
        assert best is not None
        return best

    def _moved(self, end: int, vectors: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        moved = self._ends[end].predict(
            self._filters, self._rows, self._columns, vectors.reshape(-1, 2)
        )
        return moved.T.reshape(self._shape).astype(np.float32)


def _candidates(displacements: npt.NDArray[np.int64], block: int) -> list[npt.NDArray[np.int64]]:
    """Displacements to try at every position, each (h, w, 2): those of the block and of the eight
    around it, and none.
    """
    padded = np.pad(displacements, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = displacements.shape[:2]
    found = [
        padded[1 + down : 1 + down + rows, 1 + across : 1 + across + columns]
        for down, across in _OFFSETS
    ]
    found.append(np.zeros_like(displacements))
    unlike = [
        candidate
        for number, candidate in enumerate(found)
        if not any(np.array_equal(candidate, earlier) for earlier in found[:number])
    ]
    return [to_positions(candidate, block) for candidate in unlike]
