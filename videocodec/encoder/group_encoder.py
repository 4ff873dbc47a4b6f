"""From scaled latents to access units: groups of up to 16 frames, hierarchical where motion allows,
else chained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.blas_threads import one_blas_thread
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import CodecTables
from bitstream.v2.tables import LevelTables

from .frame_encoder import EncoderHelpers
from .frame_plan import CodedReference, EncoderFrame, FramePlan
from .group_coding import Begun, Following, Frames, GroupCoding, Opening, Planner, begun
from .group_cutter import GroupCutter, PlannedGroup
from .group_plan import GroupPlan, GroupPlanner, temporal_layers
from .guarding import GuardedFrames, SquareGuard
from .importance import USUAL_CLASS, keyframe_offset, weight_classes
from .motion import MotionEstimator
from .region_frames import RegionFrames
from .second_frame_encoder import frame_encoder
from .settings import USUAL_KEYFRAME_OFFSET, EncoderSettings


class Pace(Protocol):
    """Chooses the crf of every access unit of a chunk as it comes, from what the units before it
    took.
    """

    @property
    def is_constant(self) -> bool:
        """Whether all units have the crf of the first one, and are accepted."""

    def crf(self, frames: int) -> int:
        """crf 0..63 at which to code the next unit, of so many frames."""

    def accepts(self, unit: AccessUnit) -> bool:
        """Take note of a coded unit; False to have the same frames coded again, at the crf that is
        asked for then.
        """


class UpcomingGroup(Protocol):
    """The group after one that is being coded."""

    def peek(self) -> GroupPlan | None:
        """The group, if it is planned already."""

    def watching(self, on_planned: Callable[[], None]) -> AbstractContextManager[None]:
        """A context in which that is called, by any thread, when it may be."""


@dataclass(frozen=True)
class _State:
    """What the next access unit builds on: the coder, what is known of the group, and, where that
    is begun already, its plan and its first frame.  Coding leaves it as it is, and gives a new one.
    """

    coder: Any
    opening: Opening
    begun: tuple[GroupPlan, Begun] | None = None


class GroupEncoder:
    """Codes the frames of one chunk in order; ``push`` and ``finish``, or ``code`` where groups are
    planned by somebody else, give the access units that are complete.

    The first frame is the keyframe and its own unit; the frames after it wait, up to
    ``settings.group_size`` of them, and are coded in groups whose structure and size follow from
    how much is new in them.  ``pace`` may choose another crf for every unit than that of the
    settings.  ``guard`` has frames coded again until it is content.
    """

    def __init__(
        self,
        tables: CodecTables | LevelTables,
        header: SequenceHeader,
        settings: EncoderSettings,
        search: MotionEstimator,
        *,
        pace: Pace | None = None,
        helpers: EncoderHelpers = EncoderHelpers(),
        guard: SquareGuard | None = None,
    ) -> None:
        self._header, self._settings, self._pace = header, settings, pace
        self._observer, self._crew = helpers.observer, helpers.crew
        plain = frame_encoder(tables, header, settings, helpers)
        regions = settings.regions
        frames = RegionFrames(plain, header, regions) if regions else plain
        self._frames: Frames = frames if guard is None else GuardedFrames(frames, guard)
        bare = settings.bare_heights(header.format_version)
        planner = GroupPlanner(header, settings.effort, search, helpers.crew, bare)
        self._cutter = GroupCutter(planner, settings.group_size)
        self._state: _State | None = None

    def push(self, frame: EncoderFrame) -> list[AccessUnit]:
        """Take one frame → the access units finished by it."""
        return [unit for planned in self._cutter.push(frame) for unit in self.code(planned)]

    def finish(self) -> list[AccessUnit]:
        """Code all frames that wait."""
        return [unit for planned in self._cutter.finish() for unit in self.code(planned)]

    def code(
        self, planned: PlannedGroup, upcoming: UpcomingGroup | None = None
    ) -> list[AccessUnit]:
        """Code a group that somebody else has planned, for the same effort.

        upcoming: the group after it.
        """
        units, group = [], planned.group
        if planned.keyframe is not None:
            importance = None if group is None else group.importance.get(0)
            units.append(self._keyframe_unit(planned.keyframe, importance))
        if group is not None:
            assert self._state is not None  # after a keyframe
            units.append(self._group_unit(self._state, group, upcoming))
        return units

    def _group_unit(
        self, state: _State, group: GroupPlan, upcoming: UpcomingGroup | None
    ) -> AccessUnit:
        if self._pace is not None and not self._pace.is_constant:
            upcoming = None  # nobody knows its crf yet
        return self._paced(
            len(group.frames), lambda settings: self._group(settings, state, group, upcoming)
        )

    def _keyframe_unit(self, frame: EncoderFrame, importance: np.ndarray | None) -> AccessUnit:
        return self._paced(1, lambda settings: self._code_keyframe(settings, frame, importance))

    def _paced(
        self, frames: int, code: Callable[[EncoderSettings], tuple[_State, AccessUnit]]
    ) -> AccessUnit:
        """Code a unit at the crf that the pace names, again as long as it does not accept it."""
        while True:
            settings = self._settings
            if self._pace is not None:
                settings = replace(settings, crf=self._pace.crf(frames))
            state, unit = code(settings)
            if self._pace is None or self._pace.accepts(unit):
                self._state = state
                return unit

    def _code_keyframe(
        self, settings: EncoderSettings, frame: EncoderFrame, importance: np.ndarray | None
    ) -> tuple[_State, AccessUnit]:
        offset = settings.keyframe_offset
        if offset is None:
            offset = USUAL_KEYFRAME_OFFSET if importance is None else keyframe_offset(importance)
        (entry,) = coding_order(Structure.KEYFRAME, 1)
        quantiser = max(0, settings.inter_quantiser - offset)
        writer = SymbolWriter(self._observer)
        with one_blas_thread():
            plan = FramePlan(quantiser, self._classes(importance), entry)
            coder, version = self._frames.code(None, writer, frame, plan)
        opening = Opening(
            CodedReference.of(coder, version, frame.picture), self._frames.prices(coder)
        )
        return _State(coder, opening), self._unit(
            Structure.KEYFRAME, [frame], {0: version.frame}, writer
        )

    def _group(
        self,
        settings: EncoderSettings,
        state: _State,
        group: GroupPlan,
        upcoming: UpcomingGroup | None,
    ) -> tuple[_State, AccessUnit]:
        coding = GroupCoding(self._frames, state.coder, SymbolWriter(self._observer), self._crew)
        first = None
        if state.begun is not None and state.begun[0] is group:
            first = state.begun[1]
        following = Following(
            partial(self._begin, settings), upcoming.peek if upcoming else lambda: None
        )
        watching = upcoming.watching(following.planned) if upcoming else nullcontext()
        with one_blas_thread(), watching:
            planner = self._planner(settings, group)
            opening = coding.code(group, planner, state.opening, first, following.opened)
        unit = self._unit(group.structure, group.frames, coding.latents, coding.writer)
        return _State(coding.coder, opening, following.ended()), unit

    def _begin(self, settings: EncoderSettings, group: GroupPlan, opening: Opening) -> Begun:
        """Have the first frame of a group decided about."""
        entry = group.order[0]
        plan = self._planner(settings, group)(entry, [opening.anchor])
        frame = group.frames[entry.display_index]
        return begun(self._frames, self._crew, frame, plan, opening.prices)

    def _planner(self, settings: EncoderSettings, group: GroupPlan) -> Planner:
        """Who plans the frames of a group."""
        layers = temporal_layers(group.order)
        bare_heights = settings.bare_heights(self._header.format_version)
        shown_heights = min(bare_heights, settings.effort.blocks.shown_heights)

        def plan(entry: FrameReference, references: Sequence[CodedReference]) -> FramePlan:
            offset = settings.layer_offset(
                layers[entry.display_index], len(group.frames), self._header.format_version
            )
            return FramePlan(
                min(QUANTISER_COUNT - 1, settings.inter_quantiser + offset),
                self._classes(group.importance.get(entry.number)),
                entry,
                tuple(zip(references, group.candidates(entry), strict=True)),
                group.is_leaf(entry),
                group.is_bare(entry, bare_heights),
                group.is_shown(entry, shown_heights),
                partial(group.searched, entry, self._crew),
            )

        return plan

    def _classes(self, importance: np.ndarray | None) -> np.ndarray:
        """What errors of every block count, (bh, bw) classes of ``importance.WEIGHTS``."""
        if importance is None:
            return np.full((self._header.block_rows, self._header.block_columns), USUAL_CLASS)
        return weight_classes(importance)

    def _unit(
        self,
        structure: Structure,
        frames: list[EncoderFrame],
        latents: dict[int, LatentFrame],
        writer: SymbolWriter,
    ) -> AccessUnit:
        """``latents``: of the frames by display index, in coding order."""
        return AccessUnit(
            structure=structure,
            header=self._header if structure == Structure.KEYFRAME else None,
            first_pts=frames[0].pts,
            durations=tuple(frame.duration for frame in frames),
            quantisers=tuple(latent.quantiser for latent in latents.values()),
            latent_checksum=latent_checksum(tuple(latents[i] for i in range(len(frames)))),
            payload=writer.finish(),
        )
