"""Frames that are finer or coarser in some regions: the plan of a frame, and a real encode."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.group_structure import Structure, coding_order
from videocodec import encode
from videocodec.decoder.frames import decode_frames
from videocodec.encoder.frame_plan import FramePlan
from videocodec.encoder.importance import USUAL_CLASS, WEIGHTS
from videocodec.encoder.region_frames import RegionFrames
from videocodec.media.source import VideoSource
from videocodec.regions import Region

HEADER = SimpleNamespace(
    format_version=1, block_rows=3, block_columns=4, block_size=16, time_base=Fraction(1, 25)
)
PLAN = FramePlan(60, np.full((3, 4), USUAL_CLASS), coding_order(Structure.KEYFRAME, 1)[0])


def regions_of(*regions: Region) -> RegionFrames:
    return RegionFrames(None, HEADER, regions)  # type: ignore[arg-type]


def test_every_block_that_a_region_touches() -> None:
    frames = regions_of(Region(17, 0, 16, 16, -6), Region(40, 40, 999, 999, 3))
    assert frames.offsets(Fraction(0)).tolist() == [[0, -6, -6, 0], [0] * 4, [0, 0, 3, 3]]


def test_times_and_what_lies_over_another() -> None:
    frames = regions_of(Region(0, 0, 64, 48, 2), Region(0, 0, 16, 16, -4, begin=1.0, end=2.0))
    first = [int(frames.offsets(Fraction(at))[0, 0]) for at in ("0.99", "1", "1.99", "2")]
    assert first == [2, -4, -4, 2]


def test_a_finer_region_makes_the_frame_finer_and_errors_elsewhere_count_less() -> None:
    plan = regions_of(Region(0, 0, 16, 16, -12)).applied(PLAN, 0)
    assert plan.quantiser == 48
    weights = WEIGHTS[plan.classes]
    assert weights[0, 0] == 1
    assert weights.ravel()[1:] == pytest.approx(0.25, rel=0.01)


def test_a_coarser_region_leaves_the_frame_as_it_is() -> None:
    plan = regions_of(Region(0, 0, 16, 16, 6)).applied(PLAN, 0)
    assert plan.quantiser == 60
    assert WEIGHTS[plan.classes][0].tolist() == [0.5, 1, 1, 1]


def test_where_nothing_holds_the_plan_is_the_same() -> None:
    assert regions_of(Region(0, 0, 9, 9, -6, begin=1.0)).applied(PLAN, 24) is PLAN


@pytest.mark.parametrize(("model", "frames"), [("embedded", 4), ("second", 2)])
def test_the_region_gains_and_the_rest_stays(
    tmp_path: Path, write_movie, panned, model: str, frames: int
) -> None:
    clip = write_movie(tmp_path / "clip.mp4", panned(frames, 64, 128, (0, 1)))
    (tmp_path / "roi.json").write_text(
        json.dumps([{"x": 0, "y": 0, "width": 64, "height": 64, "offset": -12}])
    )

    def halves(name: str, **choices: object) -> tuple[float, float, int]:
        """Mean squared error on the left and on the right, and bytes."""
        target = tmp_path / name
        options = {"crf": 44, "preset": "veryfast", "device": "cpu", "model": model}
        report = encode(clip, target, **options, **choices)
        with VideoSource(clip) as source:
            errors = [
                np.square(frame.data.transpose(1, 2, 0).astype(float) - original.rgb)
                for frame, original in zip(decode_frames(target, device="cpu"), source, strict=True)
            ]
        left, right = (
            np.mean([e[:, part] for e in errors]) for part in (slice(64), slice(64, 128))
        )
        return float(left), float(right), report.video_bytes

    left, right, size = halves("plain.mp4")
    finer_left, finer_right, larger = halves("roi.mp4", roi=tmp_path / "roi.json")
    assert finer_left < 0.8 * left
    assert 0.8 * right < finer_right < 1.25 * right
    assert larger > size
