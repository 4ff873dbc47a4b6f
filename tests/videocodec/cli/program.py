"""The program run in a process of its own or in this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from videocodec.cli import main

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str | Path, **kwargs: object) -> subprocess.CompletedProcess[str]:
    """Run ``python -m videocodec`` with the arguments."""
    return subprocess.run(
        [sys.executable, "-m", "videocodec", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **kwargs,
    )


def failure(*arguments: str | Path) -> None:
    """Run in this process and expect exit status 1."""
    assert main([str(a) for a in arguments]) == 1


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error that a command fails with."""
    assert main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("videocodec: error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("videocodec: error: ").rstrip("\n")
