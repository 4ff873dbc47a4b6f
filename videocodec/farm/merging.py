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

from bitstream.container import captions_box

from ..conversions import as_comment
from ..encoder.chunk_coder import ChunkTask, CodedChunk
from ..encoder.coded_video import Outcome
from ..encoder.finishing import (
    FileParts,
    Written,
    report_on,
    warnings_of_captions,
    warnings_of_draft,
    warnings_of_generation,
    write_file,
)
from ..encoder.pipeline import Encoding, VideoTask
from ..encoder.rates import outcome_at
from ..encoder.report import EncodeReport
from ..encoder.request import check_stream_target
from ..encoder.workplace import UnitCallback, Workers
from ..errors import OutputError, UnfinishedPlanError
from ..inspection.verify import verify
from ..media.copying import copied_from
from ..media.source import VideoSource
from ..models.bundle import ModelBundle
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
    outcome = decide(plan, store)
    parts = _parts(plan, source, bundle)
    beside = target.with_name(f".{target.stem}.unverified{target.suffix}")
    try:
        written = write_file(beside, parts, outcome, store)
        check = verify(beside, model=bundle.folder, progress=progress)
        if not check.ok:
            raise OutputError(f"{target}: what was written does not verify: {check.problems[0]}")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    reading = plan.reading
    return report_on(
        target,
        parts,
        outcome,
        begin=begin,
        written=Written(
            written.skipped_tracks + parts.labels.lost, [*reading.losses, *written.problems]
        ),
        warnings=[
            *(f"{source}: {note}" for note in reading.notes),
            *warnings_of_draft(plan.header),
            *warnings_of_captions(plan.captions, bundle),
            *warnings_of_generation(plan.settings.generation, bundle),
        ],
    )


def _parts(plan: FarmPlan, source: Path, bundle: ModelBundle) -> FileParts:
    """What the file holds beside its chunks, as ``encode`` has it."""
    reading = plan.reading
    with VideoSource(source, options=reading.options) as video:
        labels = video.labels if reading.keep_location else video.labels.without_location()
        return FileParts(
            copied_from(video),
            plan.source.bytes,
            plan.max_frames is not None,
            plan.header,
            bundle,
            FileParts.files_of(bundle, attach=plan.embed_model),
            may_end=not reading.options.strict,
            labels=labels.with_comment(as_comment(reading.conversions)),
            captions=plan.captions,
            shown_size=None if reading.options.scale == 1 else video.full_size,
        )


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

    def stop(tasks: list[ChunkTask]) -> NoReturn:
        for missing in tasks:
            store.publish(missing)
        indices = tuple(missing.chunk.index for missing in tasks)
        raise UnfinishedPlanError(indices, encoding.passes, len(chunks))

    encoding = Encoding(_NoWorkers(stop), store, task)
    captions_bytes = len(captions_box(plan.captions))
    return outcome_at(plan.goal, encoding, plan.header.time_base, captions_bytes)
