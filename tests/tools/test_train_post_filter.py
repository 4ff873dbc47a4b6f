"""tools.train.post_filter, the command: trains a filter and puts it into a bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.train import post_filter
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import POST_FILTER
from videocodec.models.post_filter import PostFilter
from videocodec.training.second import pack
from videocodec.training.second.pack import Kind

WEIGHTS = Path(pack.__file__).parent / "weights"


def test_a_filter_is_trained_and_put_into_a_bundle(
    texture: Callable[..., np.ndarray],
    panned: Callable,
    write_movie: Callable,
    lpips_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle, data, clips = tmp_path / "second", tmp_path / "data.pack", tmp_path / "clips"
    shutil.copytree(ModelBundle.find("second").folder, bundle)
    shutil.rmtree(bundle / POST_FILTER, ignore_errors=True)
    pictures = [cv2.GaussianBlur(texture(320, 320, seed), (0, 0), 1.5) for seed in range(2)]
    pack.write([pack.encoded(each, Kind.PHOTOGRAPH, 93) for each in pictures], data)
    clips.mkdir()
    write_movie(clips / "pan.mp4", panned(4, 96, 176, (1, 2)))
    words = {
        "data": data,
        "clips": clips,
        "model": bundle,
        "weights": next(iter(sorted(WEIGHTS.glob("stage-*.safetensors")))),
        "lpips": lpips_weights,
        "run": tmp_path / "run",
        "steps": 2,
        "crops": 2,
        "batch": 2,
        "width": 8,
        "layers": 1,
    }
    arguments = [str(word) for name, value in words.items() for word in (f"--{name}", value)]
    before = ModelBundle.find(bundle).sha256
    post_filter.main([*arguments, "--install"])
    assert "has it as its post-filter" in capsys.readouterr().out
    made = PostFilter.load(bundle)
    assert made is not None and made.layers["last.head"].shape.inputs == 9 * 8
    assert ModelBundle.find(bundle).sha256 == before
    card = (bundle / "README.md").read_text("utf-8")
    assert card.count("| post-filter |") == card.count("| upscaler |") == 1
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[0]["before"] == log[0]["after"] == log[-1]["before"]
    assert log[-1]["steps"] == 2 and log[-1]["after"] != log[-1]["before"]
    # the examples are kept, and what was trained goes on
    post_filter.main([*arguments[: arguments.index("--steps") + 1], "3", *arguments[-8:]])
    assert "3 steps" in capsys.readouterr().out
