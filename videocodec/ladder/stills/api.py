"""``ladder --stills``: pictures in, a folder of what becomes of them at fewer and fewer bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ComparisonError, LatentVideoError
from ...models.default import DEFAULT_MODEL
from ..api import located_model, metric_paths
from ..folder import CACHE, alone, check_output
from ..metrics import Figure, Metric, all_metrics
from ..progress import LadderProgress
from ..settings import check_count, choose_metrics
from ..sheets.rule import JUDGES
from .choice import Chooser
from .codecs import StillCodec, chosen_codecs
from .encodes import Count, StillEncodes
from .pictures import StillPicture, read_pictures
from .results import StillFindings, failed, record, write
from .schema import StillRecord, StillResults

LARGEST = 8000  # bytes
SHARES = (1.0, 0.5, 0.25, 0.125)
# Measures of one picture; the others are of what changes from frame to frame, or were made for it.
_METRICS = ("ssimulacra2", "cvvdp", "lpips", "lpips_alex", "dists", "psnr", "ssim", "ms_ssim")


@dataclass(frozen=True)
class _Run:
    """What is the same for every picture and codec."""

    cache: Path
    shares: tuple[float, ...]
    count: Count
    model: str
    threads: int
    metrics: Sequence[Metric]
    judge: Figure | None
    targets: Sequence[int]


def still_ladder(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    codecs: Sequence[str] | None = None,
    largest: int = LARGEST,
    count: Count = "picture",
    resolutions: Sequence[float] = SHARES,
    metrics: Sequence[str] | None = None,
    metric_files: Mapping[str, str | Path] | None = None,
    model: str = DEFAULT_MODEL,
    threads: int = 1,
    progress: Callable[[LadderProgress], None] | None = None,
) -> StillResults:
    """Code every picture with every codec at ``largest`` bytes, half of that, and so on until no
    codec has a file so small; measure, and write results.json, results.csv, report.html and sheets
    into the folder ``output`` → what results.json holds.

    codecs: names; all that this machine has by default.
    count: what the bytes are of, the coded ``picture`` or the whole ``file``.
    resolutions: shares of width and height that every codec may code; it takes the one that looks
        best by the first figure of ``sheets.rule.JUDGES`` that is measured.
    metrics: all of pictures that can be measured, by default.
    metric_files: the files that metrics need, by their options' names.
    model: of this codec.
    threads: of each encode and decode.

    What was encoded and measured is kept in ``output``/cache, so that a run that was interrupted,
    or has more pictures, goes on.  A codec that fails on a picture has a record with the error.

    Raises ``ComparisonError`` for what makes no sense, ``InputError``, ``OutputError``.
    """
    begin, output = time.monotonic(), Path(output)
    if not sources:
        raise ComparisonError("no picture: name one or more")
    check_count("largest", largest)
    check_count("threads", threads)
    shares = _checked(resolutions)
    chosen, notes = chosen_codecs(codecs)
    files = metric_paths(metric_files or {})
    every = {name: one for name, one in all_metrics(files).items() if name in _METRICS}
    measures = choose_metrics(every, metrics)
    located = located_model(model)
    for codec in chosen:
        codec.versions(located)  # an unknown model shows here
    pictures = read_pictures(sources)
    at_hand = [one for one in measures if one.missing() is None]
    check_output(output)
    with alone(output):
        run = _Run(
            output / CACHE / "stills",
            shares,
            count,
            located,
            threads,
            at_hand,
            _judge(at_hand),
            _halved(largest),
        )
        records = _all_records(pictures, chosen, run, progress)
        findings = StillFindings(
            output=output,
            pictures=pictures,
            codecs=chosen,
            every=list(every.values()),
            chosen=measures,
            judge=run.judge,
            records=records,
            settings={
                "largest": largest,
                "count": count,
                "resolutions": list(shares),
                "model": model,
                "metric_files": {name: Path(path).name for name, path in files.items()},
            },
            versions_model=located,
            notes=notes,
            threads=threads,
            seconds=time.monotonic() - begin,
        )
        return write(findings.results(), pictures, output)


def _checked(resolutions: Sequence[float]) -> tuple[float, ...]:
    """Shares, the largest first, each once."""
    if not resolutions or (wrong := [share for share in resolutions if not 0 < share <= 1]):
        given = f"{wrong[0]:g}" if resolutions else "none"
        raise ComparisonError(
            f"resolution {given} makes no sense: give shares of width and height above 0, at most 1"
        )
    return tuple(sorted(dict.fromkeys(map(float, resolutions)), reverse=True))


def _halved(largest: int) -> list[int]:
    """Bytes, each half of those before, down to one."""
    targets = [largest]
    while targets[-1] > 1:
        targets.append(targets[-1] // 2)
    return targets


def _judge(metrics: Sequence[Metric]) -> Figure | None:
    figures = {figure.name: figure for metric in metrics for figure in metric.figures}
    return next((figures[name] for name in JUDGES if name in figures), None)


def _all_records(
    pictures: Sequence[StillPicture],
    codecs: Sequence[StillCodec],
    run: _Run,
    progress: Callable[[LadderProgress], None] | None,
) -> list[StillRecord]:
    records: list[StillRecord] = []
    begin, total, done = time.monotonic(), len(pictures) * len(codecs), 0
    for picture in pictures:
        for codec in codecs:
            records += _records(picture, codec, run)
            done += 1
            if progress is not None:
                left = (time.monotonic() - begin) / done * (total - done)
                failures = sum(one["error"] is not None for one in records)
                label = f"{picture.name}, {codec.label}"
                progress(LadderProgress(done, total, failures, label, left))
    return records


def _records(picture: StillPicture, codec: StillCodec, run: _Run) -> list[StillRecord]:
    """Of one picture by one codec: its encode for every target that it can meet, and its smallest;
    one with the error where any fails.
    """
    encodes = StillEncodes(
        picture,
        codec,
        run.cache / picture.sha256[:16],
        model=run.model,
        threads=run.threads,
        metrics=[one for one in run.metrics if one.missing(picture.as_clip()) is None],
    )
    chooser = Chooser(encodes, run.shares, run.count, run.judge)
    records = []
    try:
        for target in run.targets:
            if (best := chooser.best(target)) is None:
                break
            records.append(record(picture, encodes, best, target, run.cache.parents[1]))
        records.append(record(picture, encodes, chooser.smallest(), None, run.cache.parents[1]))
    except (LatentVideoError, ValueError, OSError, RuntimeError) as error:
        return [failed(picture, codec, " ".join(f"{error}".split()) or type(error).__name__)]
    return records
