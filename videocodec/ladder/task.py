"""A process of the ladder: ``python -m videocodec.ladder.task``, see ``main``.

Every encode and every decode runs in a process of its own, whose time and peak memory are thus its
own.  The process ends, with all that it started, when its standard input is closed: whatever
happens to the ladder, nothing is left running.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import av

from bitstream.errors import BitstreamError

from ..errors import ProgramError, VideoCodecError
from .clips import Clip, ToRgb, as_frames, resized
from .ffmpeg_program import peak_memory
from .files import write_json
from .jobs import CODED, Job, metric_file
from .memory import peak_of_process
from .metrics import MetricOptions, Pair, all_metrics
from .priority import stay_ordinary


def encode(job: Job, folder: Path) -> None:
    """Encode into `folder` and write ``encode.json`` there."""
    job.clip.path(job.rung.scale)  # made here, if it is not there, and not in the time that counts
    job.codec.warm_up()
    idle = peak_of_process()
    with tempfile.TemporaryDirectory() as work, contextlib.chdir(work), _clock() as clock:
        done = job.codec.encode(job.task(folder / CODED))
    sizes = job.codec.frame_bytes(folder / CODED)
    if len(sizes) != job.clip.frames:
        raise ProgramError(
            f"{job.codec.name} wrote {len(sizes)} frames instead of {job.clip.frames}"
        )
    write_json(
        folder / "encode.json",
        {
            "depends_on": job.depends_on(),
            **asdict(done),
            "video_bytes": sum(sizes),
            "file_bytes": (folder / CODED).stat().st_size,
            "frame_bytes": sizes,
            "encode_seconds": clock.wall,
            "encode_cpu_seconds": clock.cpu,
            "encode_peak_bytes": max(peak_of_process(), peak_memory()),
            "idle_bytes": idle,
        },
    )


def decode(job: Job, folder: Path, shown: list[int]) -> None:
    """Decode into ``decoded.yuv``, at the clip's size, write ``decode.json`` and the pictures to
    show.
    """
    import cv2

    job.codec.warm_up()
    clip, wall, cpu, count = job.clip, 0.0, 0.0, 0
    frames, to_rgb = job.codec.decode(folder / CODED, clip, job.threads, job.model), ToRgb(clip)
    with (folder / "decoded.yuv").open("wb") as file:
        while True:
            with _clock() as clock:
                frame = next(frames, None)
            wall, cpu = wall + clock.wall, cpu + clock.cpu
            if frame is None:
                break
            planes = resized(job.codec.planes(frame, clip), clip.width, clip.height).to_ndarray()
            file.write(planes.tobytes())
            if count in shown:
                picture = folder / f"frame-{count}.part.png"
                cv2.imwrite(str(picture), to_rgb(planes)[..., ::-1])
                picture.replace(folder / f"frame-{count}.png")
            count += 1
    if count != clip.frames:
        raise ProgramError(f"{job.codec.name}: {count} frames came back instead of {clip.frames}")
    write_json(
        folder / "decode.json",
        {"decode_seconds": wall, "decode_cpu_seconds": cpu, "decode_peak_bytes": peak_of_process()},
    )


def measure(clip: Clip, folder: Path, options: MetricOptions, names: list[str]) -> None:
    """Measure ``decoded.yuv`` and write a file for each metric.

    Raises ``ProgramError`` in the end if any failed.
    """
    decoded = folder / "decoded.yuv"
    pair = Pair(
        clip,
        clip.reference(),
        as_frames(decoded, clip),
        Path(clip.folder) / "reference.yuv",
        decoded,
    )
    metrics, failed = all_metrics(options), []
    for metric in (metrics[name] for name in names):
        try:
            series = metric.measure(pair)
        except (VideoCodecError, ValueError, OSError, MemoryError, RuntimeError) as error:
            failed.append(f"{metric.name}: {error}")
            continue
        if any(len(values) != clip.frames for values in series.values()):
            failed.append(
                f"{metric.name}: measured {min(map(len, series.values()))} frames of {clip.frames}"
            )
            continue
        rounded = {
            name: [None if value is None else round(value, 6) for value in values]
            for name, values in series.items()
        }
        write_json(metric_file(folder, metric), rounded)
    if failed:
        raise ProgramError("; ".join(failed))


class _Clock:
    wall = cpu = 0.0


@contextlib.contextmanager
def _clock() -> Iterator[_Clock]:
    """Wall-clock and processor seconds of what is inside, with the programs it ran."""
    clock, wall, cpu = _Clock(), time.monotonic(), _cpu_seconds()
    yield clock
    clock.wall, clock.cpu = time.monotonic() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    return sum(os.times()[:4])  # of this process and of the programs it waited for


class Orders:
    """Lines of standard input, read by a thread so that its end is noticed in the middle of work:
    the process ends with it, unless the caller came back for the next after every order.
    """

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[dict]:
        while (line := self._lines.get()) is not None:
            yield json.loads(line)
            self._lines.task_done()  # the caller is back for the next, so this one is answered

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line)
        # Orders that wait count as well as the one in work: input may end before the first is taken
        # up.
        unanswered = self._lines.unfinished_tasks > 0
        self._lines.put(None)
        if unanswered:
            # The ladder made this process the first of a group of its own: programs it started end
            # too.
            if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
                os.killpg(0, signal.SIGKILL)
            os._exit(1)


def _do(order: dict) -> str | None:
    """What went wrong, in one line, None if nothing did."""
    job, folder = Job.from_dict(order["job"]), Path(order["folder"]).resolve()
    try:
        if order["kind"] == "encode":
            encode(job, folder)
        elif order["kind"] == "decode":
            decode(job, folder, order["shown"])
        else:
            measure(job.clip, folder, MetricOptions(**order["options"]), order["metrics"])
    except (
        VideoCodecError,
        BitstreamError,
        ValueError,
        OSError,
        MemoryError,
        RuntimeError,
    ) as error:
        if os.environ.get("VIDEOCODEC_DEBUG") == "1":
            raise
        return " ".join(f"{error}".split()) or type(error).__name__
    return None


def main() -> None:
    """Do all orders of standard input, one JSON object a line, and answer each with a line on
    standard output.
    """
    stay_ordinary()  # before any thread is started
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # encoders print what they like
    av.logging.set_level(av.logging.ERROR)
    for order in Orders():
        print(json.dumps({"error": _do(order)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
