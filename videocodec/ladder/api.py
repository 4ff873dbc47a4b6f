"""``ladder``: clips in, a folder of figures, plots and a report out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

from ..cluster import LOCAL, RayCluster, check_executor
from ..cores import usable_cores
from ..errors import ComparisonError
from ..models.bundle import ModelBundle
from ..models.default import DEFAULT_MODEL
from ..models.files import TABLES_FILE
from .clips import Clip, prepare
from .folder import CACHE, alone, check_output
from .jobs import Job
from .metrics import Metric, all_metrics, all_options
from .progress import LadderProgress
from .results import Findings, write
from .runner import Runner
from .schema import LadderResults, TargetEntry
from .searches import run_all
from .settings import (
    LadderChoice,
    LadderSettings,
    check_clips,
    check_count,
    check_targets,
    checked,
    choose_metrics,
)
from .sheets.files import write_sheets
from .workers import LadderWorker, Worker


def ladder(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    metric_files: Mapping[str, str | Path] | None = None,
    pictures: int = 3,
    sheets: int = 2,
    jobs: int | None = None,
    executor: str = LOCAL,
    progress: Callable[[LadderProgress], None] | None = None,
    **choice: Unpack[LadderChoice],
) -> LadderResults:
    """Encode every clip with every codec at every rung, measure, compare, and write results.json,
    results.csv, report.html, plots and contact sheets into the folder ``output`` → what
    results.json holds.

    metrics: all that can be measured, by default.
    metric_files: the files that metrics need, by their options' names, as in "lpips-weights".
    pictures: frames of each clip that the report shows.
    sheets: rates of each clip that get a contact sheet, 0 for none.
    jobs: processes at a time (the cores at hand).
    executor: ``ray`` or ``ray://HOST:PORT`` for processes on a Ray cluster instead, whose machines
        must all see ``output``.
    choice: codecs, rungs and how to encode and compare, see ``settings.LadderChoice``.

    What was encoded and measured is kept in ``output``/cache, so that a run which was interrupted,
    or has more rungs, goes on.  An encode that fails is a record with its error.

    Raises ``ComparisonError`` for what makes no sense, and where a metric finds a clip other than
    itself; ``InputError``, ``OutputError``.
    """
    begin, output = time.monotonic(), Path(output)
    if not sources:
        raise ComparisonError("no clip: name one or more")
    settings = _settings(choice)
    check_executor(executor)
    check_count("pictures", pictures)
    check_count("jobs", jobs or 1)
    check_count("sheets", sheets + 1)
    files = metric_paths(metric_files or {})
    every = all_metrics(files)
    chosen = choose_metrics(every, metrics)
    check_targets(settings.targets, chosen)
    is_new = not output.exists()
    check_output(output)
    with alone(output), _workers(executor, jobs, settings.threads) as (start_worker, workers):
        clips = _prepared(sources, output, settings, is_new)
        runner = Runner(
            output / CACHE,
            chosen,
            files,
            shown=pictures,
            workers=workers,
            start_worker=start_worker,
            progress=progress,
        )
        measured = _run(runner, clips, settings, chosen)
        findings = Findings(
            output=output,
            clips=clips,
            settings=settings,
            every=every,
            chosen=chosen,
            files=files,
            outcomes=sorted(runner.outcomes(), key=lambda one: _order(one.job, clips, settings)),
            targets=measured,
            shown=pictures,
            workers=workers,
            seconds=time.monotonic() - begin,
        )
        results = findings.results()
        by_id = {
            record["id"]: outcome.job
            for record, outcome in zip(results["records"], findings.outcomes, strict=True)
        }
        write_sheets(results, by_id, runner, output, sheets)
        return write(results, clips, output)


@contextmanager
def _workers(
    executor: str, jobs: int | None, threads: int
) -> Iterator[tuple[Callable[[int], LadderWorker], int]]:
    """What starts a process, and how many there are at a time."""
    if executor == LOCAL:
        yield Worker, jobs or usable_cores()
        return
    from .ray_workers import RayWorker

    with RayCluster(executor, (jobs or 1) * threads) as cluster:
        cluster.check_room(threads, 0)
        yield partial(RayWorker, cluster), jobs or max(1, cluster.cores // threads)


def _settings(choice: LadderChoice) -> LadderSettings:
    """Settings that make sense, files and models located."""
    model, perceptual = choice.get("model", DEFAULT_MODEL), choice.get("perceptual")
    settings = checked(
        choice
        | {
            "model": located_model(model),
            "perceptual": None if perceptual is None else str(_weights(perceptual)),
        }
    )
    for codec in settings.codecs:
        codec.versions(model)  # an unknown model shows here
    return replace(settings, model_as_named=model)


def _run(
    runner: Runner, clips: Sequence[Clip], settings: LadderSettings, metrics: Sequence[Metric]
) -> list[TargetEntry]:
    """All encodes, with the source frames on disk meanwhile → what the searches found."""
    figures = check_targets(settings.targets, metrics)
    try:
        for clip in clips:
            clip.reference()
            for scale in settings.resolutions:
                clip.path(scale)
        return run_all(runner, clips, settings, figures, metrics)
    finally:
        for clip in clips:
            clip.discard_reference()


def metric_paths(files: Mapping[str, str | Path]) -> dict[str, str]:
    """The files that the user named for metrics, checked, by whole paths.

    Raises ``ComparisonError`` for an option that no metric has, and for a file that is none.
    """
    names = [option.name for option in all_options()]
    if unknown := [name for name in files if name not in names]:
        raise ComparisonError(f"no metric takes {unknown[0]!r}: choose from {', '.join(names)}")
    return {name: str(_weights(path)) for name, path in files.items()}


def _prepared(
    sources: Sequence[str | Path], output: Path, settings: LadderSettings, is_new: bool
) -> list[Clip]:
    """The clips, stored; where that fails, a folder that is new is removed again."""
    try:
        clips = [
            prepare(Path(source), output / CACHE / "clips", settings.max_frames)
            for source in sources
        ]
        check_clips(clips, settings)
    except BaseException:
        if is_new:
            shutil.rmtree(output, ignore_errors=True)
        raise
    return clips


def _order(
    job: Job, clips: Sequence[Clip], settings: LadderSettings
) -> tuple[int, int, float, str, float]:
    value = job.rung.value if job.rung.mode == "bitrate" else -job.rung.value
    return (
        clips.index(job.clip),
        settings.codecs.index(job.codec),
        -job.rung.scale,
        job.rung.mode,
        value,
    )


def located_model(model: str) -> str:
    """A model that is named by a folder, by its whole path: encoders work in folders of their
    own.
    """
    folder = Path(model).resolve()
    is_bundle = (folder / TABLES_FILE).is_file() and ModelBundle.find(model).folder == folder
    return str(folder) if is_bundle else model


def _weights(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise ComparisonError(f"{path}: no such file of weights")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "numpy"):
            return path.resolve()
    except SafetensorError as error:
        raise ComparisonError(f"{path} is no safetensors file of weights: {error}") from error
