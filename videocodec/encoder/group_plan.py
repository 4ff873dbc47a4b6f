"""Which frames are coded together, and how they refer to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bitstream.group_structure import FrameReference, Structure, coding_order, walk_group
from bitstream.sequence_header import SequenceHeader

from .crew import ALONE, Crew
from .frame_plan import EncoderFrame
from .importance import GroupMotion, propagate
from .motion import MotionEstimator
from .settings import Effort

# Novelty (MotionSearch.novelty) measured on the dev clips; motion has 0.1 to 2.7.
_FAR_NOVELTY = 1.0  # larger groups win below this between their ends, smaller ones above
_NEAR_NOVELTY = 2.0  # above this between the ends of the smallest group, a chain wins
_GROUP_SIZES = (8, 4)
_CHAIN_SIZE = 8
_SHOWN_FROM = 5  # frames: in shorter groups references hardly ever show enough


def temporal_layers(order: tuple[FrameReference, ...]) -> list[int]:
    """Temporal layer of every frame of a group in display order: 0 for frames without a future
    reference, one more for every split of a gap.
    """
    return walk_group(
        order, 0, lambda entry, layers: 0 if entry.future is None else max(layers) + 1
    )


@dataclass(frozen=True)
class GroupPlan:
    """A group of frames that are coded together.

    structure, order: how they refer to each other, and the order of coding.
    frames: in display order.
    motion: between them and the frame before them.
    importance: of every block by number of the frame (0: the frame before the group), empty where
    nobody asks.
    """

    structure: Structure
    frames: list[EncoderFrame]
    order: tuple[FrameReference, ...]
    motion: GroupMotion
    importance: dict[int, np.ndarray]

    def height(self, entry: FrameReference) -> int:
        """0 for frames that no other of the group refers to, one more than the highest of those
        that do for the others.
        """
        heights = dict.fromkeys(range(len(self.frames) + 1), 0)
        for each in reversed(self.order):
            for reference in each.references:
                heights[reference] = max(heights[reference], heights[each.number] + 1)
        return heights[entry.number]

    def is_bare(self, entry: FrameReference, bare_heights: int) -> bool:
        """Whether a frame between two others carries motion alone (``BlockTools``)."""
        return entry.future is not None and self.height(entry) < bare_heights

    def is_shown(self, entry: FrameReference, shown_heights: int) -> bool:
        """Whether a frame is to move as its references show (``BlockTools``): what is new in short
        groups is too much.
        """
        return len(self.frames) >= _SHOWN_FROM and self.is_bare(entry, shown_heights)

    def is_leaf(self, entry: FrameReference) -> bool:
        """Whether no other frame refers to one; the last one's group is referred to."""
        referred = {number for each in self.order for number in each.references}
        return entry.number not in referred | {len(self.frames)}

    def candidates(self, entry: FrameReference) -> list[list[np.ndarray]]:
        """Vector fields (bh, bw, 2) to try, for every reference of a frame: the flow, and its
        median everywhere.
        """
        vectors = self.motion.vectors
        return [_with_pan(vectors(entry.number, reference)) for reference in entry.references]

    def searched(self, entry: FrameReference, crew: Crew) -> list[list[np.ndarray]]:
        """The same by a search, for a frame whose motion was taken over."""
        search = partial(self.motion.searched, entry.number)
        return [_with_pan(field) for field in crew.map(search, entry.references)]


def _with_pan(flow: np.ndarray) -> list[np.ndarray]:
    """A field, and its median everywhere unless nothing moves."""
    pan = np.broadcast_to(np.median(flow.reshape(-1, 2), axis=0).astype(np.int64), flow.shape)
    return [flow, pan] if pan.any() else [flow]


class GroupPlanner:
    """Cuts frames into groups, the smaller the more is new in them."""

    def __init__(
        self,
        header: SequenceHeader,
        effort: Effort,
        search: MotionEstimator,
        crew: Crew = ALONE,
        bare_heights: int = 0,
    ) -> None:
        """bare_heights: of ``EncoderSettings``."""
        self._shown_heights = min(bare_heights, effort.blocks.shown_heights)
        self._effort, self._search, self._crew = effort, search, crew
        self._block_pixels = header.block_size
        self._grid = header.block_rows, header.block_columns

    def plan(self, before: np.ndarray, waiting: Sequence[EncoderFrame]) -> GroupPlan:
        """The group of the first of the frames that wait; ``before``: padded luma of the frame
        before them.
        """
        structure, size = self._shape(before, waiting)
        frames = list(waiting[:size])
        order = coding_order(structure, size)
        motion = GroupMotion(self._search, [before, *(frame.luma for frame in frames)])
        group = GroupPlan(structure, frames, order, motion, {})
        shown = [entry for entry in order if group.is_shown(entry, self._shown_heights)]
        near = [
            entry
            for entry in order
            if entry not in shown and group.is_bare(entry, self._shown_heights)
        ]
        motion.search(
            [
                (entry.number, one)
                for entry in order
                if entry not in shown and entry not in near
                for one in entry.references
            ],
            self._crew,
        )
        for entry in shown:
            motion.take_over(entry.number, *entry.references)
        motion.refine(near, self._crew)
        if not self._effort.importance:
            return group
        importance = propagate(motion, order, self._block_pixels, self._grid)
        return replace(group, importance=importance)

    def _shape(self, before: np.ndarray, waiting: Sequence[EncoderFrame]) -> tuple[Structure, int]:
        """Structure and size of the group: the largest whose last frame can still be predicted from
        the frame before it.
        """
        limit = len(waiting)
        if not self._effort.hierarchical:
            return Structure.CHAIN, limit
        for size in sorted({limit, *(s for s in _GROUP_SIZES if s < limit)}, reverse=True):
            novelty = self._search.novelty(waiting[size - 1].luma, before)
            if novelty < _FAR_NOVELTY:
                return Structure.HIERARCHY, size
            if size == min(limit, _GROUP_SIZES[-1]) and novelty < _NEAR_NOVELTY:
                return Structure.HIERARCHY, size
        return Structure.CHAIN, min(limit, _CHAIN_SIZE)
