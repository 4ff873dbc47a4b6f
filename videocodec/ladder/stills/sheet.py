"""Contact sheets of a ladder of still pictures: a row for each target, a column for each codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..sheets.drawing import fitting, ground, with_text
from ..sheets.regions import Rgb
from .encodes import read_rgb
from .pictures import StillPicture
from .schema import StillRecord, StillResults
from .tables import value_of

_WIDEST = 256  # px of a column
_GAP, _LINE, _SIZE = 8, 18, 13  # px
_INK, _FAINT = (235, 237, 240), (165, 172, 182)


def write_sheets(
    results: StillResults, sources: Mapping[str, StillPicture], output: Path
) -> list[Path]:
    """``sheets/PICTURE.png`` in the folder for each picture of the results → their paths."""
    folder = output / "sheets"
    folder.mkdir(exist_ok=True)
    paths = []
    for name, source in sources.items():
        paths.append(folder / f"{name}.png")
        drawn = _drawn(results, source, output)
        cv2.imwrite(str(paths[-1]), np.ascontiguousarray(drawn[..., ::-1]))
    return paths


def _drawn(results: StillResults, source: StillPicture, output: Path) -> Rgb:
    by_cell = {
        (one["target"], one["codec"]): one
        for one in results["records"]
        if one["picture"] == source.name and one["error"] is None and one["target"] is not None
    }
    codecs = [codec["name"] for codec in results["codecs"]]
    labels = [codec["label"] for codec in results["codecs"]]
    by = -(-source.size[0] // _WIDEST)
    side = max(_WIDEST, source.size[0] // by)
    across = _GAP + (1 + len(codecs)) * (side + _GAP)
    count = "the coded picture" if results["settings"]["count"] == "picture" else "the whole file"
    rows = [_words([f"{source.name}, bytes of {count}", *labels], side, across, _INK)]
    for target in results["targets"]:
        cells = [by_cell.get((target, codec)) for codec in codecs]
        if not any(cells):
            break
        words = [_caption(results, cell) for cell in cells]
        rows.append(_words([f"{target} bytes at most", *(w[0] for w in words)], side, across, _INK))
        rows.append(_words(["", *(w[1] for w in words)], side, across, _FAINT))
        first = source.rgb if target == results["targets"][0] else None
        pictures = [first, *(cell and _decoded(cell, output) for cell in cells)]
        rows.append(_pictures(pictures, by, side, across, source.size))
    return np.vstack(rows)


def _caption(results: StillResults, record: StillRecord | None) -> tuple[str, str]:
    """Two lines about an encode."""
    if record is None:
        return "none so small", ""
    bytes_of = f"{record['picture_bytes']} B (file {record['file_bytes']})"
    judge = [one for one in results["figures"] if one["name"] == results["judge"]]
    quality = [f"{one['label']} {value_of(record, one)}" for one in judge]
    return bytes_of, ", ".join([f"at {record['width']}x{record['height']}", *quality])


def _decoded(record: StillRecord, output: Path) -> Rgb | None:
    return None if record["decoded"] is None else read_rgb(output / record["decoded"])


def _words(words: Sequence[str], side: int, across: int, ink: tuple[int, int, int]) -> Rgb:
    written = [
        (fitting(word, side), _GAP + place * (side + _GAP), 1, _SIZE, ink)
        for place, word in enumerate(words)
    ]
    return with_text(ground(_LINE, across), written)


def _pictures(
    pictures: Sequence[Rgb | None], by: int, side: int, across: int, size: tuple[int, int]
) -> Rgb:
    width, height = size[0] // by, size[1] // by
    strip = ground(height + _GAP, across)
    for place, rgb in enumerate(pictures):
        if rgb is not None:
            left = _GAP + place * (side + _GAP)
            strip[:height, left : left + width] = cv2.resize(
                rgb, (width, height), interpolation=cv2.INTER_AREA
            )
    return strip
