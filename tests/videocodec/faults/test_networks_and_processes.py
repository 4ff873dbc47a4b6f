"""Networks that fail and processes that are killed: what the person sees is one line, what
stands in the folder afterwards is what stood there before.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from videocodec.models.runtime import AutoencoderRuntime

from .conftest import POSIX_ONLY, QUICK, ROOT, contents, failure

ACCELERATOR_ERROR = getattr(torch, "AcceleratorError", RuntimeError)
ENDS = [
    (MemoryError(), "not enough memory"),
    (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate"
            " memory: ...\nmany\nlines"
        ),
        "not enough",
    ),
    (
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        "not enough memory",
    ),
    (RuntimeError("could not create a primitive"), "not enough memory"),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        "not enough memory",
    ),
]
if ACCELERATOR_ERROR is not RuntimeError:
    ENDS.append(
        (
            ACCELERATOR_ERROR(
                "CUDA error: unspecified launch failure\nCUDA kernel errors might be ...", 719
            ),
            "device cpu failed",
        )
    )


class TestNetworks:
    @pytest.mark.parametrize(
        ("error", "expected"),
        ENDS,
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    @pytest.mark.parametrize("command", ["encode", "decode"])
    def test_that_fail_on_the_way(
        self, coded_movie, folder: Path, command, error, expected, capsys, monkeypatch
    ) -> None:
        """The fifth picture or the third batch of them."""
        calls, name = [], f"_{command}"
        usual = getattr(AutoencoderRuntime, name)

        def failing(self: AutoencoderRuntime, *arguments: object) -> object:
            calls.append(1)
            if len(calls) == 3:
                raise error
            return usual(self, *arguments)

        monkeypatch.setattr(AutoencoderRuntime, name, failing)
        monkeypatch.setattr("videocodec.encoder.prepared_frames.BATCH_PIXELS", 4 * 96 * 64)
        before = contents(folder)
        if command == "encode":
            line = failure(capsys, "encode", coded_movie.movie, folder / "out.lv.mp4", "-y", *QUICK)
        else:
            line = failure(
                capsys, "decode", coded_movie.coded, folder / "out.mp4", "-y", "--device", "cpu"
            )
        assert expected in line and ("smaller video" in line or "still there" in line)
        assert contents(folder) == before

    @pytest.mark.skipif(
        torch.cuda.is_available(), reason="the device that must be missing is there"
    )
    @pytest.mark.parametrize("command", ["encode", "decode"])
    def test_on_a_device_that_is_not_there(
        self, coded_movie, folder: Path, command: str, capsys
    ) -> None:
        before = contents(folder)
        source, target = (
            (coded_movie.movie, "out.lv.mp4")
            if command == "encode"
            else (coded_movie.coded, "out.mp4")
        )
        line = failure(capsys, command, source, folder / target, "-y", "--device", "cuda")
        assert "device cuda is not available" in line and "--device auto" in line
        assert contents(folder) == before


@POSIX_ONLY
@pytest.mark.slow
def test_a_worker_that_the_system_kills(write_movie, panned, folder: Path) -> None:
    """As the kernel does where memory ends: a line that says what to try, nothing that looks
    complete, and something to resume.
    """
    movie = write_movie(folder / "movie.mp4", panned(60, 64, 96, (1, 2)))
    before = contents(folder)
    command = [sys.executable, "-c", _KILLS_A_WORKER, str(movie), str(folder / "out.lv.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 1
    assert (
        "was killed by signal 9" in done.stderr
        and "fewer --jobs" in done.stderr
        and done.stderr.count("\n") == 1
    )
    after = contents(folder)
    assert {
        name: data for name, data in after.items() if not name.startswith("out.lv.mp4.chunks")
    } == before


_KILLS_A_WORKER = """
import os, signal, sys
from videocodec.cli import main
from videocodec.encoder import worker_pool

receive, seen = worker_pool.receive, []

def killing(worker):
    seen.append(worker)
    if len(seen) == 3:
        os.kill(worker.process.pid, signal.SIGKILL)
    return receive(worker)

if __name__ == "__main__":
    worker_pool.receive = killing
    options = "-y --gop-size 8 --preset ultrafast --jobs 2 --device cpu --model embedded".split()
    sys.exit(main(["encode", *sys.argv[1:], *options]))
"""


@POSIX_ONLY
@pytest.mark.slow
def test_kills_and_ctrl_c_at_random_moments() -> None:
    """A few trials of tools/bench/faults.py."""
    from tools.bench.faults import run

    found = run(
        ["encode", "decode"],
        [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        4,
        seed=1,
    )
    assert [line for one in found.values() for line in one.wrong] == []
    assert all(one.trials == 4 for one in found.values())
