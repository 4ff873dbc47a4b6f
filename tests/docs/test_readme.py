"""The README: short, and what it shows works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.docs.pages import ROOT, commands

README = ROOT / "README.md"
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_length_and_width() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 100
    shown = [line for line in lines if not line.startswith("<!--")]
    assert not [line for line in shown if len(line) > 120]


def test_make_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = [command.split()[1] for command in commands(README, "make")]
    assert named
    assert set(named) <= set(targets)


def test_python_lines_run(
    tmp_path: Path,
    panned: Callable[..., list[np.ndarray]],
    write_movie: Callable[..., Path],
) -> None:
    """All of them, on a clip of two seconds, and of the frames that they ask for."""
    frames = panned(22, 64, 96, (0, 1))
    write_movie(tmp_path / "clip.mp4", frames, time_base=Fraction(1, 10))
    (block,) = _PYTHON.findall(README.read_text("utf-8"))
    ran = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "clip.lv.mp4", "part.mp4"}
