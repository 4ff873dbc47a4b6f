"""Coding chunks of a plan: what ``videocodec encode-chunk`` does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..encoder.chunk_coder import ChunkCoder, ChunkTask, CodedChunk
from ..encoder.chunk_store import source_identity
from ..encoder.request import weights_sha256
from ..encoder.workplace import Workplace
from ..errors import FrameMismatchError, InputError, ModelMismatchError, UnknownModelError
from ..models.bundle import ModelBundle
from .plan import FarmPlan, PlannedChunk
from .reading import PlannedFrames
from .store import FarmStore


@dataclass(frozen=True)
class Machine:
    """What a worker has: places of the source, of the model and of the weights that judge pictures,
    None for those in the plan; device and CPU threads of the networks.
    """

    source: Path | None = None
    model: str | None = None
    perceptual: Path | None = None
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class ChunkReport:
    """What became of a chunk.

    coded: whether it was coded now, rather than found finished.  frames: how many it has.
    video_bytes: of its units, by the first plan of the pass.  seconds: wall-clock time.
    """

    index: int
    coded: bool
    frames: int
    video_bytes: int
    seconds: float


def source_of(plan: FarmPlan, place: Path | None) -> Path:
    """The source, checked to be that of the plan.  Raises ``InputError``."""
    path = Path(plan.source.path) if place is None else place
    try:
        actual = source_identity(path)
    except OSError as error:
        raise InputError(
            f"{path}: the source cannot be read ({error.strerror or error}): say with --source"
            " where it lies on this machine"
        ) from error
    if (actual.bytes, actual.sha256_of_ends) != (plan.source.bytes, plan.source.sha256_of_ends):
        raise InputError(f"{path}: this is not the file that was planned: plan it again")
    return path


def bundle_of(plan: FarmPlan, place: str | None) -> ModelBundle:
    """The model, checked to be that of the plan.  Raises ``UnknownModelError``,
    ``ModelMismatchError``.
    """
    bundle = ModelBundle.find(plan.model.name if place is None else place)
    if bundle.sha256 != plan.model.sha256:
        raise ModelMismatchError(
            f"{bundle.folder}: the plan was made for another model of that name (SHA-256"
            f" {plan.model.sha256[:16]}…): give it with --model"
        )
    return bundle


class PlanWorker:
    """Codes chunks of one plan into its store; networks are loaded when a chunk needs them.

    Use it as a context manager.  Any number of them may work at the same time, on the same chunk
    too: they write the same file.
    """

    def __init__(self, plan: FarmPlan, store: FarmStore, machine: Machine) -> None:
        self._plan, self._store, self._machine = plan, store, machine
        self._coder: ChunkCoder | None = None
        self._frames: PlannedFrames | None = None

    def __enter__(self) -> PlanWorker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._frames is not None:
            self._frames.close()

    def encode(self, indices: Iterable[int]) -> Iterator[ChunkReport]:
        """Code chunks by their numbers, as the pass that is on wants them; what is finished is left
        as it is.

        Raises ``PlanError`` for a number that the plan has not, ``InputError`` where the source is
        not the one that was planned, and what coding raises.
        """
        for index in indices:
            begin = time.monotonic()
            first = self._plan.first_task(index)
            task = self._store.published(index) or first
            results = self._store.load(task)
            coded = results is None
            if results is None:
                results = self._coded(task, self._plan.chunks[index])
                self._store.save(task, results)
            size = sum(unit.size for unit in results[0].units)
            seconds = time.monotonic() - begin
            yield ChunkReport(index, coded, task.chunk.frames, size, seconds)

    def _coded(self, task: ChunkTask, planned: PlannedChunk) -> tuple[CodedChunk, ...]:
        if self._coder is None or self._frames is None:
            self._coder, self._frames = self._prepared()
        coder, frames = self._coder, self._frames
        try:
            return coder.code(task, lambda _: frames.frames(planned))
        except FrameMismatchError:  # perhaps the file cannot be sought in exactly
            return coder.code(task, lambda _: frames.frames(planned, seeking=False))

    def _prepared(self) -> tuple[ChunkCoder, PlannedFrames]:
        """What coding takes, once it is clear that it is the plan's."""
        from ..encoder.coding_networks import CodingNetworks
        from ..encoder.local_workers import picture_judge

        plan, machine = self._plan, self._machine
        source = source_of(plan, machine.source)
        bundle = bundle_of(plan, machine.model)
        workplace = Workplace(
            source,
            plan.max_frames,
            bundle,
            plan.header,
            machine.device,
            machine.threads,
            memory=0,
            perceptual=_weights_of(plan, machine.perceptual),
            options=plan.reading.options,
        )
        networks = CodingNetworks(bundle, machine.device, machine.threads)
        coder = ChunkCoder(networks, plan.header, judge=picture_judge(workplace, networks))
        return coder, PlannedFrames(source, plan.max_frames, plan.reading.options)


def _weights_of(plan: FarmPlan, place: Path | None) -> Path | None:
    """The weights to judge pictures by, if they are judged, checked to be those of the plan."""
    if plan.perceptual is None:
        return None
    path = Path(plan.perceptual.name) if place is None else place
    if weights_sha256(path) != plan.perceptual.sha256:
        raise UnknownModelError(f"{path}: these are not the weights that the plan was made for")
    return path
