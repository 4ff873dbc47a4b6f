"""Where a ladder ran, and of which sources."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from ..cores import usable_cores


def machine(workers: int, threads: int) -> dict[str, object]:
    """Where it ran."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "cores_usable": usable_cores(),
        "python": platform.python_version(),
        "jobs": workers,
        "threads_per_encode": threads,
    }


def commit() -> str | None:
    """The commit of this package's sources, with "+" if they differ from it; None if they are not
    in a checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        answers = [
            subprocess.run(
                ["git", "-C", str(root), *words],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return answers[0] + ("+" if answers[1] else "")


def processor() -> str:
    """Its name, as the system says it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
