"""tools/bench/intra_bounds.py: ceilings of pictures and of a block transform."""

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

torch.set_num_threads(1)
pytest.importorskip("ssimulacra2")  # the picture loader's module measures with it


def test_without_quantisation_the_linear_start_is_the_block_transform(
    run_tool: Callable, texture: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """A codec that begins at the components has their ceiling."""
    picture, codec = texture(192, 192, 0), SecondCodec()
    (tmp_path / "training").mkdir()
    file = tmp_path / "training" / "picture.png"
    cv2.imwrite(str(file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    start_from_principal_components(codec, [picture])
    save_file(codec.state_dict(), str(tmp_path / "weights.safetensors"))
    options = ("--steps", 0.001, 1.2, "--components", 48, 192)
    ran = run_tool(
        "bench.intra_bounds",
        file,
        "--weights",
        tmp_path / "weights.safetensors",
        "--training",
        file.parent,
        *options,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [line.strip("| ").split("|") for line in ran.stdout.splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in line] for line in lines]
    rows = [[float(cell) for cell in row] for row in cells if row[0] in {"0.001", "1.2"}]
    fine, coarse = (row for row in rows if len(row) == 6)
    linear = {(row[0], row[1]): row for row in rows if len(row) == 5}
    assert (
        fine[1] == pytest.approx(fine[4], abs=0.05) == pytest.approx(linear[0.001, 48][3], abs=0.1)
    )
    assert linear[0.001, 192][3] > linear[0.001, 48][3] + 3
    assert coarse[4] < coarse[1] and linear[1.2, 48][2] < linear[0.001, 48][2]
