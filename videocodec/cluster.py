"""Where the jobs of an encode or a ladder run: processes on this machine, or workers on Ray."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import Any

from .errors import MissingPackageError, SettingsError, WorkerError

LOCAL = "local"  # processes on this machine
RAY, RAY_ADDRESS = "ray", "ray://"
# Ray gives its workers niceness 15, and they starve beside whatever else the machine does.
AS_OTHERS = {"worker_niceness": 0}
MOST_DEATHS = 5  # of workers at one thing in a row


def check_executor(executor: str) -> None:
    """Raise ``SettingsError`` unless it is ``local``, ``ray`` or ``ray://HOST:PORT``."""
    if executor not in (LOCAL, RAY) and not executor.startswith(RAY_ADDRESS):
        raise SettingsError(f"executor must be local, ray or ray://HOST:PORT, got {executor!r}")


class RayCluster:
    """A connection to Ray.  Use it as a context manager.

    executor: ``ray``, for the cluster that the variable RAY_ADDRESS names, or else the one that
    this machine belongs to, or else a Ray that is started here and ends with this object; or
    ``ray://HOST:PORT``.  A connection that the process has already is used and stays.
    cores: that a Ray which is started here offers at least.
    ray: the package.

    Raises ``MissingPackageError`` without Ray, and ``WorkerError`` where the cluster cannot be
    reached, or does not start.
    """

    def __init__(self, executor: str, cores: int) -> None:
        self.ray: Any = _imported()
        self._is_ours = not self.ray.is_initialized()
        if self._is_ours:
            try:
                self._start(executor, cores)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what was begun here, workers included."""
        if self._is_ours and self.ray.is_initialized():
            self.ray.shutdown()

    @property
    def cores(self) -> int:
        """Of all its machines together."""
        return int(self.ray.cluster_resources().get("CPU", 0))

    def check_room(self, cores: int, gpus: int) -> None:
        """Raise ``SettingsError`` if no machine has room for a worker, which would be waited for
        for ever.
        """
        needed = {"CPU": cores, "GPU": gpus}
        machines = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        if not any(
            all(has.get(kind, 0) >= count for kind, count in needed.items()) for has in machines
        ):
            raise SettingsError(
                f"no machine of the Ray cluster has {cores} cores"
                + (" and a GPU" if gpus else "")
                + " for a worker: take fewer --threads, or another --device"
            )

    def _start(self, executor: str, cores: int) -> None:
        """Connect, or start a Ray here; signals stay with whoever had them."""
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        with _kept_handlers():
            try:
                self.ray.init(address="auto" if executor == RAY else executor, **quiet)
                return
            except (ConnectionError, RuntimeError, ValueError, ImportError) as error:
                if executor != RAY:
                    reason = str(error).strip().partition("\n")[0]
                    raise WorkerError(
                        f"{executor}: no Ray can be reached there: {reason}"
                    ) from error
            self._start_here(max(cores, os.cpu_count() or 1), quiet)

    def _start_here(self, cores: int, quiet: dict[str, Any]) -> None:
        try:
            self.ray.init(
                address="local",
                num_cpus=cores,
                include_dashboard=False,
                _system_config=AS_OTHERS,
                **quiet,
            )
        except Exception as error:  # of any kind: half a minute is all that Ray waits for itself
            reason = str(error).strip().partition("\n")[0]
            raise WorkerError(f"Ray does not start on this machine: {reason}") from error


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
