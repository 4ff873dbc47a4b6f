"""report.html: one file that holds everything it shows, pictures among it, and fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import ComparisonError
from .analysis import codec_curve
from .clips import Clip
from .data_uris import LOSSLESS, PICTURE_BUDGET, QUALITIES, data_uri
from .files import write_text
from .metrics import Figure
from .schema import LadderResults
from .sheets.files import source_pictures

SHEET_BUDGET = 16 << 20  # of all contact sheets
_PAGE = Path(__file__).with_name("page")
_SCRIPTS = ("plot.js", "compare.js", "main.js")
# Figure → clip → codec → "ids" and "hull" → identities of records.
Curves = dict[str, dict[str, dict[str, dict[str, list[str]]]]]
_KEPT = (
    "id",
    "clip",
    "codec",
    "preset",
    "mode",
    "value",
    "scale",
    "width",
    "height",
    "sought",
    "error",
    "command",
    "passes",
    "crf",
    "notes",
    "video_bytes",
    "container_bytes",
    "bitrate_bps",
    "missed",
    "encode_seconds",
    "encode_cpu_seconds",
    "encode_peak_bytes",
    "encode_fps",
    "decode_fps",
    "decode_peak_bytes",
    "frame_bytes",
    "quality",
    "frames",
)


def write_report(results: LadderResults, clips: Sequence[Clip], output: Path) -> Path:
    """The report of a ladder in the folder ``output`` → its path."""
    pictures, kind = _pictures(results, clips, output)
    shown = [
        {name: value for name, value in one.items() if name in _KEPT} for one in results["records"]
    ]
    data = {name: value for name, value in results.items() if name != "records"}
    data |= {
        "records": shown,
        "pictures": pictures,
        "picture_kind": kind,
        "sheet_uris": _sheets(results, output),
        "curves": _curves(results),
    }
    text = (_PAGE / "page.html").read_text(encoding="utf-8")
    parts = {
        "STYLE": (_PAGE / "style.css").read_text(encoding="utf-8"),
        "SCRIPT": "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        # "<" is escaped, so nothing in names or errors can end the script element.
        "DATA": (
            json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
                "<", "\\u003c"
            )
        ),
    }
    for name, part in parts.items():
        before, after = text.split(f"@{name}@")
        text = before + part + after
    path = output / "report.html"
    write_text(path, text)
    return path


def _curves(results: LadderResults) -> Curves:
    """figure → clip → codec → ids of the records on the curve, and of those on the hull."""
    curves: Curves = {}
    for values in results["figures"]:
        for clip in results["clips"]:
            for codec in results["codecs"]:
                curve = codec_curve(
                    results["records"], clip["name"], codec["name"], Figure(**values)
                )
                ids = [record["id"] for record in curve.records]
                of_clip = curves.setdefault(values["name"], {}).setdefault(clip["name"], {})
                of_clip[codec["name"]] = {"ids": ids, "hull": [ids[index] for index in curve.hull]}
    return curves


def _pictures(
    results: LadderResults, clips: Sequence[Clip], output: Path
) -> tuple[dict[str, dict[str, str]], str]:
    """Record, or "source/CLIP" → index of the frame → data URI; and how they are stored.

    The best quality that fits the budget; with more than fits even then, fewer frames.
    """
    raw = {
        one["id"]: {index: output / path for index, path in one["pictures"].items()}
        for one in results["records"]
        if one["pictures"]
    }
    wanted = {
        clip.name: sorted(
            {
                int(i)
                for one in results["records"]
                if one["clip"] == clip.name
                for i in one["pictures"]
            }
        )
        for clip in clips
    }
    sources = {
        f"source/{clip.name}": {
            str(index): np.ascontiguousarray(rgb[..., ::-1])
            for index, rgb in source_pictures(clip, wanted[clip.name]).items()
        }
        for clip in clips
    }
    loaded = sources | {
        name: {index: _read(path) for index, path in of.items()} for name, of in raw.items()
    }
    while True:
        for quality in QUALITIES:
            stored = {
                name: {index: data_uri(bgr, quality) for index, bgr in of.items()}
                for name, of in loaded.items()
            }
            if sum(len(uri) for of in stored.values() for uri in of.values()) <= PICTURE_BUDGET:
                return (
                    stored,
                    "without loss" if quality == LOSSLESS else f"as WebP of quality {quality}",
                )
        if all(len(of) <= 1 for of in loaded.values()):
            return {name: {} for name in loaded}, "not at all: they would not fit"
        loaded = {
            name: dict(list(of.items())[: max(1, len(of) // 2)]) for name, of in loaded.items()
        }


def _sheets(results: LadderResults, output: Path) -> dict[str, str]:
    """File of a contact sheet → data URI, at the best quality at which all fit; none otherwise."""
    sheets = {entry["file"]: _read(output / entry["file"]) for entry in results["sheets"]}
    for quality in QUALITIES[1:]:
        stored = {file: data_uri(bgr, quality) for file, bgr in sheets.items()}
        if sum(map(len, stored.values())) <= SHEET_BUDGET:
            return stored
    return {}


def _read(path: Path) -> npt.NDArray[np.uint8]:
    """A picture, BGR.  Raises ``ComparisonError`` where there is none."""
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise ComparisonError(f"{path}: no picture")
    return np.asarray(bgr, np.uint8)
