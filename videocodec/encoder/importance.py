"""How much of the frames to come lives on a block: importance, propagated backwards along motion as
x264's mbtree does.

Garrett-Glaser, "A novel macroblock-tree algorithm for high-performance optimization of dependent
video coding in H.264/AVC" (2009).  A block that can be predicted well hands its own importance, and
itself, on to where it is predicted from.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.group_structure import FrameReference

from ..optical_flow import warped
from .crew import Crew
from .motion import MotionEstimator

_NOISE = 2.0  # grey levels of difference that are in every camera's picture and say nothing
# What a block's error can count, by class: by its importance, and in frames that a guard has coded
# finer than their other blocks need.
IMPORTANCE_CLASSES = 5
WEIGHTS = np.array(
    [0.5, 0.7, 1.0, 1.4, 2.0, *(2.0 ** (-k / 2) for k in range(3, 20))], dtype=np.float32
)
USUAL_CLASS = 2
_WEIGHT_STRENGTH = 0.5  # power of the importance that a block's error counts
# quantiser indices by which a keyframe is finer for every doubling of its importance
_KEYFRAME_STRENGTH = 3.5
# least and most: on the dev clips a coarser keyframe costs even fast motion bits
_KEYFRAME_OFFSETS = (9, 15)


class GroupMotion:
    """Vectors between the frames of a group, each pair searched once.  luma: by frame number, 0 is
    the anchor.
    """

    def __init__(self, search: MotionEstimator, luma: list[np.ndarray]) -> None:
        self._search, self._luma = search, luma
        self._vectors: dict[tuple[int, int], np.ndarray] = {}

    def search(self, pairs: Iterable[tuple[int, int]], crew: Crew) -> None:
        """Find the vectors between a frame and a reference for all pairs of them."""
        crew.map(lambda pair: self.vectors(*pair), pairs)

    def vectors(self, frame: int, reference: int) -> np.ndarray:
        """(bh, bw, 2) int64 in the search's unit: where the blocks of a frame come from in a
        reference.
        """
        if (frame, reference) not in self._vectors:
            self._vectors[frame, reference] = self.searched(frame, reference)
        return self._vectors[frame, reference]

    def searched(self, frame: int, reference: int) -> np.ndarray:
        """The same by a search, whatever is known."""
        return self._search.vectors(self._luma[frame], self._luma[reference])

    def take_over(self, frame: int, past: int, future: int) -> None:
        """Have a frame between two others move as these do, without a search, where it is known how
        they move.
        """
        for one, other in ((future, past), (past, future)):
            if (one, other) in self._vectors:
                whole = self._vectors[one, other]
                part = np.rint(whole * ((frame - other) / (one - other))).astype(np.int64)
                self._vectors[frame, other], self._vectors[frame, one] = part, part - whole

    def refine(self, frames: Iterable[FrameReference], crew: Crew) -> None:
        """Find the vectors of frames, each between two others, near those that these share."""

        def refined(pair: tuple[int, int]) -> np.ndarray:
            one, other = (self._luma[number] for number in pair)
            return self._search.refined(one, other, self._vectors[pair])

        pairs: list[tuple[int, int]] = []
        for frame in frames:
            self.take_over(frame.number, *frame.references)
            both = [(frame.number, reference) for reference in frame.references]
            pairs += [pair for pair in both if pair in self._vectors]
        self._vectors.update(zip(pairs, crew.map(refined, pairs), strict=True))

    def pixels(self, frame: int, reference: int) -> npt.NDArray[np.float32]:
        """The same in px."""
        unit = np.float32(1 / (1 << self._search.fraction_bits))
        return self.vectors(frame, reference).astype(np.float32) * unit

    def predictable(self, frame: int, reference: int) -> np.ndarray:
        """(bh, bw) 0..1: what share of each block the reference has, by luma moved along the
        vectors.
        """
        vectors, luma = self.pixels(frame, reference), self._luma[frame]
        height, width = luma.shape
        side = height // vectors.shape[0]
        shift = cv2.resize(
            np.ascontiguousarray(vectors[..., ::-1]),
            (width, height),
            interpolation=cv2.INTER_NEAREST,
        )
        moved = warped(self._luma[reference], shift)
        error = _block_means(cv2.absdiff(luma, moved).astype(np.float32), side)
        means = cv2.resize(
            _block_means(luma.astype(np.float32), side),
            (width, height),
            interpolation=cv2.INTER_NEAREST,
        )
        alone = _block_means(np.abs(luma - means), side)
        return 1 - np.clip(np.maximum(error - _NOISE, 0) / (alone + 0.5), 0, 1)


def _block_means(plane: np.ndarray, side: int) -> np.ndarray:
    height, width = plane.shape
    return cv2.resize(plane, (width // side, height // side), interpolation=cv2.INTER_AREA)


def propagate(
    motion: GroupMotion, order: tuple[FrameReference, ...], side: int, grid: tuple[int, int]
) -> dict[int, np.ndarray]:
    """Importance of every block of every frame of a group by frame number, the anchor's as 0: how
    many blocks of later frames of the group it stands for, beside itself; (bh, bw) float64.
    ``order``: the coding order; side: of a block in px.
    """
    importance = {number: np.zeros(grid) for number in range(len(order) + 1)}
    rows, columns = np.mgrid[: grid[0], : grid[1]]
    for entry in reversed(order):
        for reference in entry.references:
            handed = (
                motion.predictable(entry.number, reference)
                * (1 + importance[entry.number])
                / len(entry.references)
            )
            vectors = np.rint(motion.pixels(entry.number, reference) / side).astype(np.int64)
            target = (
                np.clip(rows + vectors[..., 0], 0, grid[0] - 1),
                np.clip(columns + vectors[..., 1], 0, grid[1] - 1),
            )
            np.add.at(importance[reference], target, handed)
    return importance


def weight_classes(importance: np.ndarray) -> np.ndarray:
    """(bh, bw) importance → (bh, bw) int64 classes of ``WEIGHTS``, relative to the frame as a
    whole, whose own importance is the business of its quantiser.
    """
    logarithm = np.log2(1 + importance)
    relative = 2.0 ** (_WEIGHT_STRENGTH * (logarithm - logarithm.mean()))
    return nearest_class(relative, IMPORTANCE_CLASSES)


def nearest_class(weights: np.ndarray, count: int | None = None) -> npt.NDArray[np.int64]:
    """What errors are to count, any shape → the class that is nearest to it, of the first
    ``count``, None for all.
    """
    known = np.log2(WEIGHTS[:count])
    classes: npt.NDArray[np.int64] = np.abs(np.log2(weights)[..., None] - known).argmin(-1)
    return classes


def keyframe_offset(importance: np.ndarray) -> int:
    """Quantiser indices by which a keyframe of this importance is finer than the frames after
    it.
    """
    least, most = _KEYFRAME_OFFSETS
    return min(most, max(least, round(_KEYFRAME_STRENGTH * float(np.log2(1 + importance).mean()))))
