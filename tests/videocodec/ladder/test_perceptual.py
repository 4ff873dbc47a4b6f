"""A ladder whose encoder looks through weights while it encodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from videocodec.ladder.api import ladder

from .conftest import QUICK

pytestmark = pytest.mark.usefixtures("orders_here")


def test_this_codec_may_look_through_weights_and_others_do_not(
    clip_path: Path, lpips_weights: Path, tmp_path: Path
) -> None:
    quick = QUICK | {
        "codecs": ("videocodec", "x264"),
        "crf": (50,),
        "model": "embedded",
        "presets": {"videocodec": "medium", "x264": "ultrafast"},
    }
    plain, judged = (
        ladder([clip_path], tmp_path / "out", **quick, max_frames=3, perceptual=path)
        for path in (None, lpips_weights)
    )
    assert (plain["settings"]["perceptual"], judged["settings"]["perceptual"]) == (
        None,
        lpips_weights.name,
    )
    for results, looks in ((plain, False), (judged, True)):
        ours, theirs = results["records"]
        assert (
            ours["error"] is None and (f"--perceptual={lpips_weights}" in ours["command"]) == looks
        )
        assert "perceptual" not in theirs["command"]
    assert plain["records"][0]["key"] != judged["records"][0]["key"]
    assert plain["records"][1]["key"] == judged["records"][1]["key"]
