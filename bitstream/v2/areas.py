"""Which positions of a plane are wanted, row by row: what lies outside need not be made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Area:
    """In every row of a plane of ``width`` columns those from ``starts`` to ``ends`` (rows,); none
    where these are not after them.
    """

    starts: Edges
    ends: Edges
    width: int

    @classmethod
    def around(cls, wanted: npt.NDArray[np.bool_]) -> Area:
        """The first to the last of every row of (h, w)."""
        width = wanted.shape[1]
        some = wanted.any(1)
        starts = np.where(some, wanted.argmax(1), width)
        ends = np.where(some, width - wanted[:, ::-1].argmax(1), 0)
        return cls(starts, ends, width)

    def grown(self, by: int) -> Area:
        """With what is so near in rows and columns."""
        first, last = self.starts.copy(), self.ends.copy()
        for off in range(1, min(by, len(first) - 1) + 1):
            for here, there in ((slice(off, None), slice(-off)), (slice(-off), slice(off, None))):
                np.minimum(first[here], self.starts[there], out=first[here])
                np.maximum(last[here], self.ends[there], out=last[here])
        some = first < last
        return Area(
            np.where(some, np.maximum(first - by, 0), self.width),
            np.where(some, np.minimum(last + by, self.width), 0),
            self.width,
        )

    def coarser(self) -> Area:
        """The squares of 2×2 of a plane, the last of which may be cut, that hold some of it."""
        odd, width = len(self.starts) % 2, (self.width + 1) // 2
        starts = np.pad(self.starts, (0, odd), constant_values=self.width).reshape(-1, 2).min(1)
        ends = np.pad(self.ends, (0, odd)).reshape(-1, 2).max(1)
        some = starts < ends
        return Area(np.where(some, starts // 2, width), np.where(some, (ends + 1) // 2, 0), width)

    def finer(self, rows: int, width: int) -> Area:
        """As squares of 2×2 in a plane of so many rows and columns, one more or less."""
        starts, ends = (2 * one.repeat(2)[:rows] for one in (self.starts, self.ends))
        some = starts < ends
        return Area(np.where(some, starts, width), np.minimum(ends, width) * some, width)

    def segments(self) -> Edges:
        """(n, 2): first and last of the places, counted row by row, of the rows that have any."""
        rows = np.flatnonzero(self.starts < self.ends)
        places = np.stack([self.starts[rows], self.ends[rows]], 1) + (rows * self.width)[:, None]
        return np.ascontiguousarray(places)
