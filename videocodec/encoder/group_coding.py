"""The frames of one group on their way through a coder.

What is coded in every block takes most of the time, and takes of a coder no more than prices and
what is known of a frame's references.  So it is decided by the coder as it is after the last of
these, and frames that do not refer to each other are decided at the same time, before those between
them are written; the first frame of the next group is among them.  Who decides when does not
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Protocol

from bitstream.group_structure import FrameReference
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.symbol_coder import SymbolWriter

from .aiming import CodedVersion
from .crew import Crew, Piece
from .frame_plan import CodedReference, EncoderFrame, FramePlan
from .group_plan import GroupPlan

# A frame's plan, from the frame and its references.
Planner = Callable[[FrameReference, Sequence[CodedReference]], FramePlan]


class Frames(Protocol):
    """Codes single frames by plans: ``FrameEncoder``, and what is put around one."""

    def code(
        self,
        coder: Any,
        writer: SymbolWriter,
        frame: EncoderFrame,
        plan: FramePlan,
        choices: Any | None = None,
    ) -> tuple[Any, CodedVersion]:
        """As ``FrameEncoder.code``."""

    def prices(self, coder: Any) -> Any | None:
        """As ``FrameEncoder.prices``."""

    def choices(self, prices: Any, frame: EncoderFrame, plan: FramePlan) -> Any:
        """As ``FrameEncoder.choices``."""


@dataclass(frozen=True)
class Begun:
    """A frame about which somebody decides.  piece: that, None where the coder before the frame is
    asked.
    """

    plan: FramePlan
    piece: Piece[Any] | None


@dataclass(frozen=True)
class Opening:
    """What is known of the group to come.

    anchor: the frame before it.  prices: what its first frame is decided by (``Frames.prices``).
    """

    anchor: CodedReference
    prices: Any | None


class GroupCoding:
    """A group on its way through a coder of its own.

    coder: after the frames so far.  latents: of these by display index, in coding order.
    crew: threads that decide ahead.
    """

    def __init__(self, frames: Frames, coder: Any, writer: SymbolWriter, crew: Crew) -> None:
        self._frames, self.writer, self._crew = frames, writer, crew
        self.coder = coder.copy()
        self.coder.start_unit()
        self.latents: dict[int, LatentFrame] = {}
        self._begun: dict[int, Begun] = {}

    def code(
        self,
        group: GroupPlan,
        planner: Planner,
        opening: Opening,
        first: Begun | None = None,
        on_open: Callable[[Opening], None] = lambda opening: None,
    ) -> Opening:
        """Write all frames → what is known of the next group.

        opening: what was known of this one; first: its first frame, if somebody has begun to decide
        about it.  on_open: called as soon as something is known of the next group.
        """
        known, following = {0: opening.anchor}, None
        if first is None:
            self._begin(group, known, 0, planner, opening.prices)
        else:
            self._begun[group.order[0].number] = first
        for entry in group.order:
            begun = self._begun.pop(entry.number)
            choices = None if begun.piece is None else self._crew.ended(begun.piece)
            frame = group.frames[entry.display_index]
            self.coder, version = self._frames.code(
                self.coder, self.writer, frame, begun.plan, choices
            )
            self.latents[entry.display_index] = version.frame
            known[entry.number] = CodedReference.of(self.coder, version, frame.picture)
            if any(entry.number in other.references for other in group.order):
                prices = self._frames.prices(self.coder)
                self._begin(group, known, entry.number, planner, prices)
            if entry.number == len(group.frames):
                following = self._opening(known[entry.number])
                on_open(following)
        assert following is not None  # every group has a frame that is displayed last
        return following

    def _opening(self, anchor: CodedReference) -> Opening:
        """What is known of the next group as soon as the frame before it is coded."""
        prices = self._frames.prices(self.coder)
        if prices is not None:
            prices.start_unit()
        return Opening(anchor, prices)

    def _begin(
        self,
        group: GroupPlan,
        known: dict[int, CodedReference],
        last: int,
        planner: Planner,
        prices: Any | None,
    ) -> None:
        """Plan the frames whose references are known now that the ``last`` one is, and have
        somebody decide about them.
        """
        for entry in group.order:
            if last not in entry.references or any(one not in known for one in entry.references):
                continue
            references = [known[number] for number in entry.references]
            self._begun[entry.number] = begun(
                self._frames,
                self._crew,
                group.frames[entry.display_index],
                planner(entry, references),
                prices,
            )


def begun(
    frames: Frames,
    crew: Crew,
    frame: EncoderFrame,
    plan: FramePlan,
    prices: Any | None,
) -> Begun:
    """A frame about which somebody is to decide by ``prices``."""
    if prices is None:
        return Begun(plan, None)
    return Begun(plan, crew.begun(partial(frames.choices, prices, frame, plan)))


class Following:
    """The group after one that is being coded, whose first frame is decided about as soon as it is
    planned and the frame before it is coded, whichever comes last.

    begin: gives a planned group's first frame to somebody.  peek: the group, if it is planned.
    """

    def __init__(
        self,
        begin: Callable[[GroupPlan, Opening], Begun],
        peek: Callable[[], GroupPlan | None],
    ) -> None:
        self._begin, self._peek, self._lock = begin, peek, Lock()
        self._opening: Opening | None = None
        self._begun: tuple[GroupPlan, Begun] | None = None
        self._ended = False

    def opened(self, opening: Opening) -> None:
        """To be called when the frame before the group is coded."""
        self._opening = opening
        self.planned()

    def planned(self) -> None:
        """To be called, by any thread, when the group may be planned."""
        with self._lock:
            if self._opening is None or self._begun is not None or self._ended:
                return
            group = self._peek()
            if group is not None:
                self._begun = group, self._begin(group, self._opening)

    def ended(self) -> tuple[GroupPlan, Begun] | None:
        """The group and its first frame, if that was begun; it is not any more from now on."""
        with self._lock:
            self._ended = True
            return self._begun
