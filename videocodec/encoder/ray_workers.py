"""Coding chunks on a Ray cluster, or on a Ray of this machine's own.

Every worker is an actor that codes one chunk at a time.  One that dies is replaced, wherever there
is room, and whoever is free first codes its chunk again; so a lost machine costs the chunks it was
at.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..cluster import MOST_DEATHS, RayCluster
from ..errors import WorkerError
from .chunk_coder import ChunkTask, CodedChunk
from .ray_actor import Provisions, RayActor
from .workplace import UnitCallback, Workers, Workplace

_LOOKS_SECONDS = 1.0  # how long Ctrl-C may have to wait
_END = object()


@dataclass
class _Place:
    """A worker: its actor, what it is asked for, the chunk it has, if any, and how often in a row
    it died before it had one.
    """

    actor: Any
    answer: Any = None  # of the call that is on
    is_ready: bool = False
    task: ChunkTask | None = None
    deaths: int = 0


class RayWorkers(Workers):
    """``jobs`` actors of so many CPU threads each, with a GPU each where device is ``cuda``.

    executor: as of ``RayCluster``.  Raises what that raises, and ``SettingsError`` where the
    cluster has no room for a worker.
    """

    def __init__(self, workplace: Workplace, jobs: int, executor: str) -> None:
        self._threads = max(1, (workplace.threads or jobs) // jobs)
        self._gpus = int(workplace.device == "cuda")
        self._workplace, self._provisions = workplace, Provisions(workplace)
        self._sent: dict[str, Any] = {}  # what was put into the object store
        self._places: list[_Place] = []
        self._ready: deque[ChunkTask] = deque()  # tasks that no worker has yet
        self._deaths: Counter[ChunkTask] = Counter()  # of workers, by what they were at
        self._cluster = RayCluster(executor, jobs * self._threads)
        self._ray = self._cluster.ray
        try:
            self._cluster.check_room(self._threads, self._gpus)
            self._places = [_Place(None) for _ in range(jobs)]
            for place in self._places:
                self._occupy(place)
        except BaseException:
            self.close()
            raise

    def run(
        self, tasks: Iterable[ChunkTask | None], on_unit: UnitCallback
    ) -> Iterator[tuple[ChunkTask, tuple[CodedChunk, ...]]]:
        source, more = iter(tasks), True
        ready = self._ready
        ready.clear()
        self._deaths.clear()
        while True:
            for place in self._places:
                if place.is_ready and place.task is None and ready:
                    place.task = ready.popleft()
                    place.answer = place.actor.code.remote(place.task)
            thinking = more and len(ready) < len(self._places)
            if thinking:
                task = next(source, _END)
                more = task is not _END
                if isinstance(task, ChunkTask):
                    ready.append(task)
            elif not ready and all(place.task is None for place in self._places):
                return
            for place in self._answered(0 if thinking else _LOOKS_SECONDS):
                results = self._result(place)
                if results is not None and place.task is not None:
                    task, place.task = place.task, None
                    for unit in results[0].units:
                        on_unit(unit)
                    yield task, results

    def close(self) -> None:
        for place in self._places:
            if place.actor is not None:
                self._ray.kill(place.actor)
        self._places = []
        self._cluster.close()

    def _occupy(self, place: _Place) -> None:
        """Put a new actor there, and ask it what it lacks."""
        described = self._ray.remote(num_cpus=self._threads, num_gpus=self._gpus)(RayActor)
        place.actor = described.remote(self._workplace, self._threads, self._provisions.identities)
        place.answer, place.is_ready = place.actor.lacks.remote(), False

    def _answered(self, seconds: float) -> list[_Place]:
        """The workers whose call has an answer; waits for the first one for so long."""
        by_answer = {place.answer: place for place in self._places if place.answer is not None}
        if not by_answer:
            return []
        done, _ = self._ray.wait(list(by_answer), num_returns=1, timeout=seconds)
        return [by_answer[answer] for answer in done]

    def _result(self, place: _Place) -> tuple[CodedChunk, ...] | None:
        """The answer to a call: a chunk, or None where the worker was new or had died."""
        exceptions = self._ray.exceptions
        try:
            answer = self._ray.get(place.answer)
        except exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, ValueError | OSError | MemoryError | RuntimeError):
                raise cause from None
            reason = str(cause).strip().partition("\n")[0]
            raise WorkerError(
                f"a worker on Ray failed: {type(cause).__name__}: {reason}"
            ) from error
        except exceptions.RayError as error:
            self._replace(place, error)
            return None
        place.answer = None
        if place.is_ready:
            results: tuple[CodedChunk, ...] = answer
            return results
        for name in answer:
            if name not in self._sent:
                self._sent[name] = self._ray.put(self._provisions.content(name))
            place.actor.receive.remote(name, self._sent[name])
        place.is_ready, place.deaths = True, 0
        return None

    def _replace(self, place: _Place, error: Exception) -> None:
        """Another actor instead of one that died; whoever is free first gets the chunk that was not
        finished.
        """
        task, place.task = place.task, None
        if task is None:
            place.deaths += 1
            deaths, at = place.deaths, ""
        else:
            self._ready.appendleft(task)
            self._deaths[task] += 1
            deaths, chunk = self._deaths[task], task.chunk
            at = f" at frames {chunk.first} to {chunk.first + chunk.frames - 1}"
        if deaths == MOST_DEATHS:
            reason = str(error).strip().partition("\n")[0]
            raise WorkerError(
                f"workers on Ray died {MOST_DEATHS} times in a row{at} ({reason}): perhaps memory"
                " ran out, try fewer --jobs"
            ) from error
        self._ray.kill(place.actor)
        self._occupy(place)
