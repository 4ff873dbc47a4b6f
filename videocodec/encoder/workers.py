"""Who codes chunks: this process, several worker processes, or workers on Ray.

The results are the same.
"""

from __future__ import annotations

from ..cluster import LOCAL
from .worker_pool import WorkerPool
from .workplace import Workers, Workplace


def start_workers(workplace: Workplace, jobs: int, executor: str = LOCAL) -> Workers:
    """``jobs`` processes, or none but this one; or ``jobs`` workers on Ray (``RayWorkers``)."""
    if executor != LOCAL:
        from .ray_workers import RayWorkers

        return RayWorkers(workplace, jobs, executor)
    if jobs > 1:
        return WorkerPool(workplace, jobs)
    from .local_workers import LocalWorkers  # the networks' libraries: where chunks are coded alone

    return LocalWorkers(workplace)
