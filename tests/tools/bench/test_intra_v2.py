"""tools/bench/intra_v2.py: a picture and a clip become bytes, and figures beside SVT-AV1's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second.start import start_from_principal_components

pytest.importorskip("ssimulacra2")


@pytest.fixture
def files(
    texture: Callable[..., np.ndarray], panned: Callable, write_movie: Callable, tmp_path: Path
) -> list[Path]:
    """Weights, a picture and a clip."""
    torch.manual_seed(0)
    codec, picture = SecondCodec(), texture(80, 96, 0)
    start_from_principal_components(codec, [picture])
    save_file(codec.state_dict(), str(tmp_path / "weights.safetensors"))
    cv2.imwrite(str(tmp_path / "picture.png"), picture)
    write_movie(tmp_path / "clip.mp4", panned(3, 64, 96, (1, 2)))
    return [tmp_path / name for name in ("weights.safetensors", "picture.png", "clip.mp4")]


def test_tables_are_printed(run_tool: Callable, files: list[Path], lpips_weights: Path) -> None:
    weights, *pictures = files
    rates = ("--quantisers", 34, 58, "--svtav1-crf", 30, 63, "--bpp", 0.6)
    ran = run_tool(
        "bench.intra_v2", *pictures, "--weights", weights, "--lpips", lpips_weights, *rates
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line.strip("|").split("|") for line in ran.stdout.splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in row] for row in rows]
    steps = [row for row in cells if row[0] in {"0.71", "2.83"}]
    assert len(steps) == 2 and float(steps[0][1]) > float(steps[1][1]) > 0
    assert float(steps[0][2]) > float(steps[1][2])
    assert [row[:2] for row in cells[-2:]] == [["0.6", "format 2"], ["0.6", "SVT-AV1 intra"]]


def test_what_is_no_picture_is_named(run_tool: Callable, files: list[Path]) -> None:
    ran = run_tool("bench.intra_v2", files[0], "--weights", files[0], "--no-svtav1")
    assert ran.returncode == 1 and "weights.safetensors: no picture" in ran.stderr
