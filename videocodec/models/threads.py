"""How many threads of the CPU networks take."""

from __future__ import annotations

import torch

from ..checks import check_whole_number
from ..forking import forked_after_pytorch


def set_threads(threads: int | None) -> None:
    """CPU threads of the networks, at least 1; None leaves them as they are.

    A process-wide setting of PyTorch.  A child forked from a process with PyTorch always has one.
    """
    if threads is not None:
        check_whole_number("threads", threads, 1)
    if forked_after_pytorch():
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)


def settle_threads() -> None:
    """PyTorch gives a new thread the number of threads that was set only when it is asked for that,
    and sums depend on it.  In a forked child that number is one.
    """
    if forked_after_pytorch():
        torch.set_num_threads(1)
    torch.get_num_threads()
