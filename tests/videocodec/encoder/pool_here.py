"""Encoder workers as they are with ``jobs``, but in the process of the test: a process of their
own takes seconds to import its libraries.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator

from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk
from videocodec.encoder.local_workers import LocalWorkers
from videocodec.encoder.workplace import UnitCallback, Workers, Workplace


class PoolHere(Workers):
    """In place of ``WorkerPool``: everything passes through pickles, workers take turns, and of as
    many tasks as there are workers the last is finished first.
    """

    def __init__(self, workplace: Workplace, jobs: int) -> None:
        self._workers = [LocalWorkers(pickle.loads(pickle.dumps(workplace))) for _ in range(jobs)]

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        ready: list[ChunkTask] = []
        for task in tasks:
            if task is not None:
                ready.append(task)
            if task is None or len(ready) == len(self._workers):
                yield from self._code(ready, on_unit)
                ready = []
        yield from self._code(ready, on_unit)

    def _code(
        self, tasks: list[ChunkTask], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        for worker, task in reversed(list(zip(self._workers, tasks, strict=False))):
            for _, results in worker.run([pickle.loads(pickle.dumps(task))], on_unit):
                yield task, pickle.loads(pickle.dumps(results))

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
