"""``ladder``: clips in, a folder of figures, plots and a report out."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ..errors import ComparisonError, OutputError
from ..models.bundle import TABLES_FILE, ModelBundle
from ..version import __version__
from .analysis import analyse
from .clips import Clip, prepare
from .codecs import Codec
from .files import read_json, write_json, write_text
from .jobs import Job, Rung, metric_file
from .metrics import Figure, Metric, MetricOptions, all_metrics
from .results import (
    FORMAT,
    as_csv,
    commit,
    machine,
    not_measured,
    record,
    speeds,
    summary,
    usable_cores,
)
from .runner import LadderProgress, Runner
from .search import crf_for_quality
from .settings import (
    DEFAULT_CODECS,
    LadderSettings,
    check_clips,
    check_targets,
    checked,
    choose_metrics,
)

try:
    import fcntl
except ImportError:
    # not on Windows: two ladders in one folder at a time are then the user's to avoid
    fcntl = None

CACHE = "cache"
_LOCK = "lock"
# What a ladder that was killed leaves: unfinished encodes and clips, raw frames, files that were
# being written.
_LEFT = (
    "encodes/.part-*",
    "clips/*.part[0-9]*",
    "clips/*/*.part[0-9]*",
    "clips/*/reference.yuv",
    "encodes/*/decoded.yuv",
    "encodes/*/*.part.png",
    "encodes/*/*.part[0-9]*",
)
SEARCH_TOLERANCE = {"vmaf": 0.5, "vmaf_neg": 0.5, "psnr_y": 0.05, "psnr_yuv": 0.05, "xpsnr": 0.05}
_OTHER_TOLERANCE = 0.01  # relative
_USUAL_TRIES = 5  # of a search, for the progress


def ladder(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    codecs: Sequence[str] = DEFAULT_CODECS,
    bitrates: Sequence[float] | None = None,
    crf: Sequence[float] | Mapping[str, Sequence[float]] | str | None = None,
    resolutions: Sequence[float] = (1.0,),
    metrics: Sequence[str] | None = None,
    targets: Mapping[str, float] | None = None,
    presets: Mapping[str, str] | None = None,
    reference: str | None = None,
    below: float | None = None,
    gop_size: int = 250,
    max_frames: int | None = None,
    model: str = "embedded",
    perceptual: str | Path | None = None,
    lpips_weights: str | Path | None = None,
    dists_weights: str | Path | None = None,
    pictures: int = 3,
    jobs: int | None = None,
    threads: int = 1,
    progress: Callable[[LadderProgress], None] | None = None,
) -> dict[str, object]:
    """Encode every clip with every codec at every rung, measure, compare, and write results.json,
    results.csv, report.html and plots into the folder `output` → what results.json holds.

    bitrates: bits per second of the video alone; or crf, "auto" for each codec's own ladder.  With
    `targets` (figure → value) the crf that reaches it is searched too, or alone where neither is
    given.  metrics: all that can be measured, by default.  reference: the codec BD figures are
    against.  perceptual: as of ``videocodec.encode``.  below: BD-rates only where the tested codec
    takes less than so many bits per second.  pictures: frames of each clip that the report shows.
    jobs: processes at a time (the cores at hand), threads: of each.

    What was encoded and measured is kept in `output`/cache, so that a run which was interrupted, or
    has more rungs, goes on.  An encode that fails is a record with its error.

    Raises ``ComparisonError``, ``InputError``, ``OutputError``.
    """
    begin, output = time.monotonic(), Path(output)
    for name, value in (
        ("gop_size", gop_size),
        ("pictures", pictures),
        ("jobs", jobs or 1),
        ("threads", threads),
        ("max_frames", max_frames or 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    if not sources:
        raise ComparisonError("no clip: name one or more")
    settings = checked(
        codecs=codecs,
        bitrates=bitrates,
        crf=crf,
        resolutions=resolutions,
        targets=targets or {},
        presets=presets or {},
        reference=reference,
        gop_size=gop_size,
        threads=threads,
        model=_located(model),
        perceptual=None if perceptual is None else str(_weights(perceptual)),
    )
    for codec in settings.codecs:
        codec.versions(model)  # an unknown model shows here
    options = MetricOptions(
        *(None if path is None else str(_weights(path)) for path in (lpips_weights, dists_weights))
    )
    every = all_metrics(options)
    chosen = choose_metrics(every, metrics)
    sought = check_targets(settings.targets, chosen)
    is_new = not output.exists()
    _check_output(output)
    with _alone(output):
        try:
            clips = [
                prepare(Path(source), output / CACHE / "clips", max_frames) for source in sources
            ]
            check_clips(clips, settings)
        except BaseException:
            if is_new:
                shutil.rmtree(output, ignore_errors=True)
            raise
        runner = Runner(
            output / CACHE,
            chosen,
            options,
            shown=pictures,
            workers=jobs or usable_cores(),
            progress=progress,
        )
        try:
            for clip in clips:
                clip.reference()
                for scale in settings.resolutions:
                    clip.path(scale)
            found = _run(runner, clips, settings, sought, chosen)
        finally:
            for clip in clips:
                clip.discard_reference()
        records = [
            record(outcome, chosen, output, pictures)
            for outcome in sorted(runner.outcomes(), key=lambda o: _order(o.job, clips, settings))
        ]
        figures = [
            f
            for metric in chosen
            for f in metric.figures
            if any(f.name in one["quality"] for one in records)
        ]
        sizes = {codec.name: codec.decoder_bytes(model) for codec in settings.codecs}
        names = [codec.name for codec in settings.codecs]
        results = {
            "format": FORMAT,
            "command": _command(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begin, 1),
            "version": __version__,
            "commit": commit(),
            "machine": machine(jobs or usable_cores(), threads),
            "settings": {
                "bitrates": settings.bitrates,
                "crf": settings.crfs,
                "resolutions": settings.resolutions,
                "targets": settings.targets,
                "gop_size": gop_size,
                "max_frames": max_frames,
                "model": model,
                "reference": settings.reference,
                "below_bps": below,
                "perceptual": settings.perceptual and Path(settings.perceptual).name,
                "lpips_weights": options.lpips_weights and Path(options.lpips_weights).name,
            },
            "clips": [
                clip.to_dict() | {"seconds": clip.seconds, "colour_path": clip.colour_path}
                for clip in clips
            ],
            "codecs": [
                {
                    "name": c.name,
                    "label": c.label,
                    "preset": settings.preset(c),
                    "versions": c.versions(model),
                    "decoder_bytes": sizes[c.name],
                }
                for c in settings.codecs
            ],
            "figures": [asdict(figure) for figure in figures],
            "not_measured": not_measured(
                list(every.values()), [metric.name for metric in chosen], clips, runner.outcomes()
            ),
            "records": records,
            "targets": found,
            "speeds": speeds(records, names, "videocodec"),
            "analysis": analyse(
                records,
                clips=[clip.name for clip in clips],
                codecs=names,
                figures=figures,
                reference=settings.reference,
                decoder_bytes=sizes,
                below=below,
            ),
            "notes": _notes(clips),
        }
        write_json(output / "results.json", results)
        write_text(output / "results.csv", as_csv(records, figures))
        _draw(results, clips, output)
        return results


def _run(
    runner: Runner,
    clips: Sequence[Clip],
    settings: LadderSettings,
    sought: Mapping[str, Figure],
    metrics: Sequence[Metric],
) -> list[dict[str, object]]:
    """All encodes; what became of the searches."""

    def job(clip: Clip, codec: Codec, rung: Rung, target: str | None = None) -> Job:
        perceptual = settings.perceptual if codec.name == "videocodec" else None
        return Job(
            clip,
            codec,
            rung,
            settings.preset(codec),
            settings.gop_size,
            settings.threads,
            settings.model,
            target,
            perceptual,
        )

    jobs = [
        job(clip, codec, rung)
        for clip in clips
        for codec in settings.codecs
        for rung in settings.rungs(codec)
    ]
    found: list[dict[str, object]] = []

    def search(clip: Clip, codec: Codec, scale: float, figure: Figure) -> None:
        target, sign = settings.targets[figure.name], 1 if figure.higher_is_better else -1
        named = f"{figure.name}={target:g}"
        error, tries = None, 0

        def quality(crf: float) -> float:
            nonlocal error, tries
            tries += 1
            outcome = runner.finish(job(clip, codec, Rung("crf", crf, scale), named))
            metric = next(metric for metric in metrics if figure in metric.figures)
            series = None if outcome.error else read_json(metric_file(outcome.folder, metric))
            if series is None:
                error = outcome.error or outcome.metric_error or f"{figure.name} was not measured"
                raise LookupError
            return sign * summary(series[figure.name], figure)["mean"]

        about = {
            "clip": clip.name,
            "codec": codec.name,
            "scale": scale,
            "figure": figure.name,
            "target": target,
        }
        head = f"{clip.name}, {codec.name}{'' if scale == 1 else f' at {scale:g}'}: {named}"
        tolerance = SEARCH_TOLERANCE.get(figure.name, abs(target) * _OTHER_TOLERANCE)
        try:
            result = crf_for_quality(
                quality, sign * target, codec.crf_range, codec.crf_step, tolerance=tolerance
            )
        except LookupError:
            found.append(
                about
                | {
                    "crf": None,
                    "value": None,
                    "record": None,
                    "reached": False,
                    "text": f"{head} was not found: {error}",
                }
            )
            return
        finally:
            runner.expect(job(clip, codec, Rung("crf", 0, scale)), min(0, tries - _USUAL_TRIES))
        identity = f"{clip.name}/{codec.name}/{Rung('crf', result.crf, scale).label}".replace(
            " ", "_"
        )
        value = sign * result.value
        reached = "at" if result.reached else "is out of reach; nearest"
        text = (
            f"{head} {reached} crf {result.crf:g} ({value:.{figure.decimals}f}), {result.tries}"
            " encodes"
        )
        found.append(
            about
            | {
                "crf": result.crf,
                "value": value,
                "record": identity,
                "reached": result.reached,
                "text": text,
            }
        )

    tasks: list[Callable[[], object]] = [lambda one=one: runner.finish(one) for one in jobs]
    expected = list(jobs)
    for clip in clips:
        for codec in settings.codecs:
            for scale in settings.resolutions:
                for figure in sought.values():
                    tasks.append(lambda parts=(clip, codec, scale, figure): search(*parts))
                    expected += [job(clip, codec, Rung("crf", 0, scale))] * _USUAL_TRIES
    runner.run(tasks, expected)
    order = {clip.name: place for place, clip in enumerate(clips)}
    return sorted(
        found, key=lambda one: (order[one["clip"]], one["figure"], one["codec"], one["scale"])
    )


def _order(job: Job, clips: Sequence[Clip], settings: LadderSettings) -> tuple:
    value = job.rung.value if job.rung.mode == "bitrate" else -job.rung.value
    return (
        clips.index(job.clip),
        settings.codecs.index(job.codec),
        -job.rung.scale,
        job.rung.mode,
        value,
    )


def _draw(results: dict[str, object], clips: Sequence[Clip], output: Path) -> None:
    from .report import write_report

    if find_spec("matplotlib") is None:
        results["notes"].append("no plots as PNG and SVG: they need the package matplotlib")
    else:
        from .plots import write_plots

        write_plots(results, output / "plots")
    write_report(results, clips, output)


def _notes(clips: Sequence[Clip]) -> list[str]:
    notes = [f"{clip.name}: {note}" for clip in clips for note in clip.notes]
    if len(sizes := sorted({(clip.width, clip.height) for clip in clips})) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in sizes)
        notes.append(
            f"the clips differ in size ({listed}): the same bitrate means more for a small one;"
            " only BD figures are averaged over clips"
        )
    return notes


def _located(model: str) -> str:
    """A model that is named by a folder, by its whole path: encoders work in folders of their
    own.
    """
    folder = Path(model).resolve()
    return (
        str(folder)
        if (folder / TABLES_FILE).is_file() and ModelBundle.find(model).folder == folder
        else model
    )


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


def _command() -> list[str]:
    """The command line, in the words a person would type."""
    program = Path(sys.argv[0]).name if sys.argv else ""
    return ["videocodec" if program in ("videocodec", "__main__.py") else program, *sys.argv[1:]]


def _check_output(output: Path) -> None:
    """A folder of its own, new or of an earlier ladder."""
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file: --output names a folder")
    if output.is_dir() and any(output.iterdir()) and not (output / CACHE).is_dir():
        raise OutputError(f"{output} holds something else than a ladder: name a new folder")
    try:
        (output / CACHE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output} cannot be made: {error.strerror}") from error


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """A context in which no other ladder works in the folder, and which begins with removing what
    those that were killed left half-done. Raises ``OutputError`` if another is at work.  The system
    frees the lock even of a process that was killed.
    """
    with (output / CACHE / _LOCK).open("ab") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"{output}: another ladder is at work in this folder: wait for it, or name"
                    " another"
                ) from None
        for pattern in _LEFT:
            for left in (output / CACHE).glob(pattern):
                (
                    shutil.rmtree(left, ignore_errors=True)
                    if left.is_dir()
                    else left.unlink(missing_ok=True)
                )
        for left in output.glob("*.part[0-9]*"):
            left.unlink(missing_ok=True)
        yield
