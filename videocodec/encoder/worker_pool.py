"""Several processes that code chunks: a task goes to whoever is free first."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait

from ..cores import usable_cores
from ..errors import WorkerError
from .chunk_coder import ChunkTask, CodedChunk, CodedUnit
from .worker_process import no_interrupts, work
from .workplace import UnitCallback, Workers, Workplace

_PATIENCE_SECONDS = 1.0  # that a worker has to end after it was asked to


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    task: ChunkTask | None = None


class WorkerPool(Workers):
    """Worker processes, each on its own way through the source.

    A task goes to whoever is free first.
    """

    def __init__(self, workplace: Workplace, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        # without the tables it has loaded
        workplace = replace(workplace, bundle=replace(workplace.bundle))
        threads = max(1, (workplace.threads or usable_cores()) // jobs)
        self._workers: list[_Worker] = []
        try:
            with no_interrupts():
                for _ in range(jobs):
                    parent_end, child_end = context.Pipe()
                    process = context.Process(
                        target=work,
                        args=(child_end, workplace, threads),
                        name="videocodec encoder",
                        daemon=True,
                    )
                    process.start()
                    child_end.close()
                    self._workers.append(_Worker(process, parent_end))
        except BaseException:
            self.close()
            raise

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
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
                try:
                    task = next(source)
                except StopIteration:
                    more, task = False, None
                if task is not None:
                    ready.append(task)
            elif not ready and all(worker.task is None for worker in self._workers):
                return
            by_connection: dict[object, _Worker] = {
                worker.connection: worker for worker in self._workers
            }
            for connection in wait(
                [worker.connection for worker in self._workers], 0 if thinking else None
            ):
                worker = by_connection[connection]
                message = receive(worker)
                if isinstance(message, CodedUnit):
                    on_unit(message)
                elif isinstance(message, BaseException):
                    raise message
                elif worker.task is not None:
                    done, worker.task = worker.task, None
                    yield done, message

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_PATIENCE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []


def _send(worker: _Worker) -> None:
    try:
        worker.connection.send(worker.task)
    except OSError as error:
        raise _death(worker) from error


def receive(worker: _Worker) -> CodedUnit | tuple[CodedChunk, ...] | BaseException:
    """What a worker sends: a unit that it coded, the results of its task, or why it ends."""
    try:
        message: CodedUnit | tuple[CodedChunk, ...] | BaseException = worker.connection.recv()
    except (EOFError, OSError) as error:
        raise _death(worker) from error
    return message


def _death(worker: _Worker) -> WorkerError:
    worker.process.join(_PATIENCE_SECONDS)
    code = worker.process.exitcode
    if code is not None and code < 0:
        how = f"was killed by signal {-code}: perhaps memory ran out, try fewer --jobs"
    else:
        how = (
            f"ended with status {code}: a script that encodes with jobs must do so under if"
            ' __name__ == "__main__"'
        )
    chunk = worker.task and worker.task.chunk
    place = f" at frames {chunk.first} to {chunk.first + chunk.frames - 1}" if chunk else ""
    return WorkerError(f"an encoder process{place} {how}")
