"""Running the tools as their users do."""

from __future__ import annotations

import contextlib
import importlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch


def _ended(program: Callable[[], int | None]) -> int:
    """Call the ``main`` of a program → its exit status, with what it says at its end on stderr."""
    try:
        status = program()
    except SystemExit as error:
        status = error.code
    if isinstance(status, str):
        print(status, file=sys.stderr)
        return 1
    return status or 0


@pytest.fixture(scope="session")
def run_tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_tool("train.calibrate", *arguments) → as of a finished process, both outputs captured.

    It runs in this process, on one thread: starting another costs seconds, most of them PyTorch's.
    """

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        module, words = f"tools.{name}", [str(argument) for argument in arguments]
        threads = torch.get_num_threads()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(io.StringIO()) as stdout,
            contextlib.redirect_stderr(io.StringIO()) as stderr,
        ):
            patch.setattr(sys, "argv", [f"python -m {module}", *words])
            patch.setenv("OMP_NUM_THREADS", "1")
            torch.set_num_threads(1)
            try:
                status = _ended(importlib.import_module(module).main)
            finally:
                torch.set_num_threads(threads)
        return subprocess.CompletedProcess(words, status, stdout.getvalue(), stderr.getvalue())

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
