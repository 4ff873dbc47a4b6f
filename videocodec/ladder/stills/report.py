"""report.html of a ladder of still pictures: one file that holds every picture it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import cv2
import numpy as np

from ..data_uris import LOSSLESS, PICTURE_BUDGET, QUALITIES, data_uri
from ..files import write_text
from .codecs import Rgb
from .encodes import read_rgb
from .pictures import StillPicture
from .schema import StillRecord, StillResults
from .tables import value_of

_PAGE = Path(__file__).parents[1] / "page"
_SHOWN_SIDE = 512  # px that pictures of the page have at most


def write_report(results: StillResults, sources: Mapping[str, StillPicture], output: Path) -> Path:
    """The report in the folder ``output`` → its path."""
    pictures, quality = _uris(results, sources, output)
    parts = {
        "STYLE": (_PAGE / "style.css").read_text(encoding="utf-8"),
        "SUMMARY": escape(_summary(results, quality)),
        "BODY": "\n".join([*_sections(results, pictures), *_made(results)]),
    }
    text = (_PAGE / "stills.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        before, after = text.split(f"@{name}@")
        text = before + part + after
    path = output / "report.html"
    write_text(path, text)
    return path


def _uris(
    results: StillResults, sources: Mapping[str, StillPicture], output: Path
) -> tuple[dict[str, str], int]:
    """Identity of a record, or name of a picture → data URI; and the quality they have as WebP."""
    shown = {name: _small(source.rgb) for name, source in sources.items()}
    for one in results["records"]:
        if one["decoded"] is not None:
            shown[one["id"]] = _small(read_rgb(output / one["decoded"]))
    for quality in QUALITIES:
        uris = {name: data_uri(bgr, quality) for name, bgr in shown.items()}
        if sum(map(len, uris.values())) <= PICTURE_BUDGET:
            break
    return uris, quality


def _small(rgb: Rgb) -> Rgb:
    """As OpenCV has it, blue first, and no larger than is shown."""
    by = max(1.0, max(rgb.shape[:2]) / _SHOWN_SIDE)
    size = round(rgb.shape[1] / by), round(rgb.shape[0] / by)
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    if by == 1:
        return bgr
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _summary(results: StillResults, quality: int) -> str:
    counted = "the coded picture" if results["settings"]["count"] == "picture" else "the whole file"
    judge = next(
        (one["label"] for one in results["figures"] if one["name"] == results["judge"]), None
    )
    chosen = f"of the sizes that fit, the best by {judge}" if judge else "the largest that fits"
    kept = "without loss" if quality == LOSSLESS else f"as WebP of quality {quality}"
    return (
        f"Bytes are those of {counted}, halved from row to row. Every codec shows {chosen}."
        f" Hold a picture to see its source. Pictures are kept {kept}."
    )


def _sections(results: StillResults, uris: Mapping[str, str]) -> Iterator[str]:
    heads = "".join(f"<th>{escape(codec['label'])}</th>" for codec in results["codecs"])
    for picture in results["pictures"]:
        name = picture["name"]
        yield f"<section><h2>{escape(name)}, {picture['width']}x{picture['height']}</h2>"
        yield f'<img id="source-{escape(name)}" alt="source" src="{uris[name]}">'
        yield f'<div class="scroll"><table class="stills"><tr><th></th>{heads}</tr>'
        of_picture = [one for one in results["records"] if one["picture"] == name]
        for target in [*results["targets"], None]:
            cells = [
                _cell(results, of_picture, codec["name"], target, uris)
                for codec in results["codecs"]
            ]
            head = "smallest" if target is None else f"{target} B"
            yield f"<tr><th>{head}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        yield "</table></div></section>"


def _cell(
    results: StillResults,
    records: list[StillRecord],
    codec: str,
    target: int | None,
    uris: Mapping[str, str],
) -> str:
    of_codec = [one for one in records if one["codec"] == codec]
    if (error := next((one["error"] for one in of_codec if one["error"]), None)) is not None:
        return f'<span class="bad">{escape(error)}</span>'
    record = next((one for one in of_codec if one["target"] == target), None)
    if record is None:
        return '<span class="faint">none so small</span>'
    name = next(one["setting_name"] for one in results["codecs"] if one["name"] == codec)
    figures = ", ".join(
        f"{figure['label']} {value_of(record, figure)}"
        for figure in results["figures"]
        if figure["name"] in record["quality"]
    )
    share = record["resolution"] or 0
    lines = [
        f"<b>{record['picture_bytes']} B</b>, whole file {record['file_bytes']} B",
        f"coded at {record['width']}x{record['height']} ({100 * share**2:.3g} % of the pixels),"
        f" {name} {record['setting']:g}",
        escape(figures),
        escape(_provenance(record)),
    ]
    source = f"source-{escape(record['picture'])}"
    image = f'<img alt="{escape(record["id"])}" data-source="{source}" src="{uris[record["id"]]}">'
    return image + "".join(f'<div class="faint">{line}</div>' for line in lines if line)


def _provenance(record: StillRecord) -> str:
    """Shares of what is sent and made up; nothing for codecs without."""
    shares = (record["provenance"] or {}).items()
    return ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in shares if kind != "concealed")


def _made(results: StillResults) -> Iterator[str]:
    yield '<section id="made"><h2>How it was made</h2><ul>'
    yield f"<li>{escape(' '.join(results['command']))}</li>"
    yield (
        f"<li>{escape(results['created'])}, version {escape(results['version'])}, commit"
        f" {escape(results['commit'] or 'unknown')}, {results['seconds']} s, model"
        f" {escape(results['settings']['model'])}</li>"
    )
    for codec in results["codecs"]:
        versions = ", ".join(f"{name} {value}" for name, value in codec["versions"].items())
        yield (
            f"<li>{escape(codec['label'])}: its bytes are {escape(codec['counted'])};"
            f" {escape(versions)}</li>"
        )
    for missing in results["not_measured"]:
        yield f"<li>not measured: {escape(missing['metric'])}: {escape(missing['reason'])}</li>"
    yield from (f"<li>{escape(note)}</li>" for note in results["notes"])
    yield "</ul></section>"
