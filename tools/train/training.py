"""What trainings have in common: a loop within a time budget, its log, averaged weights, and a
measure of grids.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

EMBEDDED = Path(__file__).resolve().parents[2] / "videocodec" / "bundles" / "embedded"
GRID_WEIGHT = 60
_GRID, _GRID_WINDOW = 8, 64  # px: pattern period looked for, and the area it has to be steady over
_RAMP = 200  # iterations until the learning rate is at its peak


class TrainingRun:
    """The loop of a training of so many minutes, with ``train.log`` in a folder, which validates at
    least every ``longest`` seconds.

    iteration: steps done; running: moving averages of what ``stepped`` was given.
    """

    def __init__(self, folder: Path, minutes: float, longest: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.iteration, self.running = 0, np.zeros(0)
        self._log = (folder / "train.log").open("a", buffering=1)
        self._seconds, self._interval, self._next = 60 * minutes, min(longest, 12 * minutes), 0.0
        self._best, self._start = math.inf, 0.0

    def note(self, **values: object) -> None:
        """Write a line into the log."""
        self._log.write(json.dumps(values) + "\n")

    def begin(self) -> None:
        """Time counts from now on."""
        self._start = time.monotonic()

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    @property
    def progress(self) -> float:
        """Share of the time that is over."""
        return self._elapsed / self._seconds

    def validation_is_due(self) -> bool:
        """Whether it is time for one: at the start, now and then, and at the end."""
        return self._elapsed >= self._next or self.progress >= 1

    def validated(self, figure: float, digits: int = 4, **values: object) -> bool:
        """Write what a validation found → whether ``figure`` is the lowest so far."""
        running, minutes = [round(float(v), 4) for v in self.running], round(self._elapsed / 60, 1)
        self.note(
            minutes=minutes,
            iteration=self.iteration,
            figure=round(figure, digits),
            **values,
            running=running,
        )
        is_best, self._best = figure < self._best, min(figure, self._best)
        self._next = self._elapsed + self._interval
        return is_best

    def set_rates(self, optimiser: torch.optim.Optimizer) -> None:
        """Learning rates of the next step: every group's ``peak`` after a ramp, then down along a
        cosine to a fiftieth.
        """
        ramp = min(1.0, (self.iteration + 1) / _RAMP)
        for group in optimiser.param_groups:
            group["lr"] = (
                group["peak"]
                * ramp
                * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress))))
            )

    def stepped(self, *figures: torch.Tensor) -> None:
        """Count a step."""
        self.iteration += 1
        now = np.array([float(figure.detach().mean()) for figure in figures])
        self.running = now if self.iteration == 1 else 0.98 * self.running + 0.02 * now

    def close(self) -> None:
        """Close the log."""
        self._log.close()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, iteration: int) -> None:
    """Move the exponential moving average of weights on, with a memory that grows to a thousand
    iterations.
    """
    keep = min(0.999, iteration / (iteration + 20))
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


def grid_energy(error: torch.Tensor) -> torch.Tensor:
    """Energy (B,) of the part of an error (B, C, H, W) that repeats every 8 px over 64×64 px,
    without its mean.

    Decoders of latents like to leave such a grid on flat areas.  Neither MSE nor LPIPS minds it
    much, eyes do.
    """
    batch, channels, height, width = error.shape
    rows, columns, blocks = height // _GRID_WINDOW, width // _GRID_WINDOW, _GRID_WINDOW // _GRID
    windows = error[..., : rows * _GRID_WINDOW, : columns * _GRID_WINDOW]
    pattern = windows.reshape(batch, channels, rows, blocks, _GRID, columns, blocks, _GRID).mean(
        (3, 6)
    )
    return ((pattern - pattern.mean((3, 5), keepdim=True)) ** 2).mean((1, 2, 3, 4, 5))
