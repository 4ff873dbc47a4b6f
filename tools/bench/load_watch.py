"""What a process holds while it runs, looked at from outside through /proc (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.bench.results import ROOT


@dataclass(frozen=True)
class Sample:
    """What a process held at a time: seconds since its start, MiB resident and of them anonymous
    (the rest are files it has mapped), open file descriptors, threads.
    """

    seconds: float
    resident: float
    anonymous: float
    descriptors: int
    threads: int


def look_at(pid: int, begin: float) -> Sample | None:
    """What a process holds now; None once it is gone."""
    try:
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        resident, anonymous = (int(status[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon"))
    except (OSError, KeyError):
        return None
    return Sample(
        time.monotonic() - begin, resident, anonymous, descriptors, int(status["Threads"])
    )


def watched(arguments: list[str], every: float) -> list[Sample]:
    """Run the program to its end → a sample every so many seconds.

    Raises ``RuntimeError`` if it fails.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "videocodec", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
        )
        begin, samples = time.monotonic(), []
        while process.poll() is None:
            if sample := look_at(process.pid, begin):
                samples.append(sample)
            with suppress(subprocess.TimeoutExpired):
                process.wait(every)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"videocodec {' '.join(arguments)}: status {process.returncode}:"
                f" {errors.read().decode(errors='replace')[-2000:]}"
            )
    return samples


def peaks(samples: list[Sample]) -> tuple[float, float]:
    """Most anonymous MiB in the first and in the second half of a run.

    What leaks makes the latter larger; memory that goes up and down with every group of pictures
    does not, where a line fitted through few looks would rise or fall by chance.
    """
    middle = samples[-1].seconds / 2
    early, late = (
        [s.anonymous for s in samples if (s.seconds > middle) == is_late]
        for is_late in (False, True)
    )
    return max(early), max(late)
