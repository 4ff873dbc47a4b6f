"""Worker processes: that they give what this process gives, what becomes of their errors, and that
none is left behind.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from videocodec.encoder.chunk_coder import ChunkTask, CodingPlan
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import EncoderSettings
from videocodec.encoder.workers import start_workers
from videocodec.encoder.workplace import Workplace
from videocodec.errors import DeviceError, InputError, WorkerError
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle

SETTINGS = EncoderSettings(preset="fast")


@pytest.fixture
def workplace(
    tmp_path: Path, write_movie: Callable[..., Path], panned: Callable[..., list[np.ndarray]]
) -> Callable[..., Workplace]:
    """workplace(device="cpu") → to code 30 frames of 64×48."""
    movie = write_movie(tmp_path / "movie.mp4", panned(30, 48, 64, (0, 1)))
    bundle = ModelBundle.find("embedded")
    with VideoSource(movie) as source:
        header = sequence_header(source, bundle, SETTINGS)
    return lambda device="cpu": Workplace(movie, None, bundle, header, device, 2, 0)


def task(index: int, frames: int = 5) -> ChunkTask:
    return ChunkTask(Chunk(index, 5 * index, frames, False), (CodingPlan(SETTINGS),))


def started() -> list[BaseProcess]:
    """Processes of this one, in the order in which they were started."""
    return sorted(multiprocessing.active_children(), key=lambda child: child.pid or 0)


def test_processes_give_the_bytes_that_this_one_gives_and_their_death_is_an_error(
    workplace,
) -> None:
    tasks = [task(index) for index in range(6)]
    told: list[int] = []
    with start_workers(workplace(), 1) as alone:
        expected = dict(alone.run([None, *tasks], lambda unit: told.append(unit.size)))
        backwards = dict(alone.run(reversed(tasks), lambda unit: None))
    assert list(expected) == tasks and backwards == expected
    heard: list[int] = []
    with start_workers(workplace(), 2) as pool:
        processes = started()
        found = dict(
            pool.run([tasks[0], None, *tasks[1:], None], lambda unit: heard.append(unit.size))
        )
        assert found == expected
        assert sorted(heard) == sorted(told)
        again = pool.run([task(0, 25)], lambda unit: os.kill(processes[0].pid, signal.SIGKILL))
        with pytest.raises(WorkerError, match="frames 0 to 24 was killed by signal 9"):
            dict(again)
    assert not any(process.is_alive() for process in processes)


def test_an_error_in_a_process_is_raised_here_and_ends_the_others(
    workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if __import__("torch").backends.mps.is_available():
        pytest.skip("the device that must be missing is there")
    with start_workers(workplace("mps"), 2) as pool:
        processes = started()
        with pytest.raises(DeviceError, match="mps is not available"):
            dict(pool.run([task(0)], lambda unit: None))
    assert not any(process.is_alive() for process in processes)


def test_a_source_that_lost_frames_meanwhile_is_an_input_error(workplace) -> None:
    with (
        start_workers(workplace(), 1) as alone,
        pytest.raises(InputError, match="was changed while it was being read"),
    ):
        dict(alone.run([task(5, 6)], lambda unit: None))


def test_processes_are_born_deaf_to_ctrl_c_the_first_one_too() -> None:
    """Before they can say so themselves; in a new interpreter, whose first process brings Python's
    resource tracker along.
    """
    script = """
import multiprocessing, signal
from videocodec.encoder.worker_process import no_interrupts

if __name__ == "__main__":
    with no_interrupts():
        process = multiprocessing.get_context("spawn").Process(target=int)
        process.start()
        print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    process.join()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["True", "False"], ran.stderr
