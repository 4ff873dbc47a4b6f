"""What a ladder of still pictures found, put together and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...version import __version__
from ..files import write_json, write_text
from ..machine import commit, machine
from ..metrics import Figure, Metric
from ..records import NOT_ASKED_FOR
from ..results import command_line
from ..schema import NotMeasured
from .codecs import StillCodec
from .encodes import StillEncode, StillEncodes
from .pictures import StillPicture
from .report import write_report
from .schema import FORMAT, StillRecord, StillResults, StillSettingsEntry
from .sheet import write_sheets
from .tables import as_csv


@dataclass(frozen=True)
class StillFindings:
    """A finished run.

    output: its folder.
    pictures, codecs, settings: what it was asked to do.
    every, chosen: all metrics of pictures, and those that were to be measured.
    judge: the figure that decided between sizes.
    records: of the encodes.
    versions_model: the bundle that versions are of.
    notes: a line each.
    threads: of each encode.  seconds: it took.
    """

    output: Path
    pictures: Sequence[StillPicture]
    codecs: Sequence[StillCodec]
    every: Sequence[Metric]
    chosen: Sequence[Metric]
    judge: Figure | None
    records: Sequence[StillRecord]
    settings: StillSettingsEntry
    versions_model: str
    notes: Sequence[str]
    threads: int
    seconds: float

    def results(self) -> StillResults:
        """As JSON."""
        targets = [one["target"] for one in self.records if one["target"] is not None]
        measured = {name for one in self.records for name in one["quality"]}
        return {
            "format": FORMAT,
            "kind": "stills",
            "command": command_line(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "version": __version__,
            "commit": commit(),
            "machine": machine(1, self.threads),
            "settings": self.settings,
            "targets": sorted(set(targets), reverse=True),
            "judge": None if self.judge is None else self.judge.name,
            "pictures": [
                {
                    "name": picture.name,
                    "source": picture.source,
                    "sha256": picture.sha256,
                    "width": picture.size[0],
                    "height": picture.size[1],
                    "notes": list(picture.notes),
                }
                for picture in self.pictures
            ],
            "codecs": [
                {
                    "name": codec.name,
                    "label": codec.label,
                    "setting_name": codec.setting_name,
                    "counted": codec.counted,
                    "versions": codec.versions(self.versions_model),
                }
                for codec in self.codecs
            ],
            "figures": [
                figure.to_dict()
                for metric in self.chosen
                for figure in metric.figures
                if figure.name in measured
            ],
            "not_measured": self._not_measured(),
            "records": list(self.records),
            "notes": list(self.notes)
            + [f"{picture.name}: {note}" for picture in self.pictures for note in picture.notes],
        }

    def _not_measured(self) -> list[NotMeasured]:
        missing: list[NotMeasured] = []
        for metric in self.every:
            everywhere = metric.missing() if metric in self.chosen else NOT_ASKED_FOR
            if everywhere is not None:
                missing.append({"metric": metric.name, "clip": None, "reason": everywhere})
                continue
            for picture in self.pictures:
                if (reason := metric.missing(picture.as_clip())) is not None:
                    missing.append({"metric": metric.name, "clip": picture.name, "reason": reason})
        return missing


def record(
    picture: StillPicture,
    encodes: StillEncodes,
    encode: StillEncode,
    target: int | None,
    root: Path,
) -> StillRecord:
    """One encode, decoded and measured, for a target, or (None) as the smallest; paths relative to
    ``root``.
    """
    shown = encodes.shown(encode)
    width, height = encodes.coded_size(encode.share)
    return _head(picture, encodes.codec, target) | {
        "setting": encode.setting,
        "resolution": encode.share,
        "width": width,
        "height": height,
        "picture_bytes": encode.picture_bytes,
        "file_bytes": encode.file_bytes,
        "provenance": shown.provenance,
        "quality": shown.quality,
        "coded": encodes.file(encode.folder).relative_to(root).as_posix(),
        "decoded": shown.decoded.relative_to(root).as_posix(),
    }


def failed(picture: StillPicture, codec: StillCodec, error: str) -> StillRecord:
    """What stands for a codec that failed on a picture."""
    return _head(picture, codec, None) | {"error": error}


def _head(picture: StillPicture, codec: StillCodec, target: int | None) -> StillRecord:
    rung = "smallest" if target is None else f"{target}"
    return {
        "id": f"{picture.name}/{codec.name}/{rung}",
        "picture": picture.name,
        "codec": codec.name,
        "target": target,
        "error": None,
        "setting": None,
        "resolution": None,
        "width": None,
        "height": None,
        "picture_bytes": None,
        "file_bytes": None,
        "provenance": None,
        "quality": {},
        "coded": None,
        "decoded": None,
    }


def write(results: StillResults, pictures: Sequence[StillPicture], output: Path) -> StillResults:
    """All files for people and programs, into the folder → the same results."""
    write_json(output / "results.json", results)
    write_text(output / "results.csv", as_csv(results))
    sources: Mapping[str, StillPicture] = {picture.name: picture for picture in pictures}
    write_sheets(results, sources, output)
    write_report(results, sources, output)
    return results
