"""From finished chunks to the file: what ``videocodec merge`` does.

What is decided between passes is decided here, by the same code that decides it on one machine, run
on what the store holds.  Where that code wants a chunk coded that is not there, the tasks are
published for the workers, and the merge ends; run again when they are done, it goes one pass
further.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from ..encoder.chunk_coder import ChunkTask, CodedChunk
from ..encoder.coded_video import Outcome
from ..encoder.finishing import FileParts, report_on, warnings_of_generation, write_file
from ..encoder.pipeline import Encoding, VideoTask
from ..encoder.rates import outcome_at
from ..encoder.report import EncodeReport
from ..encoder.request import check_stream_target
from ..encoder.workplace import UnitCallback, Workers
from ..errors import OutputError, UnfinishedPlanError
from ..inspection.verify import verify
from ..media.copying import copied_from_file
from ..progress import ProgressCallback
from .plan import FarmPlan
from .store import FarmStore
from .worker import Machine, bundle_of, source_of


class _NoWorkers(Workers):
    """Codes nothing; ``stop`` gets what was to be coded, and does not return."""

    def __init__(self, stop: Callable[[list[ChunkTask]], NoReturn]) -> None:
        self._stop = stop

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        wanted = [task for task in tasks if task is not None]
        if wanted:
            self._stop(wanted)
        yield from ()


def merge_chunks(
    plan: FarmPlan,
    store: FarmStore,
    target: Path,
    machine: Machine,
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> EncodeReport:
    """Check all chunks, write the file with sound and subtitles, and verify all of it.

    machine: where source and model are.  progress: of verifying.  Raises ``UnfinishedPlanError``
    while chunks are missing or damaged, or another pass is needed; the store then tells workers
    what to code.  Raises ``OutputError`` if what was written does not decode to the checksums in
    it; it never gets its name.
    """
    begin = time.monotonic()
    source = source_of(plan, machine.source)
    check_stream_target(source, target, overwrite=overwrite)
    bundle = bundle_of(plan, machine.model)
    attached = FileParts.files_of(bundle, wanted=plan.embed_model)
    outcome = decide(plan, store)
    parts = FileParts(
        copied_from_file(source),
        plan.source.bytes,
        plan.max_frames is not None,
        plan.header,
        bundle,
        attached,
    )
    beside = target.with_name(f".{target.stem}.unverified{target.suffix}")
    try:
        written = write_file(beside, parts, outcome, store)
        found = verify(beside, model=bundle.folder, progress=progress)
        if not found.ok:
            raise OutputError(f"{target}: what was written does not verify: {found.problems[0]}")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    warnings = warnings_of_generation(plan.settings.generation, bundle)
    return report_on(target, parts, outcome, begin=begin, written=written, warnings=warnings)


def decide(plan: FarmPlan, store: FarmStore) -> Outcome:
    """What is to be written.  Raises ``UnfinishedPlanError`` after publishing what is missing."""
    chunks = [planned.chunk for planned in plan.chunks]
    task = VideoTask(
        chunks,
        plan.settings,
        plan.header.time_base,
        sum(chunk.frames for chunk in chunks),
        plan.goal.maxrate,
    )

    def stop(wanted: list[ChunkTask]) -> NoReturn:
        for missing in wanted:
            store.publish(missing)
        indices = tuple(missing.chunk.index for missing in wanted)
        raise UnfinishedPlanError(indices, encoding.passes, len(chunks))

    encoding = Encoding(_NoWorkers(stop), store, task)
    return outcome_at(plan.goal, encoding, plan.header.time_base)
