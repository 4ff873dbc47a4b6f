"""Further metrics for a ladder that is finished: its encodes are scored, none is made again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..cores import usable_cores
from ..errors import ComparisonError
from .api import metric_paths
from .clips import Clip
from .codecs import codec_named
from .files import read_json
from .folder import CACHE, alone, check_output
from .jobs import Job, Rung
from .metrics import Metric, all_metrics
from .progress import LadderProgress
from .records import add_figures, not_measured
from .results import analysis_of, measured, write
from .runner import JobOutcome, Runner
from .schema import FORMAT, ClipEntry, LadderResults, Record
from .settings import choose_metrics
from .sheets.files import write_sheets


def add_metrics(
    output: str | Path,
    metrics: Sequence[str],
    *,
    metric_files: Mapping[str, str | Path] | None = None,
    jobs: int | None = None,
    progress: Callable[[LadderProgress], None] | None = None,
) -> LadderResults:
    """Score the finished encodes in the folder of a ladder with further metrics, and write its
    results again → what results.json holds then.

    metrics: their names; those that the ladder has already stay.
    metric_files: the files that they need, by their options' names.
    jobs: processes at a time (the cores at hand).

    Encodes are decoded by what is here today, whatever made them.  One whose file is gone, or that
    is refused, keeps the figures it has, and the reason stands among what was not measured.
    Raises ``ComparisonError``, ``OutputError``.
    """
    output = Path(output)
    results = _earlier(output)
    files = metric_paths(metric_files or {})
    every = all_metrics(files)
    chosen = choose_metrics(every, metrics)
    check_output(output)
    with alone(output):
        clips = [_clip(entry, output) for entry in results["clips"]]
        by_id = {
            record["id"]: _job(record, clips, results["settings"]["model"])
            for record in results["records"]
            if record["error"] is None
        }
        shown = max((len(record["pictures"]) for record in results["records"]), default=1) or 1
        workers = jobs or usable_cores()
        runner = Runner(
            output / CACHE, chosen, files, shown=shown, workers=workers, progress=progress
        )
        try:
            for clip in clips:
                clip.reference()
            tasks = [partial(runner.finish, job) for job in by_id.values()]
            runner.run(tasks, list(by_id.values()), clips)
        finally:
            for clip in clips:
                clip.discard_reference()
        outcomes = {name: runner.finish(job) for name, job in by_id.items()}
        _put_in(results, outcomes, chosen, every, output)
        results["settings"]["metric_files"] |= {
            name: Path(path).name for name, path in files.items()
        }
        write_sheets(results, by_id, runner, output, _sheets(results))
        return write(results, clips, output)


def _sheets(results: LadderResults) -> int:
    """Rates that most clips have a contact sheet of."""
    sheets = Counter(entry["clip"] for entry in results.get("sheets", ()))
    return max(sheets.values(), default=0)


def _earlier(output: Path) -> LadderResults:
    results = read_json(output / "results.json", LadderResults)
    if results is None:
        raise ComparisonError(f"{output} has no results.json: finish a ladder there first")
    if results["format"] != FORMAT:
        raise ComparisonError(
            f"{output / 'results.json'} has format {results['format']} instead of {FORMAT}: run the"
            " ladder again, which finds its encodes"
        )
    return results


def _clip(entry: ClipEntry, output: Path) -> Clip:
    """A clip by its entry; the folder of the ladder may have moved since."""
    folder = (output / CACHE / "clips" / Path(entry["folder"]).name).resolve()
    clip = Clip.stored(folder, entry["name"], entry["source"])
    if clip is None:
        raise ComparisonError(f"{folder}: the frames of {entry['name']} are gone")
    return clip


def _job(record: Record, clips: Sequence[Clip], model: str) -> Job:
    return Job(
        next(clip for clip in clips if clip.name == record["clip"]),
        codec_named(record["codec"]),
        Rung(record["mode"], record["value"], record["scale"]),
        record["preset"],
        record["gop_size"],
        record["threads"],
        model,
        record["sought"],
        finished=record["key"],
    )


def _put_in(
    results: LadderResults,
    outcomes: Mapping[str, JobOutcome],
    chosen: Sequence[Metric],
    every: Mapping[str, Metric],
    output: Path,
) -> None:
    """Figures into the records, and all that follows from them."""
    for record in results["records"]:
        if (outcome := outcomes.get(record["id"])) is not None and outcome.error is None:
            add_figures(record, outcome, chosen)
        files = {index: output / path for index, path in record["pictures"].items()}
        record["pictures"] = {
            i: record["pictures"][i] for i, file in files.items() if file.is_file()
        }
    figures = measured(list(every.values()), results["records"])
    results["figures"] = [figure.to_dict() for figure in figures]
    done = {metric.name for metric in chosen}
    missing = [row for row in results["not_measured"] if row["metric"] not in done]
    # An encode that could not be scored is said as what kept its metrics from it.
    complaints = [
        replace(outcome, metric_error=outcome.metric_error or outcome.error)
        for outcome in outcomes.values()
    ]
    clips = list({id(one.job.clip): one.job.clip for one in complaints}.values())
    results["not_measured"] = missing + not_measured(chosen, sorted(done), clips, complaints)
    results["analysis"] = analysis_of(results)
