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
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from bitstream.errors import BitstreamError

from ..errors import ProgramError, VideoCodecError
from .clips import Clip, as_frames
from .codecs.base import DecodedFrame
from .ffmpeg_program import peak_memory
from .files import write_json
from .jobs import CODED, Job, metric_file
from .memory import peak_of_process
from .metrics import Metric, Pair, all_metrics
from .metrics.base import Series
from .orders import Answer, Order
from .planes import ToRgb, resized
from .priority import stay_ordinary
from .stored import DecodeFile, EncodeFile
from .trust import CHECK_VERSION, check_alignment, check_self_score, check_times


def encode(job: Job, folder: Path) -> None:
    """Encode into ``folder`` and write ``encode.json`` there."""
    job.clip.path(job.rung.scale)  # made here, if it is not there, and not in the time that counts
    job.codec.warm_up()
    idle = peak_of_process()
    (folder / CODED).unlink(missing_ok=True)  # of a worker that was lost before it was done
    with tempfile.TemporaryDirectory() as work, contextlib.chdir(work), _clock() as clock:
        done = job.codec.encode(job.task(folder / CODED))
    sizes = job.codec.frame_bytes(folder / CODED)
    if len(sizes) != job.clip.frames:
        raise ProgramError(
            f"{job.codec.name} wrote {len(sizes)} frames instead of {job.clip.frames}"
        )
    encoded: EncodeFile = {
        "depends_on": job.depends_on(),
        "command": done.command,
        "passes": done.passes,
        "crf": done.crf,
        "notes": done.notes,
        "video_bytes": sum(sizes),
        "file_bytes": (folder / CODED).stat().st_size,
        "frame_bytes": sizes,
        "encode_seconds": clock.wall,
        "encode_cpu_seconds": clock.cpu,
        "encode_peak_bytes": max(peak_of_process(), peak_memory()),
        "idle_bytes": idle,
    }
    write_json(folder / "encode.json", encoded)


def decode(job: Job, folder: Path, shown: list[int]) -> None:
    """Decode into ``decoded.yuv``, at the clip's size, write ``decode.json`` and the pictures to
    show.

    Raises ``ProgramError`` for frames that do not lie beside those of the source.
    """
    job.codec.warm_up()
    clip, wall, cpu = job.clip, 0.0, 0.0
    seconds: list[float | None] = []
    frames, to_rgb = job.codec.decode(folder / CODED, clip, job.threads, job.model), ToRgb(clip)
    with (folder / "decoded.yuv").open("wb") as file:
        while True:
            with _clock() as clock:
                frame = next(frames, None)
            wall, cpu = wall + clock.wall, cpu + clock.cpu
            if frame is None:
                break
            planes = _planes(frame, clip)
            file.write(planes.tobytes())
            if len(seconds) in shown:
                _write_picture(folder / f"frame-{len(seconds)}.png", to_rgb(planes))
            seconds.append(frame.seconds)
    check_times(seconds, clip)
    check_alignment(clip.reference(), as_frames(folder / "decoded.yuv", clip), clip)
    decoded: DecodeFile = {
        "decode_seconds": wall,
        "decode_cpu_seconds": cpu,
        "decode_peak_bytes": peak_of_process(),
        "check_version": CHECK_VERSION,
    }
    write_json(folder / "decode.json", decoded)


def show(job: Job, folder: Path, shown: list[int]) -> None:
    """Decode as far as the last frame to show, and write the pictures."""
    job.codec.warm_up()
    clip, to_rgb = job.clip, ToRgb(job.clip)
    frames = job.codec.decode(folder / CODED, clip, job.threads, job.model)
    for index, frame in enumerate(frames):
        if index in shown:
            _write_picture(folder / f"frame-{index}.png", to_rgb(_planes(frame, clip)))
        if index == max(shown):
            break


def _planes(frame: DecodedFrame, clip: Clip) -> npt.NDArray[np.uint8]:
    """Of the clip's size, (H * 3 / 2, W)."""
    return np.asarray(resized(frame.planes(), clip.width, clip.height).to_ndarray(), np.uint8)


def _write_picture(path: Path, rgb: npt.NDArray[np.uint8]) -> None:
    beside = path.with_name(f"{path.stem}.part.png")
    cv2.imwrite(str(beside), rgb[..., ::-1])
    beside.replace(path)


def measure(clip: Clip, folder: Path, files: dict[str, str], names: list[str]) -> None:
    """Measure ``decoded.yuv`` and write a file for each metric.

    files: what the user named for metrics.  Raises ``ProgramError`` in the end if any failed.
    """
    pair, metrics, failed = _pair(clip, folder / "decoded.yuv"), all_metrics(files), []
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
        _write_series(folder, metric, series)
    if failed:
        raise ProgramError("; ".join(failed))


def measure_self(clip: Clip, files: dict[str, str], names: list[str]) -> None:
    """Measure the clip against its own frames, and write a file for each metric that finds it
    perfect.

    Raises ``ComparisonError`` at the first that does not.
    """
    folder, metrics = Path(clip.folder), all_metrics(files)
    pair = _pair(clip, folder / "reference.yuv")
    for metric in (metrics[name] for name in names):
        series = metric.measure(pair)
        check_self_score(metric.figures, series, clip)
        _write_series(folder, metric, series)


def _pair(clip: Clip, distorted: Path) -> Pair:
    reference = Path(clip.folder) / "reference.yuv"
    return Pair(clip, clip.reference(), as_frames(distorted, clip), reference, distorted)


def _write_series(folder: Path, metric: Metric, series: Series) -> None:
    rounded = {
        name: [None if value is None else round(value, 6) for value in values]
        for name, values in series.items()
    }
    write_json(metric_file(folder, metric), rounded)


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

    lines: where they wait; ``task_done`` is called for each that is answered.
    """

    def __init__(self, lines: queue.Queue[str | None] | None = None) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue() if lines is None else lines
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[Order]:
        while (line := self._lines.get()) is not None:
            order: Order = json.loads(line)
            yield order
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


def done(order: Order) -> str | None:
    """Do an order → what went wrong, in one line, None if nothing did."""
    try:
        if order["kind"] == "self":
            measure_self(Clip.from_dict(order["clip"]), order["files"], order["metrics"])
            return None
        job, folder = Job.from_dict(order["job"]), Path(order["folder"]).resolve()
        if order["kind"] == "encode":
            encode(job, folder)
        elif order["kind"] == "measure":
            measure(job.clip, folder, order["files"], order["metrics"])
        elif order["kind"] == "decode":
            decode(job, folder, order["shown"])
        else:
            show(job, folder, order["shown"])
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
        answer: Answer = {"error": done(order)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
