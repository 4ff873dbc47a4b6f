"""Makes what a list of jobs lacks, several at a time, each step in a process of its own; what is
finished is never made again.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..errors import ComparisonError, ProgramError, VideoCodecError
from .clips import Clip
from .files import read_json
from .jobs import Job, is_encoded, metric_file, shown_frames
from .metrics import Metric
from .orders import MeasureOrder, Order, PicturesOrder, SelfOrder
from .progress import Estimate, LadderProgress
from .stored import DecodeFile
from .trust import CHECK_VERSION
from .workers import LadderWorker, Worker


@dataclass(frozen=True)
class JobOutcome:
    """What became of a job: its folder, the error that ended it, or the one of metrics that could
    not be measured.
    """

    job: Job
    folder: Path
    error: str | None = None
    metric_error: str | None = None
    seconds: float = 0.0


class Runner:
    """Runs jobs.

    cache: the folder of results.
    metrics: what to measure, those that can be.
    files: what the user named for them, by the options' names.
    shown: how many frames of a clip the report shows.
    workers: how many processes at a time.
    start_worker: starts one, given its threads.
    progress: called at the beginning and after every job, from any thread.
    """

    def __init__(
        self,
        cache: Path,
        metrics: Sequence[Metric],
        files: Mapping[str, str],
        *,
        shown: int,
        workers: int,
        start_worker: Callable[[int], LadderWorker] = Worker,
        progress: Callable[[LadderProgress], None] | None = None,
    ) -> None:
        self._cache, self._metrics, self._files, self._shown, self._workers = (
            cache,
            metrics,
            dict(files),
            shown,
            workers,
        )
        self._start_worker, self._progress = start_worker, progress
        # by clip and key: clips of two names may have the same frames
        self._outcomes: dict[tuple[str, str], JobOutcome] = {}
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard, self._stopped = threading.Lock(), threading.Event()
        self._working: set[LadderWorker] = set()
        self._idle: list[LadderWorker] = []
        self._estimate = Estimate(workers)

    def run(
        self,
        tasks: Sequence[Callable[[], object]],
        expected: Sequence[Job],
        clips: Sequence[Clip],
    ) -> None:
        """Measure every clip against itself, then call all tasks, each of which calls ``finish``
        for its jobs.

        expected: the jobs that are known to come.  On an interruption all processes end, and what
        they had finished stays.  Raises ``ComparisonError`` where a metric finds a clip other than
        itself.
        """
        for job in expected:
            self.expect(job)
        if clips or expected:
            self._report("starting")
        pool = ThreadPoolExecutor(self._workers)
        try:
            checks = [partial(self._check_clip, clip) for clip in clips]
            for several in (checks, tasks):
                futures: list[Future[object]] = [pool.submit(task) for task in several]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
        except BaseException:
            self._stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            self._end_processes()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            while self._idle:
                self._idle.pop().close()

    def expect(self, job: Job, count: int = 1) -> None:
        """Count so many jobs like this one among those to come; fewer than thought, if negative."""
        with self._guard:
            waiting = self._estimate.waiting
            waiting[job.codec.name] = max(0, waiting[job.codec.name] + count)

    def outcomes(self) -> list[JobOutcome]:
        """Of all jobs so far."""
        return list(self._outcomes.values())

    def finish(self, job: Job) -> JobOutcome:
        """Do what the job lacks.  A failure is part of the outcome, not an exception."""
        place = job.clip.name, job.key
        with self._guard:
            lock = self._locks[job.key]
        with lock:
            if place not in self._outcomes:
                begin = time.monotonic()
                outcome = self._made(job)
                with self._guard:
                    self._outcomes[place] = outcome
                    if outcome.seconds:
                        self._estimate.took[job.codec.name].append(time.monotonic() - begin)
            outcome = self._outcomes[place]
            # a search came first upon a rung of the ladder
            if job.sought is None and outcome.job.sought is not None:
                outcome = self._outcomes[place] = replace(outcome, job=job)
            self.expect(job, -1)
            self._report(f"{job.codec.name} {job.rung.label}")
            return outcome

    def pictures(self, job: Job, frames: Sequence[int]) -> dict[int, Path]:
        """Decoded frames of a finished job by their indices, decoded again where they are not kept.

        Raises ``ProgramError``.
        """
        folder = job.folder(self._cache)
        files = {index: folder / f"frame-{index}.png" for index in frames}
        if missing := [index for index, file in files.items() if not file.is_file()]:
            self._process(
                {"kind": "show", "job": job.to_dict(), "folder": str(folder), "shown": missing},
                f"frames of {job.codec.name} {job.rung.label}",
                job.threads,
            )
        return files

    def _made(self, job: Job) -> JobOutcome:
        folder, begin, worked = job.folder(self._cache), time.monotonic(), False
        try:
            if not is_encoded(folder):
                worked = True
                self._encode(job, folder)
            missing = self._not_measured(job.clip, folder)
            complaint = None
            if missing or not self._is_decoded(job, folder):
                worked = True
                complaint = self._decode_and_measure(job, folder, missing)
        except (VideoCodecError, OSError) as error:
            return JobOutcome(job, folder, error=str(error), seconds=time.monotonic() - begin)
        return JobOutcome(
            job, folder, metric_error=complaint, seconds=time.monotonic() - begin if worked else 0.0
        )

    def _check_clip(self, clip: Clip) -> None:
        missing = self._not_measured(clip, Path(clip.folder))
        order: SelfOrder = {
            "kind": "self",
            "clip": clip.to_dict(),
            "metrics": missing,
            "files": self._files,
        }
        try:
            if missing:
                self._process(order, f"measuring {clip.name} against itself", threads=1)
        except ProgramError as error:
            raise ComparisonError(str(error)) from error

    def _encode(self, job: Job, folder: Path) -> None:
        if job.finished is not None:
            raise ProgramError(f"the encode is gone: {folder}")
        if job.clip.frames and min(job.clip.size(job.rung.scale)) < job.codec.smallest_side:
            width, height = job.clip.size(job.rung.scale)
            raise ProgramError(
                f"{job.codec.name} needs {job.codec.smallest_side} px a side or more, and this is"
                f" {width}x{height}"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            self._process(
                {"kind": "encode", "job": job.to_dict(), "folder": str(beside)},
                f"{job.codec.name} {job.rung.label}",
                job.threads,
            )
            beside.chmod(0o755)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _not_measured(self, clip: Clip, folder: Path) -> list[str]:
        possible = (metric for metric in self._metrics if metric.missing(clip) is None)
        return [metric.name for metric in possible if not metric_file(folder, metric).is_file()]

    def _is_decoded(self, job: Job, folder: Path) -> bool:
        pictures = all(
            (folder / f"frame-{index}.png").is_file()
            for index in shown_frames(job.clip, self._shown)
        )
        decoded = read_json(folder / "decode.json", DecodeFile)
        return pictures and decoded is not None and decoded.get("check_version") == CHECK_VERSION

    def _decode_and_measure(self, job: Job, folder: Path, missing: list[str]) -> str | None:
        """What went wrong with metrics, None if nothing did."""
        values, shown = job.to_dict(), shown_frames(job.clip, self._shown)
        task = f"{job.codec.name} {job.rung.label}"
        decode: PicturesOrder = {
            "kind": "decode",
            "job": values,
            "folder": str(folder),
            "shown": shown,
        }
        measure: MeasureOrder = {
            "kind": "measure",
            "job": values,
            "folder": str(folder),
            "metrics": missing,
            "files": self._files,
        }
        try:
            self._process(decode, f"decoding {task}", job.threads)
            if missing:
                try:
                    self._process(measure, f"measuring {task}", job.threads)
                except ProgramError as error:
                    return str(error)
            return None
        finally:
            (folder / "decoded.yuv").unlink(missing_ok=True)

    def _process(self, order: Order, label: str, threads: int) -> None:
        """Have an order done.

        Encodes and decodes have a new process each, since its time and memory are measured; the
        processes that measure quality are kept, since they start slowly.  Raises ``ProgramError``.
        """
        keep = order["kind"] in ("measure", "self")
        with self._guard:
            if self._stopped.is_set():
                raise ProgramError(f"{label}: interrupted")
            worker = self._idle.pop() if keep and self._idle else self._start_worker(threads)
            self._working.add(worker)
        try:
            worker.call(order, label)
        finally:
            with self._guard:
                self._working.discard(worker)
                keep = keep and worker.is_alive and not self._stopped.is_set()
                if keep:
                    self._idle.append(worker)
            if not keep:
                worker.close()

    def _end_processes(self) -> None:
        with self._guard:
            for worker in self._working:
                worker.kill()

    def _report(self, label: str) -> None:
        if self._progress is None:
            return
        with self._guard:
            done, failed = (
                len(self._outcomes),
                sum(one.error is not None for one in self._outcomes.values()),
            )
            total = done + sum(self._estimate.waiting.values())
            now = LadderProgress(done, total, failed, label, self._estimate.seconds_left())
        self._progress(now)
