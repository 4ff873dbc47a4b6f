"""Ladders whose orders are done in the process of the test: starting one takes longer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from videocodec.errors import ProgramError
from videocodec.ladder import task
from videocodec.ladder.orders import Order
from videocodec.ladder.runner import Runner


class WorkerHere:
    """A ``LadderWorker`` in this process, one order at a time: encoders change its folder."""

    is_alive = True
    _turn = threading.Lock()

    def __init__(self, threads: int) -> None:
        pass

    def call(self, order: Order, label: str) -> None:
        with self._turn:
            error = task.done(json.loads(json.dumps(order)))
        if error is not None:
            raise ProgramError(error)

    def close(self) -> None:
        pass

    def kill(self) -> None:
        pass


@contextmanager
def workers_here() -> Iterator[None]:
    """Within it ladders start no processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("videocodec.ladder.api.Worker", WorkerHere)
        adding = partial(Runner, start_worker=WorkerHere)
        patch.setattr("videocodec.ladder.add_metrics.Runner", adding)
        patch.setenv("SVT_LOG", "1")
        yield
