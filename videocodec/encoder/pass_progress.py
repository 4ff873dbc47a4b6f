"""How far a pass over the chunks has come."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..progress import Progress, ProgressCallback
from .chunk_coder import CodedUnit


@dataclass(frozen=True)
class PassNumber:
    """Which pass it is, 1.., and of how many, as far as is known."""

    number: int
    passes: int


class PassProgress:
    """Adds up the units that are coded in a pass, and reports the sums; ``total``: frames expected,
    None if unknown.
    """

    def __init__(
        self,
        progress: ProgressCallback | None,
        total: int | None,
        time_base: Fraction,
        at: PassNumber,
    ) -> None:
        self._progress, self._total, self._time_base = progress, total, time_base
        self._at = at
        self._frames = self._bytes = self._ticks = 0

    def __call__(self, unit: CodedUnit) -> None:
        """Count an access unit that was coded, and report."""
        self._frames += len(unit.durations)
        self._bytes += unit.size
        self._ticks += sum(unit.durations)
        if self._progress:
            seconds = float(self._ticks * self._time_base)
            self._progress(
                Progress(
                    self._frames,
                    self._total,
                    self._bytes,
                    seconds,
                    self._at.number,
                    self._at.passes,
                )
            )
