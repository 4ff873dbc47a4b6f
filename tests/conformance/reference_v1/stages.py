"""The order of blocks of section 6 of FORMAT.md: stages, and the neighbours that each knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FIRST, DIAGONAL, EDGE = range(3)


@dataclass(frozen=True)
class Block:
    """A block of a stage: its place, and where its neighbours are, in the order of the text: all
    four, and those inside the frame.
    """

    row: int
    column: int
    places: tuple[tuple[int, int], ...]
    neighbours: tuple[tuple[int, int], ...]


def stages(rows: int, columns: int) -> list[tuple[int, list[Block]]]:
    """(kind, blocks in raster order) of all stages in coding order, those without blocks as
    well.
    """

    def take(
        kind: int, belongs: Callable[[int, int], bool], offsets: tuple[tuple[int, int], ...]
    ) -> tuple[int, list[Block]]:
        blocks = []
        for r in range(rows):
            for c in range(columns):
                if belongs(r, c):
                    places = tuple((r + dy, c + dx) for dy, dx in offsets)
                    blocks.append(
                        Block(
                            r,
                            c,
                            places,
                            tuple((y, x) for y, x in places if 0 <= y < rows and 0 <= x < columns),
                        )
                    )
        return kind, blocks

    def odd(number: int, s: int) -> bool:
        return number % s == 0 and number // s % 2 == 1

    out = [take(FIRST, lambda r, c: r % 8 == 0 and c % 8 == 0, ((rows, columns),) * 4)]
    for s in (4, 2, 1):
        out.append(
            take(
                DIAGONAL,
                lambda r, c, s=s: odd(r, s) and odd(c, s),
                ((-s, -s), (-s, s), (s, -s), (s, s)),
            )
        )
        out.append(
            take(
                EDGE,
                lambda r, c, s=s: r % s == c % s == 0 and odd(r, s) != odd(c, s),
                ((-s, 0), (s, 0), (0, -s), (0, s)),
            )
        )
    return out
