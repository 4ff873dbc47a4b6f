"""Processes of the ladder: they answer, they end with the one that started them, and their death is
an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from videocodec.errors import ProgramError
from videocodec.ladder.clips import Clip
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.files import load_json
from videocodec.ladder.jobs import Job, Rung
from videocodec.ladder.progress import Estimate
from videocodec.ladder.stored import EncodeFile
from videocodec.ladder.workers import Worker

from .conftest import FRAMES


def order(
    clip: Clip, folder: Path, kind: str = "encode", preset: str = "ultrafast"
) -> dict[str, object]:
    job = Job(clip, codec_named("x264"), Rung("crf", 30), preset, 250, 1, "embedded")
    return {"kind": kind, "job": job.to_dict(), "folder": str(folder), "shown": []}


def test_it_does_one_order_after_another(clip: Clip, tmp_path: Path) -> None:
    worker = Worker(1)
    for kind in ("encode", "decode"):
        worker.call(order(clip, tmp_path, kind), kind)
    encoded = load_json(tmp_path / "encode.json", EncodeFile)
    assert len(encoded["frame_bytes"]) == FRAMES
    assert encoded["encode_peak_bytes"] > encoded["idle_bytes"] > 10_000_000
    assert (tmp_path / "decoded.yuv").stat().st_size == clip.reference().size
    assert worker.is_alive
    worker.close()
    assert not worker.is_alive


def test_a_failure_is_its_line_and_the_process_goes_on(clip: Clip, tmp_path: Path) -> None:
    worker = Worker(1)
    with pytest.raises(ProgramError, match="No such file"):
        worker.call(order(clip, tmp_path, "decode"), "decoding")  # nothing was encoded
    worker.call(order(clip, tmp_path), "encoding")
    worker.close()


def test_a_process_that_dies_is_an_error_with_its_signal(clip: Clip, tmp_path: Path) -> None:
    worker = Worker(1)
    threading.Timer(0.05, worker.kill).start()
    with pytest.raises(ProgramError, match="x264 crf 30: the process ended with signal 9"):
        while True:
            worker.call(order(clip, tmp_path, preset="placebo"), "x264 crf 30")
    worker.close()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_it_ends_when_the_ladder_is_gone(clip: Clip, tmp_path: Path) -> None:
    """Its standard input closes in the middle of work."""
    command = [sys.executable, "-m", "videocodec.ladder.task"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        process.stdin.write(json.dumps(order(clip, tmp_path)).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"error": None}
        os.mkfifo(tmp_path / "decoded.yuv")  # whoever opens it waits for frames that never come
        process.stdin.write(json.dumps(order(clip, tmp_path, "decode")).encode() + b"\n")
        process.stdin.flush()
        time.sleep(0.5)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(60) != 0


WAITING = (
    "import itertools, threading, time; from videocodec.ladder.task import Orders; orders ="
    " Orders(); "
)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_orders_that_wait_end_with_the_input_too(taken: int) -> None:
    """Of two orders some are taken up, and the last of these is not answered, or none is."""
    program = WAITING + f"list(itertools.islice(orders, {taken})); time.sleep(300)"
    assert (
        subprocess.run([sys.executable, "-c", program], input=b"{}\n" * 2, timeout=120).returncode
        == 1
    )


def test_with_all_orders_answered_the_end_of_input_is_the_end_of_them() -> None:
    note = "lambda: (lines.join(), print('answered', flush=True))"
    program = (
        "import queue, threading; from videocodec.ladder.task import Orders; lines = queue.Queue();"
        f" [threading.Thread(target={note}, daemon=True).start() for order in Orders(lines)]"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"answered\n"
        process.stdin.close()
        assert process.wait(60) == 0


def test_time_left_counts_what_waits_by_what_it_usually_takes() -> None:
    estimate = Estimate(workers=2)
    assert estimate.seconds_left() is None
    estimate.took["x264"] += [2.0, 4.0]
    estimate.took["x265"] += [10.0]
    estimate.waiting |= {"x264": 3, "x265": 2, "vp9": 1}
    assert estimate.seconds_left() == pytest.approx((3 * 3 + 2 * 10 + 16 / 3) / 2)
