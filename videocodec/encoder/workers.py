"""Who codes chunks: this process, or several worker processes.  The results are the same."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import cv2

from bitstream.sequence_header import SequenceHeader

from ..errors import InputError, WorkerError
from ..media.source import SourceFrame, VideoSource
from ..models.bundle import ModelBundle
from .aiming import PictureJudge
from .chunk_coder import ChunkCoder, ChunkTask, CodedChunk, CodedUnit
from .chunks import Chunk

if TYPE_CHECKING:
    from ..models.runtime import AutoencoderRuntime

Told = Callable[[CodedUnit], None]
_PATIENCE = 1.0  # seconds a worker has to end after it was asked to
# A terminal sends these to all: the parent decides what becomes of it, and without a parent a
# worker ends anyway.
_OF_TERMINALS = {getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)}


@dataclass(frozen=True)
class Workplace:
    """What coding chunks of a video takes, beside the chunks.

    memory: bytes of latents that a process may keep for a later pass.  perceptual: weights to judge
    pictures with, if they are to be judged.  threads: CPU threads of all processes together, None
    for as many as the machine has.
    """

    source: Path
    max_frames: int | None
    bundle: ModelBundle
    header: SequenceHeader
    device: str
    threads: int | None
    memory: int
    perceptual: Path | None = None


class Workers(ABC):
    """Codes chunks.  Use it as a context manager."""

    @abstractmethod
    def run(
        self, tasks: Iterable[ChunkTask | None], told: Told
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        """Code all tasks → each with its results, in the order in which they are finished.

        ``tasks`` gives None where it has nothing to do yet and wants to be asked again.  ``told``
        hears of every access unit. Raises what coding raises, and ``WorkerError`` if a process
        dies.
        """

    def close(self) -> None:
        """End at once; nothing that was being coded is finished."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start_workers(workplace: Workplace, jobs: int) -> Workers:
    """``jobs`` processes, or none but this one."""
    return _ThisProcess(workplace) if jobs == 1 else _Pool(workplace, jobs)


class _SourceCursor:
    """Gives the frames of chunks, moving through the source once as long as chunks come in
    order.
    """

    def __init__(self, path: Path, max_frames: int | None) -> None:
        self._path, self._max_frames = path, max_frames
        self._source: VideoSource | None = None
        self._position = 0

    def frames(self, chunk: Chunk) -> Iterator[SourceFrame]:
        if self._source is None or chunk.first < self._position:
            self.close()
            self._source, self._position = VideoSource(self._path, max_frames=self._max_frames), 0
        self._position += self._source.skip(chunk.first - self._position)
        for frame in islice(self._source, chunk.frames):
            self._position += 1
            yield frame
        if self._position < chunk.first + chunk.frames:
            raise InputError(
                f"{self._path}: it was changed while it was being read: leave it alone until it is"
                " encoded"
            )

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None


def _judge(workplace: Workplace, runtime: AutoencoderRuntime) -> PictureJudge | None:
    if workplace.perceptual is None:
        return None
    from ..judges.lpips import LpipsSqueeze
    from ..restoration.diffusion import DiffusionRestoration
    from .judging import PerceptualJudge

    restoration = None
    if workplace.bundle.has_unet:
        restoration = DiffusionRestoration(workplace.bundle, workplace.header, runtime.device)
        # One that takes clips would have to see frames that are not coded yet.
        restoration = None if restoration.takes_clips else restoration
    return PerceptualJudge(
        runtime, workplace.header, LpipsSqueeze(workplace.perceptual), restoration
    )


class _ThisProcess(Workers):
    def __init__(self, workplace: Workplace) -> None:
        from ..models.runtime import AutoencoderRuntime

        runtime = AutoencoderRuntime(workplace.bundle, workplace.device, workplace.threads)
        self._coder = ChunkCoder(
            runtime, workplace.header, workplace.memory, _judge(workplace, runtime)
        )
        self._cursor = _SourceCursor(workplace.source, workplace.max_frames)

    def run(
        self, tasks: Iterable[ChunkTask | None], told: Told
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        for task in tasks:
            if task is not None:
                yield task, self._coder.code(task, self._cursor.frames, told)

    def close(self) -> None:
        self._cursor.close()


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    task: ChunkTask | None = None


class _Pool(Workers):
    """Worker processes, each on its own way through the source.

    A task goes to whoever is free first.
    """

    def __init__(self, workplace: Workplace, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        # without the tables it has loaded
        workplace = replace(workplace, bundle=replace(workplace.bundle))
        threads = max(1, (workplace.threads or _processors()) // jobs)
        self._workers: list[_Worker] = []
        try:
            with _no_interrupts():
                for _ in range(jobs):
                    ours, theirs = context.Pipe()
                    process = context.Process(
                        target=_work,
                        args=(theirs, workplace, threads),
                        name="videocodec encoder",
                        daemon=True,
                    )
                    process.start()
                    theirs.close()
                    self._workers.append(_Worker(process, ours))
        except BaseException:
            self.close()
            raise

    def run(
        self, tasks: Iterable[ChunkTask | None], told: Told
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        source, more = iter(tasks), True
        ready: deque[ChunkTask] = deque()
        while True:
            for worker in self._workers:
                if worker.task is None and ready:
                    worker.task = ready.popleft()
                    _send(worker)
            # Tasks are thought of while others are being coded, but not far ahead of them.
            thinking = more and len(ready) < len(self._workers)
            if thinking:
                task = next(source, _END)
                more = task is not _END
                if task is not None and more:
                    ready.append(task)
            elif not ready and all(worker.task is None for worker in self._workers):
                return
            for heard in wait(
                [worker.connection for worker in self._workers], 0 if thinking else None
            ):
                worker = next(worker for worker in self._workers if worker.connection is heard)
                message = _receive(worker)
                if isinstance(message, CodedUnit):
                    told(message)
                elif isinstance(message, BaseException):
                    raise message
                else:
                    task, worker.task = worker.task, None
                    yield task, message

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []


_END = object()


def _send(worker: _Worker) -> None:
    try:
        worker.connection.send(worker.task)
    except OSError as error:
        raise _death(worker) from error


def _receive(worker: _Worker) -> object:
    try:
        return worker.connection.recv()
    except (EOFError, OSError) as error:
        raise _death(worker) from error


def _death(worker: _Worker) -> WorkerError:
    worker.process.join(_PATIENCE)
    code = worker.process.exitcode
    if code is not None and code < 0:
        how = f"was killed by signal {-code}: perhaps memory ran out, try fewer --jobs"
    else:
        how = (
            f"ended with status {code}: a script that encodes with jobs must do so under if"
            ' __name__ == "__main__"'
        )
    chunk = worker.task and worker.task.chunk
    where = f" at frames {chunk.first} to {chunk.first + chunk.frames - 1}" if chunk else ""
    return WorkerError(f"an encoder process{where} {how}")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes started here never see Ctrl-C or the end of the terminal: this one alone decides
    what becomes of it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts its resource tracker with the first process, and unblocks the signal again once
    # that runs: have it behind us.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, workplace: Workplace, threads: int) -> None:
    """The life of a worker process."""
    for number in _OF_TERMINALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        cv2.setNumThreads(threads)
        with _ThisProcess(replace(workplace, threads=threads)) as desk:
            while True:
                for _, results in desk.run([connection.recv()], connection.send):
                    connection.send(results)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    except BaseException as error:
        connection.send(_portable(error))


def _end_with_parent() -> None:
    """Even if it was killed and could not say good-bye."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """The error as it can be sent to another process."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error) and isinstance(
            error, ValueError | OSError | MemoryError | RuntimeError
        ):
            return error
    except Exception:
        pass
    last = traceback.extract_tb(error.__traceback__)[-1]
    return WorkerError(
        f"an encoder process failed: {type(error).__name__}: {error} ({Path(last.filename).name},"
        f" line {last.lineno})"
    )
