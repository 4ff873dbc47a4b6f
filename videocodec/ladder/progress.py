"""How far a ladder has come."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LadderProgress:
    """A moment of a ladder.

    done, total: encodes, of those known so far; failed ones count as done.
    failed: how many of them failed.
    label: what was just finished.
    seconds_left: None while nothing says.
    """

    done: int
    total: int
    failed: int
    label: str
    seconds_left: float | None


@dataclass
class Estimate:
    """Time left, from what finished jobs of the same codec took; those found in the cache say
    nothing.
    """

    workers: int
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def seconds_left(self) -> float | None:
        """None while nothing was measured."""
        seconds_taken = [seconds for several in self.took.values() for seconds in several]
        if not seconds_taken:
            return None
        means = {
            name: sum(several) / len(several) for name, several in self.took.items() if several
        }
        anything = sum(seconds_taken) / len(seconds_taken)
        return (
            sum(count * means.get(name, anything) for name, count in self.waiting.items())
            / self.workers
        )
