"""Processes of the ladder on a Ray cluster: as those on this machine, wherever there is room."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

from ..cluster import MOST_DEATHS, RayCluster
from ..errors import ProgramError
from .orders import Order
from .workers import Worker


class LadderActor:
    """Has orders done by a process of the ladder on the machine where Ray put it.

    The process is one of its own, so that time and peak memory are those of the work alone; it ends
    with this one.
    worker: that process.
    """

    def __init__(self, threads: int) -> None:
        self.worker = Worker(threads)

    def call(self, order: Order, label: str) -> tuple[str | None, bool]:
        """As ``Worker.call`` → the error, and whether the process can take another order."""
        folder = Path(order["clip"]["folder"] if order["kind"] == "self" else order["folder"])
        if not folder.is_dir():
            error = (
                f"{label}: a machine of the Ray cluster does not see {folder}: give an --output"
                " that all of them see"
            )
            return error, self.worker.is_alive
        try:
            self.worker.call(order, label)
        except ProgramError as error:
            return str(error), self.worker.is_alive
        return None, self.worker.is_alive


class RayWorker:
    """A ``Worker`` somewhere on a Ray cluster, on as many cores as it has threads.

    What a lost machine was at is done again elsewhere.
    """

    def __init__(self, cluster: RayCluster, threads: int) -> None:
        self._ray, self._threads = cluster.ray, threads
        self._actor = self._started()
        self._is_ended = False
        self.is_alive = True

    def call(self, order: Order, label: str) -> None:
        """As ``Worker.call``."""
        if order["kind"] != "self":
            order = copy(order)  # a path that means the same elsewhere
            order["folder"] = str(Path(order["folder"]).resolve())
        for death in range(1, MOST_DEATHS + 1):
            try:
                error, self.is_alive = self._ray.get(self._actor.call.remote(order, label))
                break
            except self._ray.exceptions.RayError as lost:
                if self._is_ended or death == MOST_DEATHS:
                    self.is_alive = False
                    reason = str(lost).strip().partition("\n")[0]
                    raise ProgramError(f"{label}: a worker on Ray was lost: {reason}") from lost
                self._actor = self._started()
        if error is not None:
            raise ProgramError(error)

    def close(self) -> None:
        """End it."""
        self.kill()

    def kill(self) -> None:
        """End it at once; its process notices, and ends with the programs it started."""
        self._is_ended, self.is_alive = True, False
        self._ray.kill(self._actor)

    def _started(self) -> Any:
        """An actor, wherever there is room."""
        return self._ray.remote(num_cpus=self._threads)(LadderActor).remote(self._threads)
