"""Draws a contact sheet: a column for the source and for each encode, a row for each frame and for
each region of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..schema import Record
from .regions import Rgb, clamped, regions, why_no_faces
from .rule import NEAR, SheetPlan, excess

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

CROP_ZOOM = 2
_WIDEST, _NARROWEST = 640, 240  # px of a column
_GAP, _MARGIN = 6, 12  # px
_SIZE, _LINE = 13, 18  # px of letters and of lines
_GROUND, _INK, _FAINT, _MARKED = (28, 30, 34), (235, 237, 240), (165, 172, 182), (255, 160, 120)
_REST = (
    "faces (the two largest) and text (the row of most letters) found in the source,"
    " else its busiest place"
)


@dataclass(frozen=True)
class Column:
    """One codec, or the source.

    heads: lines above it.  is_marked: whether its bytes are far from those to be matched.
    pictures: index of the frame → (H, W, 3) uint8 RGB.
    values: index → what the judge says of that frame, in words.
    """

    heads: tuple[str, ...]
    is_marked: bool
    pictures: Mapping[int, Rgb]
    values: Mapping[int, str]


def columns(
    plan: SheetPlan,
    labels: Mapping[str, str],
    source: Mapping[int, Rgb],
    decoded: Sequence[Mapping[int, Rgb]],
) -> list[Column]:
    """The source, then the encodes of a plan.

    labels: of the codecs.  source, decoded: pictures by index; of the encodes in the plan's order.
    """
    columns = [Column(("source", "", ""), False, source, {})]
    for record, pictures in zip(plan.records, decoded, strict=True):
        columns.append(_column(plan, record, labels[record["codec"]], pictures))
    return columns


def _column(plan: SheetPlan, record: Record, label: str, pictures: Mapping[int, Rgb]) -> Column:
    figure, ratio = plan.figure, excess(record, plan.records[0])
    taken = f"{record['video_bytes']} bytes, {record['bitrate_bps'] / 1000:.1f} kbit/s"
    if record is not plan.records[0]:
        taken += f" ({100 * (ratio - 1):+.0f} %)"
    mean = record["quality"][figure.name]["mean"]
    rung = record["id"].rpartition("/")[2].replace("_", " ")
    heads = (
        f"{label}, {record['preset']}, {rung}",
        taken,
        f"{figure.label} {mean:.{figure.decimals}f}",
    )
    of_frames = record["frames"][figure.name]
    values = {
        index: f"{figure.label} of this frame {of_frames[index]:.{figure.decimals}f}"
        for index in plan.frames
        if of_frames[index] is not None
    }
    return Column(heads, abs(ratio - 1) > NEAR, pictures, values)


def rule(plan: SheetPlan, labels: Mapping[str, str]) -> str:
    """The rule, in words."""
    first, median = labels[plan.records[0]["codec"]], labels[plan.median]
    return (
        f"By rule: every codec's encode nearest in bytes to that of {first};"
        f" worst, median and best frame by {plan.figure.label} of {median}, the median codec here;"
        f" {_REST}."
    )


def drawn(plan: SheetPlan, labels: Mapping[str, str], shown: Sequence[Column]) -> Rgb:
    """The sheet, (H, W, 3) uint8."""
    height, width = next(iter(shown[0].pictures.values())).shape[:2]
    shrink = -(-width // _WIDEST)
    side = max(_NARROWEST, width // shrink)
    across = 2 * _MARGIN + len(shown) * side + (len(shown) - 1) * _GAP
    text = f"{rule(plan, labels)} {(why_no_faces() or '').capitalize()}".strip()
    strips = [_titles(plan, text, across), _heads(shown, side, across)]
    for index, rank in plan.frames.items():
        name = f"frame {index}, {rank}" + (f", at 1/{shrink}" if shrink > 1 else ", 100 %")
        values = ["", *(column.values.get(index, "") for column in shown[1:])]
        pictures = [_shrunk(column.pictures[index], shrink) for column in shown]
        strips += _row(name, values, pictures, side, across)
        crop = side // CROP_ZOOM, side * 3 // 4 // CROP_ZOOM
        for region in regions(shown[0].pictures[index], *crop):
            x, y = clamped(region, *crop, (height, width))
            parts = [
                _enlarged(column.pictures[index][y : y + crop[1], x : x + crop[0]])
                for column in shown
            ]
            name = f"frame {index}, {region.kind}, {100 * CROP_ZOOM} %"
            strips += _row(name, [""] * len(parts), parts, side, across)
    return np.vstack([*strips, ground(_MARGIN, across)])


def _shrunk(rgb: Rgb, by: int) -> Rgb:
    if by == 1:
        return rgb
    size = rgb.shape[1] // by, rgb.shape[0] // by
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(rgb: Rgb) -> Rgb:
    """Every px as a square: nothing is smoothed."""
    return rgb.repeat(CROP_ZOOM, axis=0).repeat(CROP_ZOOM, axis=1)


def _titles(plan: SheetPlan, text: str, across: int) -> Rgb:
    """The name of the sheet, and the rule."""
    letters = max(40, int((across - 2 * _MARGIN) / _font(_SIZE).getlength("n")))
    lines = textwrap.wrap(text, letters)
    strip = ground(2 * _MARGIN + 24 + _LINE * len(lines), across)
    first = plan.records[0]
    title = f"{plan.clip}, at the bytes of {first['codec']} {plan.rung.replace('_', ' ')}"
    written = [(title, _MARGIN, _MARGIN, 17, _INK)]
    for place, line in enumerate(lines):
        written.append((line, _MARGIN, _MARGIN + 24 + place * _LINE, _SIZE, _FAINT))
    return with_text(strip, written)


def _heads(shown: Sequence[Column], side: int, across: int) -> Rgb:
    count = max(len(column.heads) for column in shown)
    written = [
        (fitting(line, side), left, place * _LINE, _SIZE, _ink(column, place))
        for column, left in zip(shown, _lefts(len(shown), side), strict=True)
        for place, line in enumerate(column.heads)
    ]
    return with_text(ground(count * _LINE + _GAP, across), written)


def _ink(column: Column, line: int) -> tuple[int, int, int]:
    if line == 0:
        return _INK
    return _MARKED if column.is_marked and line == 1 else _FAINT


def _row(
    name: str, values: Sequence[str], pictures: Sequence[Rgb], side: int, across: int
) -> Iterator[Rgb]:
    """A line of words, then the pictures."""
    lefts = _lefts(len(pictures), side)
    words = [name, *values[1:]]
    yield with_text(
        ground(_LINE + 2, across),
        [
            (fitting(word, side), left, 1, _SIZE, _FAINT)
            for word, left in zip(words, lefts, strict=True)
        ],
    )
    strip = ground(pictures[0].shape[0] + _GAP, across)
    for picture, left in zip(pictures, lefts, strict=True):
        strip[: picture.shape[0], left : left + picture.shape[1]] = picture
    yield strip


def _lefts(count: int, side: int) -> list[int]:
    return [_MARGIN + place * (side + _GAP) for place in range(count)]


def ground(height: int, across: int) -> Rgb:
    """An empty strip of a sheet, px."""
    return np.full((height, across, 3), _GROUND, np.uint8)


def fitting(text: str, side: int) -> str:
    """Cut off where it does not fit a column."""
    font = _font(_SIZE)
    while text and font.getlength(text) > side:
        text = text[:-2].rstrip() + "…"
    return text


def with_text(
    strip: Rgb, written: Sequence[tuple[str, int, int, int, tuple[int, int, int]]]
) -> Rgb:
    """A strip with words on it: text, left, top, size, colour."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(strip)
    draw = ImageDraw.Draw(image)
    for text, left, top, size, colour in written:
        draw.text((left, top), text, fill=colour, font=_font(size))
    return np.array(image)


@cache
def _font(size: int) -> FreeTypeFont | ImageFont:
    """DejaVu Sans, which comes with matplotlib and has letters of many scripts; else Pillow's."""
    from PIL import ImageFont as fonts

    if find_spec("matplotlib") is None:
        return fonts.load_default(size=size)
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return fonts.truetype(str(path), size)
