"""Running the tools as their users do."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def run_tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_tool("train.calibrate", *arguments) → the finished process, both outputs captured."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", f"tools.{name}", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def tool_module() -> Callable[[str], ModuleType]:
    """tool_module("train.calibrate") → the tool imported."""
    return lambda name: importlib.import_module(f"tools.{name}")


@pytest.fixture(scope="session")
def picture_folder(
    tmp_path_factory: pytest.TempPathFactory, texture: Callable[..., np.ndarray]
) -> Path:
    """60 pictures of 96 px, three of them of 192 px."""
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(60):
        side = 192 if index % 20 == 0 else 96
        cv2.imwrite(str(folder / f"{index:02d}.png"), texture(side, side + index % 3, index))
    return folder
