"""What a ladder found, put together and written: results.json, results.csv, plots, the report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ..version import __version__
from .analysis import analyse
from .analysis_schema import Analysis
from .clips import Clip
from .files import write_json, write_text
from .machine import commit, machine
from .metrics import Figure, Metric
from .records import not_measured, record, speeds
from .runner import JobOutcome
from .schema import (
    FORMAT,
    CodecEntry,
    LadderResults,
    Record,
    SettingsEntry,
    TargetEntry,
)
from .settings import LadderSettings
from .tables import as_csv

OWN = "videocodec"


@dataclass(frozen=True)
class Findings:
    """A finished run.

    output: its folder.
    clips, settings: what it was asked to do.
    every: all metrics there are.
    chosen: those that were to be measured.
    files: what the user named for them, by the options' names.
    outcomes: of the encodes, in the order of the clips and settings.
    targets: what the searches found.
    shown: how many frames of a clip the report shows.
    workers: processes at a time.
    seconds: it took.
    """

    output: Path
    clips: Sequence[Clip]
    settings: LadderSettings
    every: Mapping[str, Metric]
    chosen: Sequence[Metric]
    files: Mapping[str, str]
    outcomes: Sequence[JobOutcome]
    targets: Sequence[TargetEntry]
    shown: int
    workers: int
    seconds: float

    def results(self) -> LadderResults:
        """As JSON, with what the figures come to."""
        settings = self.settings
        records = [record(one, self.chosen, self.output, self.shown) for one in self.outcomes]
        figures = measured(self.chosen, records)
        names = [metric.name for metric in self.chosen]
        clips = [clip.name for clip in self.clips]
        codecs, asked = self._codecs(), self._settings()
        return {
            "format": FORMAT,
            "command": command_line(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "version": __version__,
            "commit": commit(),
            "machine": machine(self.workers, settings.threads),
            "settings": asked,
            "clips": [
                {**clip.to_dict(), "seconds": clip.seconds, "colour_path": clip.colour_path}
                for clip in self.clips
            ],
            "codecs": codecs,
            "figures": [figure.to_dict() for figure in figures],
            "not_measured": not_measured(
                list(self.every.values()), names, self.clips, self.outcomes
            ),
            "records": records,
            "targets": list(self.targets),
            "speeds": speeds(records, [codec.name for codec in settings.codecs], OWN),
            "analysis": _analysis(records, figures, clips, codecs, asked),
            "sheets": [],
            "notes": _notes(self.clips),
        }

    def _settings(self) -> SettingsEntry:
        settings = self.settings
        perceptual = settings.perceptual and Path(settings.perceptual).name
        return {
            "bitrates": settings.bitrates,
            "crf": dict(settings.crfs),
            "resolutions": settings.resolutions,
            "targets": dict(settings.targets),
            "gop_size": settings.gop_size,
            "max_frames": settings.max_frames,
            "model": settings.model_as_named,
            "reference": settings.reference,
            "below_bps": settings.below,
            "above_bps": settings.above,
            "perceptual": perceptual,
            "metric_files": {name: Path(path).name for name, path in self.files.items()},
        }

    def _codecs(self) -> list[CodecEntry]:
        settings = self.settings
        return [
            {
                "name": codec.name,
                "label": codec.label,
                "preset": settings.preset(codec),
                "tuned_for": codec.tuned_for(settings.model, settings.perceptual is not None),
                "versions": codec.versions(settings.model),
                "decoder_bytes": codec.decoder_bytes(settings.model),
            }
            for codec in settings.codecs
        ]


def measured(metrics: Sequence[Metric], records: Sequence[Record]) -> list[Figure]:
    """The figures of the metrics that any record has."""
    names = {name for one in records for name in one["quality"]}
    return [figure for metric in metrics for figure in metric.figures if figure.name in names]


def analysis_of(results: LadderResults) -> Analysis:
    """What the figures of records come to, by the settings that the results state."""
    return _analysis(
        results["records"],
        [Figure(**values) for values in results["figures"]],
        [clip["name"] for clip in results["clips"]],
        results["codecs"],
        results["settings"],
    )


def _analysis(
    records: Sequence[Record],
    figures: Sequence[Figure],
    clips: Sequence[str],
    codecs: Sequence[CodecEntry],
    settings: SettingsEntry,
) -> Analysis:
    return analyse(
        records,
        clips=clips,
        codecs={codec["name"]: codec["decoder_bytes"] for codec in codecs},
        figures=figures,
        reference=settings["reference"],
        below=settings["below_bps"],
        above=settings["above_bps"],
    )


def write(results: LadderResults, clips: Sequence[Clip], output: Path) -> LadderResults:
    """All files for people and programs, into the folder → the same results."""
    from .report import write_report

    write_json(output / "results.json", results)
    figures = [Figure(**values) for values in results["figures"]]
    write_text(output / "results.csv", as_csv(results["records"], figures))
    if find_spec("matplotlib") is None:
        results["notes"].append("no plots as PNG and SVG: they need the package matplotlib")
    else:
        from .plots import write_plots

        write_plots(results, output / "plots")
    write_report(results, clips, output)
    return results


def _notes(clips: Sequence[Clip]) -> list[str]:
    notes = [f"{clip.name}: {note}" for clip in clips for note in clip.notes]
    if len(sizes := sorted({(clip.width, clip.height) for clip in clips})) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in sizes)
        notes.append(
            f"the clips differ in size ({listed}): the same bitrate means more for a small one;"
            " only BD figures are averaged over clips"
        )
    return notes


def command_line() -> list[str]:
    """The command line, in the words a person would type."""
    program = Path(sys.argv[0]).name if sys.argv else ""
    return ["videocodec" if program in ("videocodec", "__main__.py") else program, *sys.argv[1:]]
