"""From a source to finished chunks: planning, the passes over all chunks, and what is decided
between them.

Whatever is decided rests on the results of whole passes and nothing else, so that the bytes do not
depend on how many processes there are, which of them is faster, or which chunks were there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from bitstream.sequence_header import UNKNOWN, SequenceHeader

from ..media.source import SourceFrame, VideoSource
from ..models.bundle import ModelBundle
from ..presets import PRESETS
from ..progress import ProgressCallback
from .chunk_coder import ChunkTask, CodedUnit, CodingPlan
from .chunk_file import ChunkKeeper
from .chunks import Chunk, KeyframePlanner, plan_chunks
from .coded_video import CodedVideo, Outcome, frames_of
from .motion import MotionSearch
from .open_chunks import OpenChunks
from .pass_progress import PassNumber, PassProgress
from .peak_rate import FrameBits, peak, tail
from .rate_control import (
    MOST_ATTEMPTS,
    PROBE_CRFS,
    PROBE_PRESET,
    ChunkPrediction,
    RateControl,
    UnitCost,
)
from .second_frame_encoder import block_log2
from .settings import MAX_CRF, EncoderSettings
from .workplace import Workers

_MOST_RECODINGS = 4  # of chunks at whose beginning too much comes together


def sequence_header(
    source: VideoSource, bundle: ModelBundle, settings: EncoderSettings
) -> SequenceHeader:
    """What the stream says of itself."""
    return SequenceHeader(
        format_version=bundle.tables.format_version,
        width=source.width,
        height=source.height,
        colour=source.colour,
        sample_aspect_ratio=source.sample_aspect_ratio,
        rotation=source.rotation // 90 % 4,
        time_base=source.time_base,
        frame_rate=source.frame_rate or UNKNOWN,
        latent_channels=bundle.tables.latent_channels,
        block_log2=block_log2(bundle.tables),
        crf=settings.crf,
        generated_content=bundle.has_unet
        or (settings.generation is not None and settings.generation < 1),
        gop_size=settings.gop_size,
        preset=PRESETS.index(settings.preset),
        model_name=bundle.name,
        model_sha256=bundle.sha256,
    )


def planned_chunks(
    source: Iterable[SourceFrame], header: SequenceHeader, settings: EncoderSettings
) -> Iterator[Chunk | None]:
    """The chunks of a video, None after every frame that completes none (``plan_chunks``)."""
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    return plan_chunks(
        (search.luma(frame.rgb) for frame in source), KeyframePlanner(search, settings.gop_size)
    )


def constant_plans(settings: EncoderSettings, maxrate: int | None) -> tuple[CodingPlan, ...]:
    """The plans of the only pass at the crf of the settings."""
    return (CodingPlan(settings, maxrate=maxrate),)


def probe_plans(settings: EncoderSettings) -> tuple[CodingPlan, ...]:
    """The plans of the first pass of rate control."""
    preset = PRESETS[min(PRESETS.index(PROBE_PRESET), PRESETS.index(settings.preset))]
    return tuple(
        CodingPlan(replace(settings, crf=crf, preset=preset), keep=False) for crf in PROBE_CRFS
    )


@dataclass(frozen=True)
class VideoTask:
    """What is asked for one video.

    planned: its chunks, as ``planned_chunks`` gives them.
    settings: of the encoder.
    time_base: seconds per tick.
    frames_total: how many frames are expected, None if unknown.
    maxrate: bits per second (``peak_rate``) or None.
    reading: the same chunks as ``planned``, for a pass that codes them while they are read; None
    where finished ones may be there already.
    """

    planned: Iterable[Chunk | None]
    settings: EncoderSettings
    time_base: Fraction
    frames_total: int | None = None
    maxrate: int | None = None
    reading: OpenChunks | None = None


class Encoding:
    """The passes of one encode over the chunks of one video; ``passes``: how many were begun."""

    def __init__(
        self,
        workers: Workers,
        store: ChunkKeeper,
        task: VideoTask,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._workers, self._store, self._progress = workers, store, progress
        self._planned, self._settings = task.planned, task.settings
        self._time_base, self._maxrate = task.time_base, task.maxrate
        self._frames_total, self._reading = task.frames_total, task.reading
        self._chunks: list[Chunk] = []
        self.passes = 0

    def at_constant_quality(self) -> Outcome:
        """One pass at the crf of the settings."""
        plans = constant_plans(self._settings, self._maxrate)
        coded = self._as_read(plans) or self._pass(self._planned, 1, lambda chunk: plans)[0]
        coded = self._within_maxrate(coded)
        return Outcome(coded, self._settings.crf, self.passes, self._peak_warnings(coded))

    def at_rate(self, target: Callable[[CodedVideo], float], described: str) -> Outcome:
        """As many passes as it takes to come close to the bytes that ``target`` asks for, given
        what the first pass made of the video; ``described`` names the target in warnings.
        """
        probes = probe_plans(self._settings)
        fine, coarse = self._pass(self._planned, 2, lambda chunk: probes)
        predictions = [
            ChunkPrediction(*(_costs(units) for units in both))
            for both in zip(fine.units, coarse.units, strict=True)
        ]
        control = RateControl(target(fine), predictions)
        attempts: list[tuple[float, CodedVideo]] = []
        for _ in range(MOST_ATTEMPTS):
            crf = control.solve()
            settings = replace(self._settings, crf=round(crf))
            at_limit = crf in (0, MAX_CRF)
            budgets = [None] * len(self._chunks) if at_limit else control.budgets(crf)
            plans = {
                chunk: (CodingPlan(settings, budgets[chunk.index], self._maxrate),)
                for chunk in self._chunks
            }
            (coded,) = self._pass(self._chunks, self.passes + 1, plans.__getitem__)
            coded = self._within_maxrate(coded)
            attempts.append((crf, coded))
            if control.is_met(crf, coded.size):
                break
            control.learn(crf, [_costs(units) for units in coded.units])
        crf, coded = min(attempts, key=lambda attempt: abs(attempt[1].size - control.target))
        return Outcome(
            coded,
            crf,
            self.passes,
            (*control.warnings(crf, coded.size, described), *self._peak_warnings(coded)),
        )

    def _as_read(self, plans: tuple[CodingPlan, ...]) -> CodedVideo | None:
        """The only pass, over a source that is read as chunks are coded; None where they have to be
        known before.
        """
        if self._reading is None or self._maxrate is not None:
            return None
        on_unit = self._progress_of(1, 1)
        coding = self._workers.run_as_read(self._reading, plans, on_unit)
        if coding is None:
            return None
        self.passes += 1
        done = []
        for task, results in coding:
            self._store.save(task, results)
            done.append((task, results[0].units))
        self._chunks = [task.chunk for task, _ in done]
        return CodedVideo(tuple(task for task, _ in done), tuple(units for _, units in done))

    def _progress_of(self, number: int, passes: int) -> PassProgress:
        at = PassNumber(number, passes)
        return PassProgress(self._progress, self._frames_total, self._time_base, at)

    def _pass(
        self,
        chunks: Iterable[Chunk | None],
        passes: int,
        plans: Callable[[Chunk], tuple[CodingPlan, ...]],
    ) -> tuple[CodedVideo, ...]:
        """Code all chunks, by one or more plans each → one result per plan."""
        self.passes += 1
        on_unit = self._progress_of(self.passes, max(passes, self.passes))

        def tasks() -> Iterator[ChunkTask | None]:
            for chunk in chunks:
                yield None if chunk is None else ChunkTask(chunk, plans(chunk))

        done = self._code(tasks(), on_unit)
        self._chunks = [task.chunk for task in done]
        self._frames_total = sum(chunk.frames for chunk in self._chunks)
        count = len(next(iter(done.values())))
        return tuple(
            CodedVideo(tuple(done), tuple(results[index] for results in done.values()))
            for index in range(count)
        )

    def _code(
        self, tasks: Iterable[ChunkTask | None], on_unit: Callable[[CodedUnit], None]
    ) -> dict[ChunkTask, tuple[tuple[CodedUnit, ...], ...]]:
        """Code what the store has not → the units of every task by every plan, in the order of the
        chunks.
        """
        done: dict[ChunkTask, tuple[tuple[CodedUnit, ...], ...]] = {}

        def missing() -> Iterator[ChunkTask | None]:
            for task in tasks:
                if task is None or (stored := self._store.load(task)) is None:
                    yield task
                    continue
                done[task] = tuple(chunk.units for chunk in stored)
                for unit in stored[0].units:
                    on_unit(unit)

        for task, results in self._workers.run(missing(), on_unit):
            self._store.save(task, results)
            done[task] = tuple(chunk.units for chunk in results)
        return dict(sorted(done.items(), key=lambda item: item[0].chunk.index))

    def _within_maxrate(self, coded: CodedVideo) -> CodedVideo:
        """The chunks as they are where all windows hold; where one that crosses a border does not,
        the chunk after the border is coded again, knowing what the second before it took.

        All such chunks together, and then all that it still takes, so that it does not matter who
        codes them when.
        """
        if self._maxrate is None:
            return coded
        for _ in range(_MOST_RECODINGS):
            overfull = self._overfull(coded, self._maxrate)
            if not overfull:
                break
            changed = {
                task.chunk: (task, units)
                for task, (units,) in self._code(overfull, lambda unit: None).items()
            }
            pairs = [
                changed.get(task.chunk, (task, units))
                for task, units in zip(coded.tasks, coded.units, strict=True)
            ]
            coded = CodedVideo(*zip(*pairs, strict=True))
        return coded

    def _overfull(self, coded: CodedVideo, maximum: int) -> list[ChunkTask]:
        """Tasks that code those chunks again in whose first second a window that begins before them
        holds too much, more than ``maximum`` bits.
        """
        tasks: list[ChunkTask] = []
        before: list[FrameBits] = []
        for task, units in zip(coded.tasks, coded.units, strict=True):
            first, frames = units[0].first_pts, frames_of(units)
            carry = tail(before, first, self._time_base)
            shared = [frame for frame in frames if frame.pts < first + 1 / self._time_base]
            most = max(Fraction(maximum), peak(shared, self._time_base))
            if (
                carry
                and peak([*carry, *shared], self._time_base, first) > most
                and carry != task.plans[0].carry
            ):
                tasks.append(replace(task, plans=(replace(task.plans[0], carry=carry),)))
            before = [*carry, *frames]
        return tasks

    def _peak_warnings(self, coded: CodedVideo) -> tuple[str, ...]:
        highest = peak(coded.frames, self._time_base)
        if self._maxrate is None or highest <= self._maxrate:
            return ()
        return (
            (
                f"a second of the video takes {float(highest) / 1000:.1f} kbit even at crf"
                f" {MAX_CRF}, more than the maximum of {self._maxrate / 1000:.1f} kbit/s: a smaller"
                " picture or fewer keyframes would help"
            ),
        )


def _costs(units: Iterable[CodedUnit]) -> list[UnitCost]:
    return [unit.cost for unit in units]
