"""tools.train.inter_v2, bundle_v2 and tools.bench.inter_v2: tables are fitted, clips go through a
file, and a model is made.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videocodec import decode_frames, encode
from videocodec.models.bundle import ModelBundle
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second.start import start_from_principal_components

pytest.importorskip("ssimulacra2")


def test_tables_are_fitted_and_compared(
    texture: Callable[..., np.ndarray],
    write_movie: Callable,
    run_tool: Callable,
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    codec = SecondCodec(SecondShape(channels=4))
    start_from_principal_components(codec, [texture(80, 96, 0)])
    weights, clips = tmp_path / "weights.safetensors", tmp_path / "clips"
    save_file(codec.state_dict(), str(weights))
    clips.mkdir()
    # What comes is not in what was, so that there are levels to fit tables to.
    scenes = [texture(80, 96, seed) for seed in range(3)]
    write_movie(clips / "clip.mp4", np.stack(scenes))
    shared = ("--weights", weights, "--clips", clips, "--channels", 4, "--frames", 3)
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    ran = run_tool("train.inter_v2", *shared, "--output", first, "--steps", 2, "--rounds", 1)
    assert ran.returncode == 0, ran.stderr
    further = ("--output", second, "--tables", first, "--steps", 2, "--rounds", 1)
    ran = run_tool("train.inter_v2", *shared, *further)
    assert ran.returncode == 0, ran.stderr
    assert second.stat().st_size > 0.9 * first.stat().st_size
    about, bundle = tmp_path / "about.md", tmp_path / "tiny"
    about.write_text("# What it saw\n\nNoise.\n", encoding="utf-8")
    made = ("--weights", weights, "--tables", first, "--bundle", bundle, "--about", about)
    for _ in range(2):  # the second in place of the first
        ran = run_tool("train.bundle_v2", *made)
        assert ran.returncode == 0, ran.stderr
    card = (bundle / "README.md").read_text("utf-8")
    assert "## What it saw" in card and ModelBundle.find(bundle).sha256 in card
    encode(clips / "clip.mp4", tmp_path / "a.mp4", model=bundle, threads=1, device="cpu")
    assert len(list(decode_frames(tmp_path / "a.mp4", model=bundle, device="cpu"))) == 3
    shutil.copy(first, second)
    ran = run_tool("bench.inter_v2", *shared, "--tables", first, second, "--crf", 20, 30, 40)
    assert ran.returncode == 0, ran.stderr
    rows = [line.strip("|").split("|") for line in ran.stdout.splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in row] for row in rows]
    figures = [row for row in cells if row[:2] == ["clip", "first"]]
    assert [row[2] for row in figures] == ["20", "30", "40"]
    assert float(figures[0][3]) > float(figures[2][3]) > 0
    assert float(figures[0][4]) > float(figures[2][4])
    assert [row[0] for row in cells[-2:]] == ["clip", "mean"]
    assert cells[-1][1:3] == ["second", "+0.0 %"]
