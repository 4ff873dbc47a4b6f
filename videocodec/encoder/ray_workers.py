"""Coding chunks on a Ray cluster, or on a Ray of this machine's own.

Every worker is an actor that codes one chunk at a time.  One that dies is replaced, wherever there
is room, and its chunk is coded again; so a lost machine costs the chunks it was at.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import MissingPackageError, SettingsError, WorkerError
from .chunk_coder import ChunkTask, CodedChunk
from .ray_actor import Provisions, RayActor
from .workplace import UnitCallback, Workers, Workplace

LOCAL_RAY, RAY_ADDRESS = "ray", "ray://"
_MOST_DEATHS = 5  # of one worker in a row, without a chunk between them
_LOOKS_SECONDS = 1.0  # how long Ctrl-C may have to wait
_END = object()


@dataclass
class _Place:
    """A worker: its actor, what it is asked for, and the chunk it has, if any."""

    actor: Any
    answer: Any = None  # of the call that is on
    is_ready: bool = False
    task: ChunkTask | None = None
    deaths: int = 0


class RayWorkers(Workers):
    """``jobs`` actors of so many CPU threads each, with a GPU each where device is ``cuda``.

    executor: ``ray``, for the cluster that the variable RAY_ADDRESS names, or else for a Ray that
    is started here and ends with this object; or ``ray://HOST:PORT``.  Raises
    ``MissingPackageError`` without Ray, ``SettingsError`` where the cluster has no room for a
    worker, and ``WorkerError`` where it cannot be reached.
    """

    def __init__(self, workplace: Workplace, jobs: int, executor: str) -> None:
        self._ray = _imported()
        self._threads = max(1, (workplace.threads or jobs) // jobs)
        self._gpus = int(workplace.device == "cuda")
        self._workplace, self._provisions = workplace, Provisions(workplace)
        self._sent: dict[str, Any] = {}  # what was put into the object store
        self._places: list[_Place] = []
        self._is_ours = not self._ray.is_initialized()
        try:
            if self._is_ours:
                self._start(executor, jobs)
            self._check_room()
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
        ready: deque[ChunkTask] = deque()
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
        if self._is_ours and self._ray.is_initialized():
            self._ray.shutdown()

    def _start(self, executor: str, jobs: int) -> None:
        """Connect, or start a Ray here; signals stay with whoever had them."""
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        with _kept_handlers():
            try:
                self._ray.init(address="auto" if executor == LOCAL_RAY else executor, **quiet)
                return
            except (ConnectionError, RuntimeError, ValueError, ImportError) as error:
                if executor != LOCAL_RAY:
                    said = str(error).strip().partition("\n")[0]
                    raise WorkerError(f"{executor}: no Ray can be reached there: {said}") from error
            cores = max(jobs * self._threads, os.cpu_count() or 1)
            self._ray.init(address="local", num_cpus=cores, include_dashboard=False, **quiet)

    def _check_room(self) -> None:
        """A worker for which no machine has room would be waited for for ever."""
        needed = {"CPU": self._threads, "GPU": self._gpus}
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(
            all(has.get(kind, 0) >= count for kind, count in needed.items()) for has in machines
        ):
            raise SettingsError(
                f"no machine of the Ray cluster has {self._threads} cores"
                + (" and a GPU" if self._gpus else "")
                + " for a worker: take fewer --threads, or another --device"
            )

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
            said = str(cause).strip().partition("\n")[0]
            raise WorkerError(f"a worker on Ray failed: {type(cause).__name__}: {said}") from error
        except exceptions.RayError as error:
            self._replace(place, error)
            return None
        place.answer, place.deaths = None, 0
        if place.is_ready:
            results: tuple[CodedChunk, ...] = answer
            return results
        for name in answer:
            if name not in self._sent:
                self._sent[name] = self._ray.put(self._provisions.content(name))
            place.actor.receive.remote(name, self._sent[name])
        place.is_ready = True
        if place.task is not None:
            place.answer = place.actor.code.remote(place.task)
        return None

    def _replace(self, place: _Place, error: Exception) -> None:
        """Another actor instead of one that died; it gets the chunk that was not finished."""
        place.deaths += 1
        if place.deaths == _MOST_DEATHS:
            chunk = place.task and place.task.chunk
            at = f" at frames {chunk.first} to {chunk.first + chunk.frames - 1}" if chunk else ""
            said = str(error).strip().partition("\n")[0]
            raise WorkerError(
                f"a worker on Ray died {_MOST_DEATHS} times in a row{at} ({said}): perhaps memory"
                " ran out, try fewer --jobs"
            ) from error
        self._ray.kill(place.actor)
        self._occupy(place)


def _imported() -> Any:
    """Ray, which says too much of its types to check by."""
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingPackageError(
            "--executor ray needs Ray: pip install 'videocodec[cluster]'"
        ) from error


@contextmanager
def _kept_handlers() -> Iterator[None]:
    """Ray takes SIGTERM for itself; here it goes on to mean what it meant."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
