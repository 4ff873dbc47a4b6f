"""The loop of every training: steps until the budget is spent, and a look now and then."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .budget import Budget
from .learner import Learner


@dataclass(frozen=True)
class Interval:
    """How far looks are apart at most, in steps and in minutes of wall clock."""

    steps: int | None = None
    minutes: float | None = None

    def is_over(self, steps: int, minutes: float) -> bool:
        """Whether the next look is due after so much."""
        done = ((steps, self.steps), (minutes, self.minutes))
        return any(limit is not None and value >= limit for value, limit in done)


class Stopwatch:
    """Minutes of wall clock since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def minutes(self) -> float:
        """Since the beginning."""
        return (time.monotonic() - self._start) / 60


def run(
    learner: Learner[Any],
    budget: Budget,
    train_step: Callable[[float], None],
    look: Callable[[bool], None],
    interval: Interval,
) -> None:
    """Train until the budget is spent.

    train_step: called with the share of the budget that is over, 0 to 1; has ``learner`` learn.
    look: validates and saves; called first, at the interval, and with True at the end.  It must
    draw no random numbers of the learner's: when it comes changes nothing then.
    """
    watch, looked_at = Stopwatch(), (-1, 0.0)
    while True:
        minutes = watch.minutes
        is_last = budget.is_spent(learner.steps, learner.pixels, minutes)
        steps_since, minutes_since = learner.steps - looked_at[0], minutes - looked_at[1]
        if is_last or looked_at[0] < 0 or interval.is_over(steps_since, minutes_since):
            look(is_last)
            looked_at = learner.steps, watch.minutes
        if is_last:
            return
        train_step(budget.progress(learner.steps, learner.pixels, minutes))


def ramp(steps: int, length: int) -> float:
    """The factor of a learning rate that grows evenly to 1 over ``length`` steps."""
    return min(1.0, (steps + 1) / length)


def cosine(progress: float, floor: float) -> float:
    """The factor of a learning rate that falls along a half cosine from 1 to ``floor``."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class TrainingLog:
    """A file of JSON lines, appended to."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file

    def note(self, **values: object) -> None:
        """Write a line."""
        with self._file.open("a") as log:
            log.write(json.dumps(values) + "\n")


class RunningMeans:
    """Moving averages of a step's figures, with a memory of fifty steps.

    values: the averages so far.
    """

    def __init__(self) -> None:
        self.values = np.zeros(0)

    def add(self, *figures: torch.Tensor) -> None:
        """Figures of a step, of any shape; their means count."""
        now = np.array([float(figure.detach().mean()) for figure in figures])
        self.values = 0.98 * self.values + 0.02 * now if len(self.values) else now

    def rounded(self) -> list[float]:
        """The averages with four digits."""
        return [round(float(value), 4) for value in self.values]
