"""Who codes chunks: this process, or several worker processes.  The results are the same."""

from __future__ import annotations

from .worker_pool import WorkerPool
from .workplace import Workers, Workplace


def start_workers(workplace: Workplace, jobs: int) -> Workers:
    """``jobs`` processes, or none but this one."""
    if jobs > 1:
        return WorkerPool(workplace, jobs)
    from .local_workers import LocalWorkers  # the networks' libraries: where chunks are coded alone

    return LocalWorkers(workplace)
