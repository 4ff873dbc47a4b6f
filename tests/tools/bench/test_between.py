"""tools/bench/between.py: what is put in place of frames left out, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ssimulacra2")

from tools.bench.between import (
    WAYS,
    half_way,
    made_again,
    pictures_of,
    ssimulacra2,
    write_lossless,
)
from videocodec import encode
from videocodec.optical_flow import DenseFlow


def test_what_is_left_is_written_without_loss(
    panned: Callable[..., list[np.ndarray]], tmp_path: Path
) -> None:
    pictures = panned(3, 48, 64, (1, 2))
    write_lossless(tmp_path / "half.mkv", pictures)
    read = pictures_of(tmp_path / "half.mkv", 2)
    assert len(read) == 2
    assert all(np.array_equal(a, b) for a, b in zip(read, pictures, strict=False))


def test_flow_meets_what_lies_half_way(panned: Callable[..., list[np.ndarray]]) -> None:
    before, truth, after = panned(3, 96, 128, (2, 3))
    made = half_way(before, after, DenseFlow(2))
    inside = np.s_[16:-16, 16:-16]
    near, far = (
        np.abs(picture[inside].astype(int) - truth[inside]).mean() for picture in (made, before)
    )
    assert near < 0.3 * far
    assert ssimulacra2(made, truth) > ssimulacra2(before, truth)
    assert ssimulacra2(truth, truth) == pytest.approx(100)


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
