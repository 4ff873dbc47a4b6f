"""Encoder workers as they are with ``jobs``, but in the process of the test: a process of their
own takes seconds to import its libraries.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from itertools import cycle

from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk
from videocodec.encoder.local_workers import LocalWorkers
from videocodec.encoder.workplace import UnitCallback, Workers, Workplace


class PoolHere(Workers):
    """In place of ``WorkerPool``: workers take turns, and everything passes through pickles."""

    def __init__(self, workplace: Workplace, jobs: int) -> None:
        self._workers = [LocalWorkers(pickle.loads(pickle.dumps(workplace))) for _ in range(jobs)]

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        turns = cycle(self._workers)
        for task in tasks:
            if task is not None:
                for _, results in next(turns).run([pickle.loads(pickle.dumps(task))], on_unit):
                    yield task, pickle.loads(pickle.dumps(results))

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
