"""tools/bench/between.py: what is put in place of frames left out, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tools.bench.between import OURS, WAYS, better, half_way, made_again, main, tables
from tools.bench.panel_figures import write_lossless
from videocodec import encode
from videocodec.ladder.metrics import Figure
from videocodec.media.source import VideoSource
from videocodec.optical_flow import DenseFlow

FIGURES = [
    Figure("good", "Good", "", higher_is_better=True, decimals=1, perfect=100),
    Figure("bad", "Bad", "", higher_is_better=False, decimals=1, perfect=0),
]


def test_flow_meets_what_lies_half_way(panned: Callable[..., list[np.ndarray]]) -> None:
    before, truth, after = panned(3, 96, 128, (2, 3))
    made = half_way(before, after, DenseFlow(2))
    inside = np.s_[16:-16, 16:-16]
    near, far = (
        np.abs(picture[inside].astype(int) - truth[inside]).mean() for picture in (made, before)
    )
    assert near < 0.3 * far


def test_every_way_makes_a_frame_between_each_two(
    panned: Callable[..., list[np.ndarray]], tmp_path: Path
) -> None:
    write_lossless(tmp_path / "half.mkv", panned(3, 48, 64, (2, 4)))
    coded = tmp_path / "half.lv.mp4"
    encode(
        tmp_path / "half.mkv",
        coded,
        crf=20,
        preset="ultrafast",
        device="cpu",
        threads=1,
        model="embedded",
    )
    kept, between = made_again(coded, 3)
    assert len(kept) == 3 and len(between) == 2
    for number, ways in enumerate(between):
        assert tuple(ways) == WAYS
        assert np.array_equal(ways["repeated"], kept[number])
        others = [ways[way] for way in WAYS[1:]]
        assert all(not np.array_equal(other, kept[number]) for other in others)


def clip(ours: float, others: float, *names: str) -> dict[str, dict[str, float]]:
    """What is found of a clip: every named figure of every way."""
    ways = dict.fromkeys(("coded", *WAYS), others) | {OURS: ours}
    return {way: dict.fromkeys(names, value) for way, value in ways.items()}


def test_what_is_better_is_counted_in_the_direction_of_the_figure() -> None:
    clips = [clip(2, 1, "good", "bad"), clip(3, 1, "good", "bad"), clip(1, 1, "good")]
    found = better(clips, FIGURES)
    assert [row[0] for row in found.rows] == list(WAYS[:-1])
    assert all(row[1:] == ["2 of 3", "0 of 2"] for row in found.rows)


def test_a_figure_that_a_clip_has_not_is_left_out_of_the_mean() -> None:
    found = tables([clip(2, 1, "good", "bad"), clip(4, 1, "good")], FIGURES, ["long", "small"])
    means = {row[0]: row[1:] for row in found["means"].rows}
    assert means[OURS] == [3, 2] and means["coded"] == [1, 1]
    assert len(found["between"].rows) == 2 * (len(WAYS) + 1)
    assert found["between"].rows[-1] == ["small", OURS, 4, None]


def test_a_clip_is_measured_and_its_pictures_are_kept(
    panned: Callable[..., list[np.ndarray]],
    write_movie: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "clips").mkdir()
    write_movie(tmp_path / "clips" / "panned.mp4", panned(5, 48, 64, (2, 4)))
    sheets = tmp_path / "sheets"
    words = f"--clips {tmp_path / 'clips'} --frames 5 --metrics psnr --preset ultrafast --save"
    assert main([*words.split(), str(sheets)]) == 0
    printed = capsys.readouterr().out
    assert "| frames | psnr_yuv |" in printed and "| panned | videocodec |" in printed
    with VideoSource(sheets / "panned.png") as source:
        assert next(iter(source)).rgb.shape == (48, 64 * (len(WAYS) + 1), 3)
