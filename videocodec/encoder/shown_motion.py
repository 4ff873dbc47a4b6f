"""Frames that nobody searches for: they move as their references show, and say nothing, if that is
near enough; else candidates begin there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitstream.v1.block_context import BlockContext

from .decisions import Decision
from .frame_plan import FramePlan
from .picture_search import PictureBlockDecider, loop_picture

# How much more than its references lack of theirs a frame may lack of its source.  Where all moves,
# and references are fine, frames that lack more are the blurred ones; what lacks more still moves
# too fast for what nobody sends (docs/decisions/050).
_ENOUGH, _LOST = 1.05, 1.2


def shown_motion(
    decider: PictureBlockDecider, context: BlockContext, plan: FramePlan
) -> tuple[Decision | None, FramePlan]:
    """What to do with a bare frame between two references: as a whole what these show, or None and
    a plan to search by.
    """
    assert plan.picture is not None  # of frames whose pictures move
    references = [known.frame for known, _ in plan.references]
    vectors = decider.shown_motion(references, context)
    lacking = [
        decider.lacking(known.frame, loop_picture(known.source, *plan.picture.shape[1:]))
        for known, _ in plan.references
        if known.source is not None
    ]
    fields = [[field, *known] for field, (_, known) in zip(vectors, plan.references, strict=True)]
    if lacking:
        lacks = decider.shown_lacking(references, vectors, plan.picture) / float(np.mean(lacking))
        if lacks <= _ENOUGH:
            return decider.shown(references, vectors), plan
        if lacks > _LOST and plan.search is not None:
            fields = plan.search()
    known = (one for one, _ in plan.references)
    return None, replace(plan, references=tuple(zip(known, fields, strict=True)))
