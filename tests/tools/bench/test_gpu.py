"""The check of an accelerator, its whole path on the CPU with tiny pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.bench import gpu
from tools.bench.gpu_stages import Shape
from tools.bench.results import Results
from videocodec.errors import SettingsError
from videocodec.models.runtime import AutoencoderRuntime


@pytest.mark.parametrize("model", ["second", "embedded"])
def test_it_compares_measures_and_writes(tmp_path: Path, capsys, model: str) -> None:
    file = tmp_path / "gpu.json"
    command = ["--device", "cpu", "--sizes", "48x32", "60x20", "--results", str(file)]
    assert gpu.main([*command, "--model", model]) == 0
    found = Results.from_json(file.read_text())
    equality = {row[0]: row[1] for row in found.tables["equality"].rows}
    assert equality["latents there and back"] == "equal"
    assert float(str(equality["samples of pictures, mean difference"])) == 0
    speeds = found.tables["speed"].rows
    assert [row[:2] for row in speeds if row[1] == 1] == [["48x32", 1], ["60x20", 1]]
    assert all(float(value) > 0 for row in speeds for value in row[2:])
    stages = {row[2] for row in found.tables["stages"].rows}
    assert stages >= {"copy to the device", "network", "colours", "copy back", "encode"}
    assert "latents there and back" in capsys.readouterr().out


def test_what_there_is_no_time_for_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    command = ["--device", "cpu", "--sizes", "16x16", "--seconds", "0", "--results", str(file)]
    assert gpu.main(command) == 0
    found = Results.from_json(file.read_text())
    assert not found.tables["speed"].rows
    assert any("16x16 was left out" in note for note in found.notes)


def test_a_device_that_makes_other_pictures_fails(monkeypatch, capsys) -> None:
    decode, made = AutoencoderRuntime.decode, []

    def wrong(self: AutoencoderRuntime, *arguments: object) -> np.ndarray:
        made.append(self)
        right = decode(self, *arguments)  # type: ignore[arg-type]
        return right if self is made[0] else 255 - right

    monkeypatch.setattr(AutoencoderRuntime, "decode", wrong)
    assert gpu.main(["--device", "cpu", "--sizes", "32x16"]) == 1
    assert "does not make what the CPU makes" in capsys.readouterr().err


def test_it_needs_neither_diffusers_nor_pyav() -> None:
    program = (
        "import sys; sys.modules.update(av=None, diffusers=None);"
        " from tools.bench.gpu import main;"
        " sys.exit(main(['--device', 'cpu', '--sizes', '16x16', '--seconds', '0']))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("text", ["1920", "0x5", "5x", "ax5", "5x5x5"])
def test_sizes_are_width_and_height(text: str) -> None:
    with pytest.raises(SettingsError, match="1920x1080"):
        Shape.parse(text)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_cuda_device_makes_what_the_cpu_makes() -> None:
    assert gpu.main(["--sizes", "512x288", "--seconds", "60"]) == 0
