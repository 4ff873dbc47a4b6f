"""What a sheet looks like: columns, rows, and px that are those of the pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from videocodec.ladder.metrics import Figure
from videocodec.ladder.sheets.drawing import Column, columns, drawn, rule
from videocodec.ladder.sheets.rule import SheetPlan

QUALITY = Figure("ssimulacra2", "SSIMULACRA2", "", True, 2, 100)
LABELS = {"videocodec": "videocodec", "svtav1": "SVT-AV1"}


def record(codec: str, size: int) -> dict:
    return {
        "id": f"pan/{codec}/40k",
        "codec": codec,
        "preset": "5",
        "video_bytes": size,
        "bitrate_bps": 8.0 * size,
        "quality": {"ssimulacra2": {"mean": 50.0}},
        "frames": {"ssimulacra2": [40.0, 50.0, 60.0]},
    }


@pytest.fixture
def plan() -> SheetPlan:
    """Two codecs, of which one took a fifth more."""
    records = record("videocodec", 5000), record("svtav1", 6000)
    return SheetPlan("pan", "40k", records, QUALITY, "svtav1", {0: "worst", 1: "median"})


@pytest.fixture
def shown(plan: SheetPlan, written: Callable) -> list[Column]:
    """Source and two codecs, each of one grey with letters."""
    sources = {index: written("CODEC") for index in (0, 1, 2)}
    darker, lighter = (
        {index: np.clip(picture.astype(int) + change, 0, 255).astype(np.uint8)}
        for change in (-20, 15)
        for index, picture in [(0, sources[0])]
    )
    decoded = [one | {1: one[0]} for one in (darker, lighter)]
    return columns(plan, LABELS, {0: sources[0], 1: sources[1]}, decoded)


def contains(sheet: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture stands somewhere on a sheet, sample for sample."""
    height, width = part.shape[:2]
    rows = np.flatnonzero((sheet == part[0, 0]).all(axis=2).any(axis=1))
    for top in rows[rows <= len(sheet) - height]:
        for left in np.flatnonzero((sheet[top] == part[0, 0]).all(axis=1)):
            if np.array_equal(sheet[top : top + height, left : left + width], part):
                return True
    return False


def test_every_picture_stands_on_it_sample_for_sample(plan: SheetPlan, shown: list[Column]) -> None:
    sheet = drawn(plan, LABELS, shown)
    for column in shown:
        assert contains(sheet, column.pictures[0])


def test_a_crop_is_of_the_same_place_in_all_and_twice_as_large(
    plan: SheetPlan, shown: list[Column]
) -> None:
    from videocodec.ladder.sheets.regions import clamped, regions

    sheet = drawn(plan, LABELS, shown)
    side = 240  # px of the narrowest column
    (region,) = regions(shown[0].pictures[0], side // 2, side * 3 // 8)
    x, y = clamped(region, side // 2, side * 3 // 8, (144, 192))
    for column in shown:
        crop = column.pictures[0][y : y + side * 3 // 8, x : x + side // 2]
        assert contains(sheet, crop.repeat(2, axis=0).repeat(2, axis=1))


def test_a_wide_picture_is_shrunk_by_a_whole_number(
    plan: SheetPlan, shown: list[Column], written: Callable
) -> None:
    narrow = drawn(plan, LABELS, shown)
    wide = [
        Column(
            one.heads,
            one.is_marked,
            {index: np.tile(picture, (1, 8, 1)) for index, picture in one.pictures.items()},
            one.values,
        )
        for one in shown
    ]
    sheet = drawn(plan, LABELS, wide)
    assert sheet.shape[1] == 24 + 3 * (192 * 8 // 3) + 2 * 6
    assert narrow.shape[1] == 24 + 3 * 240 + 2 * 6


def test_heads_state_bytes_and_how_far_they_are_off(plan: SheetPlan, shown: list[Column]) -> None:
    source, own, other = shown
    assert source.heads[0] == "source"
    assert own.heads == ("videocodec, 5, 40k", "5000 bytes, 40.0 kbit/s", "SSIMULACRA2 50.00")
    assert other.heads[1] == "6000 bytes, 48.0 kbit/s (+20 %)"
    assert (own.is_marked, other.is_marked) == (False, True)
    assert own.values == {
        0: "SSIMULACRA2 of this frame 40.00",
        1: "SSIMULACRA2 of this frame 50.00",
    }


def test_the_rule_names_the_codec_and_the_figure(plan: SheetPlan) -> None:
    words = rule(plan, LABELS)
    assert "worst, median and best frame by SSIMULACRA2 of SVT-AV1, the median codec" in words
    assert "nearest in bytes to that of videocodec" in words
