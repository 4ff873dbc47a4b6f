"""Coding one chunk: a pure function from its frames and a plan to access units.

Nothing of one chunk reaches another: every chunk gets its own encoder, and the pictures that go
through the autoencoder together, which may round differently in another company, are counted from
the chunk's first frame.  So it does not matter which process codes a chunk, nor what it coded
before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from bitstream.access_unit import AccessUnit
from bitstream.sequence_header import SequenceHeader

from ..guard import GuardLimit
from ..media.source import SourceFrame
from ..models.picture_makers import usual_maker
from ..models.post_filter import filtered
from .aiming import PictureJudge
from .chunks import Chunk
from .coding_networks import CodingNetworks, decoder_with_gradient
from .crew import ALONE, Crew
from .float_decoder import FloatDecoder
from .frame_encoder import EncoderHelpers
from .frame_plan import EncoderFrame
from .generation import LatentRestorer
from .group_cutter import GroupCutter, PlannedGroup
from .group_encoder import GroupEncoder, UpcomingGroup
from .group_plan import GroupPlanner
from .guarding import SquareGuard
from .motion import MotionSearch
from .pace import Budget, chunk_pace
from .peak_rate import FrameBits, PeakLimit
from .prepared_frames import FramePreparer
from .rate_control import UnitCost
from .settings import Effort, EncoderSettings
from .upcoming import Upcoming
from .upcoming_groups import Groups, NextOf

if TYPE_CHECKING:  # it brings torch along, which a process that only plans and writes does not need
    from ..models.runtime import AutoencoderRuntime


@dataclass(frozen=True)
class CodingPlan:
    """How to code a chunk.

    budget: what it should take, None for the constant crf of the settings.  maxrate: bits per
    second (``peak_rate``), None for no limit.  carry: the frames of the second before the chunk
    that count for its first windows.  keep: whether the bytes are wanted, or only what they weigh.
    """

    settings: EncoderSettings
    budget: Budget | None = None
    maxrate: int | None = None
    carry: tuple[FrameBits, ...] = ()
    keep: bool = True


@dataclass(frozen=True)
class ChunkTask:
    """A chunk, and one or more plans to code it by."""

    chunk: Chunk
    plans: tuple[CodingPlan, ...]


@dataclass(frozen=True)
class CodedUnit:
    """What is known of an access unit beside its bytes: timestamp of its first frame and durations
    in ticks, bytes, its crf; with a guard, the squares of every frame that do not hold, a bit for
    each as hexadecimal digits.
    """

    first_pts: int
    durations: tuple[int, ...]
    size: int
    crf: int
    unheld: tuple[str, ...] = ()

    @property
    def cost(self) -> UnitCost:
        """As rate control wants it."""
        return UnitCost(len(self.durations), self.size, self.crf)


@dataclass(frozen=True)
class CodedChunk:
    """A chunk by one plan.  data: the bytes of its units one after another, empty if the plan does
    not keep them.
    """

    units: tuple[CodedUnit, ...]
    data: bytes

    def access_units(self) -> Iterator[bytes]:
        """The bytes of every unit."""
        start = 0
        for unit in self.units:
            yield self.data[start : start + unit.size]
            start += unit.size


class _Coding:
    """A chunk on its way through the encoder by one plan."""

    def __init__(
        self,
        runtime: AutoencoderRuntime | CodingNetworks,
        header: SequenceHeader,
        chunk: Chunk,
        plan: CodingPlan,
        helpers: EncoderHelpers,
    ) -> None:
        limit = None
        if plan.maxrate is not None:
            limit = PeakLimit(
                plan.maxrate, Fraction(header.time_base), plan.carry, chunk.frames, chunk.is_last
            )
        self._plan = plan
        # Whoever only wants to know what a chunk weighs is told sooner without a guard.
        self._guard = None
        if plan.settings.guard is not None and plan.keep:
            # Exact pictures do without PyTorch.
            maker = runtime.maker() if isinstance(runtime, CodingNetworks) else usual_maker(runtime)
            limit_of_squares = GuardLimit.parse(plan.settings.guard)
            decode = filtered(maker.whole, runtime.bundle.folder)
            self._guard = SquareGuard(decode, header, limit_of_squares)
        self._pace = chunk_pace(plan.settings.crf, plan.budget, limit)
        self._encoder = GroupEncoder(
            runtime.bundle.tables,
            replace(header, crf=plan.settings.crf),
            plan.settings,
            MotionSearch.for_header(header, plan.settings.effort.flow_preset),
            pace=self._pace,
            helpers=helpers,
            guard=self._guard,
        )
        self._units: list[CodedUnit] = []
        self._data: list[bytes] = []

    def add(self, planned: PlannedGroup, upcoming: UpcomingGroup | None) -> list[CodedUnit]:
        return self._take(self._encoder.code(planned, upcoming))

    def result(self) -> CodedChunk:
        return CodedChunk(tuple(self._units), b"".join(self._data))

    def _take(self, units: list[AccessUnit]) -> list[CodedUnit]:
        done: list[CodedUnit] = []
        for unit in units:
            data = unit.to_bytes()
            crf = self._pace.crfs[len(self._units) + len(done)]
            unheld = () if self._guard is None else self._guard.taken(unit.frame_count)
            done.append(CodedUnit(unit.first_pts, unit.durations, len(data), crf, unheld))
            if self._plan.keep:
                self._data.append(data)
        self._units += done
        return done


class ChunkCoder:
    """Codes chunks.

    ``memory``: bytes of latents that may be kept for chunks that come again in a later pass.
    ``judge`` looks at what becomes of frames.  ``crew``: threads of this process; the bytes do not
    depend on how many.
    """

    def __init__(
        self,
        runtime: AutoencoderRuntime | CodingNetworks,
        header: SequenceHeader,
        memory: int = 0,
        judge: PictureJudge | None = None,
        crew: Crew = ALONE,
    ) -> None:
        self._runtime, self._header, self._judge, self._crew = runtime, header, judge, crew
        self._memory, self._preparer = memory, FramePreparer(runtime, header, memory)
        self._restorer: LatentRestorer | None = None

    def code(
        self,
        task: ChunkTask,
        frames: Callable[[Chunk], Iterable[SourceFrame]],
        on_unit: Callable[[CodedUnit], None] = lambda unit: None,
    ) -> tuple[CodedChunk, ...]:
        """Code a chunk by all plans of the task at once, whose frames ``frames`` gives;
        ``on_unit`` is called with every unit by the first plan.

        One result per plan.  Frames are read as they are needed, and each only once.
        """
        codings = [
            _Coding(
                self._runtime,
                self._header,
                task.chunk,
                plan,
                self._helpers(plan.settings),
            )
            for plan in task.plans
        ]
        judged = self._judge is not None or any(
            plan.settings.guard is not None
            or plan.settings.tune_for(self._header.format_version) != "none"
            for plan in task.plans
        )
        prepared = self._preparer.frames(
            task.chunk, frames, judged=judged, incomplete=self._may_be_incomplete(task)
        )
        with closing(self._planned(task, prepared)) as groups, self._crew.helping():
            for plans, planned in groups:
                upcoming = NextOf(groups, plans)
                for index in plans:
                    for unit in codings[index].add(planned, upcoming):
                        if index == 0:
                            on_unit(unit)
        return tuple(coding.result() for coding in codings)

    def _may_be_incomplete(self, task: ChunkTask) -> bool:
        """Whether latents of frames may wait: where some frames need none, and where nobody asks
        for them again, as other plans do.
        """
        if len(task.plans) > 1:
            return False
        version, settings = self._header.format_version, [plan.settings for plan in task.plans]
        if min(one.bare_heights(version) for one in settings) > 0:
            return True
        return not self._memory and all(one.guard is None for one in settings)

    def _planned(self, task: ChunkTask, frames: Iterator[EncoderFrame]) -> Upcoming[Groups]:
        """The groups of a chunk, each with the plans that it is for, those of one effort; with
        several threads the next one is prepared and planned while one is coded.
        """
        plans_of: dict[tuple[Effort, int, int], list[int]] = {}
        for index, plan in enumerate(task.plans):
            settings = plan.settings
            bare_heights = settings.bare_heights(self._header.format_version)
            kind = settings.effort, settings.group_size, bare_heights
            plans_of.setdefault(kind, []).append(index)
        cutters = [(plans, self._cutter(*kind)) for kind, plans in plans_of.items()]

        def groups() -> Generator[Groups | None, None, None]:
            for frame in frames:
                yield None
                for plans, cutter in cutters:
                    yield from ((plans, planned) for planned in cutter.push(frame))
            for plans, cutter in cutters:
                yield from ((plans, planned) for planned in cutter.finish())

        return Upcoming(groups(), self._crew)

    def _cutter(self, effort: Effort, size: int, bare_heights: int) -> GroupCutter:
        search = MotionSearch.for_header(self._header, effort.flow_preset, near=effort.near)
        planner = GroupPlanner(self._header, effort, search, self._crew, bare_heights)
        return GroupCutter(planner, size)

    def _helpers(self, settings: EncoderSettings) -> EncoderHelpers:
        """With the encoder's own judge where none has weights from outside."""
        runtime, header, judge, looks = self._runtime, self._header, self._judge, None
        tune = settings.tune_for(header.format_version)
        if judge is None and tune not in ("none", "perceptual"):
            from .tuning import TunedJudge

            looks = settings.tuned_looks
            decoder, tile = decoder_with_gradient(runtime, header)
            # PyTorch has threads of its own.
            crew = self._crew if isinstance(decoder, FloatDecoder) else ALONE
            judge = TunedJudge(decoder, header, tune, tile, settings.lagrangian, crew)
        return EncoderHelpers(
            runtime.bundle.sensitivity,
            self._restorer_for(settings),
            judge,
            looks,
            crew=self._crew,
            complete=self._preparer.completed,
        )

    def _restorer_for(self, settings: EncoderSettings) -> LatentRestorer | None:
        """The bundle's restoration, loaded when first wanted, for settings that run it."""
        if not (
            settings.generation is None
            and settings.effort.restores
            and self._runtime.bundle.has_unet
        ):
            return None
        if self._restorer is None:
            from .restoring import DiffusionRestorer

            self._restorer = DiffusionRestorer(
                self._runtime.bundle, self._header, self._runtime.device
            )
        return self._restorer
