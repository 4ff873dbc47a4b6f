"""Derived motion by section 8.1 of FORMAT-2.md, one block at a time."""

from __future__ import annotations

from ..reference_v1.decoder import clip
from ..reference_v1.vectors import LIMIT, scaled

Plane = list[list[int]]
Place = tuple[int, int]
Vector = list[int]
MARGINS, APART = (4, 4, 3, 3), (2, 1, 1, 1)  # m and a, by level
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
REACH = range(-5, 6)


def grey(picture: list[Plane]) -> Plane:
    return [
        [(r + 2 * g + b) >> 2 for r, g, b in zip(*rows, strict=True)]
        for rows in zip(*picture, strict=True)
    ]


def halved(plane: Plane) -> Plane:
    return [
        [(sum(upper[c : c + 2]) + sum(lower[c : c + 2]) + 2) >> 2 for c in range(0, len(upper), 2)]
        for upper, lower in zip(plane[::2], plane[1::2], strict=True)
    ]


def doubled(plane: Plane) -> Plane:
    fine = []
    for index, row in enumerate(plane):
        below = plane[min(index + 1, len(plane) - 1)]
        even, odd = [], []
        for c, s in enumerate(row):
            right = min(c + 1, len(row) - 1)
            r, b, d = row[right], below[c], below[right]
            even += [s, (s + r + 1) >> 1]
            odd += [(s + b + 1) >> 1, (s + r + b + d + 2) >> 2]
        fine += [even, odd]
    return fine


class DerivedMotion:
    """Of a frame between two pictures, at signed distances; side: of a block in px."""

    def __init__(
        self, pictures: tuple[list[Plane], list[Plane]], distances: list[int], side: int
    ) -> None:
        self.distances, self.side = distances, side
        self.levels = [[grey(picture) for picture in pictures]]
        for _ in range(3):
            self.levels.append([halved(plane) for plane in self.levels[-1]])
        self.fine = [doubled(plane) for plane in self.levels[0]]
        self.rows = len(self.levels[0][0]) // side
        self.columns = len(self.levels[0][0][0]) // side
        self.places = [(r, c) for r in range(self.rows) for c in range(self.columns)]

    def vectors(self, likely: list[list[Vector]]) -> list[dict[Place, Vector]]:
        """To the past and to the future, of all blocks; likely: temporal motion to the past."""
        every = [[dy, dx] for dy in REACH for dx in REACH]
        found = {p: self._best(p, every, [0, 0], 3) for p in self.places}
        for level in (2, 1, 0):
            begun = {p: [2 * v for v in found[p]] for p in self.places}
            found = {
                p: self._best(
                    p,
                    [
                        begun[p],
                        *self._around(begun, p),
                        [0, 0],
                        [part >> (level + 1) for part in likely[p[0]][p[1]]],
                    ],
                    begun[p],
                    level,
                )
                for p in self.places
            }
            found = {p: self._best(p, stepped(found[p]), begun[p], level) for p in self.places}
            if level:
                found = {
                    p: self._best(p, [found[p], *self._around(found, p)], begun[p], level)
                    for p in self.places
                }
        begun = {p: [2 * v for v in found[p]] for p in self.places}
        past = {
            p: [clip(v, -LIMIT, LIMIT) for v in self._best(p, stepped(begun[p]), begun[p], 0, True)]
            for p in self.places
        }
        return [past, {p: self._to_future(vector) for p, vector in past.items()}]

    def _to_future(self, vector: Vector) -> Vector:
        return scaled(vector, self.distances[1], self.distances[0])

    def _around(self, vectors: dict[Place, Vector], place: Place) -> list[Vector]:
        return [vectors.get((place[0] + y, place[1] + x), vectors[place]) for y, x in STEPS]

    def _best(
        self, place: Place, vectors: list[Vector], begun: Vector, level: int, fine: bool = False
    ) -> Vector:
        """The cheapest, the first of equals."""
        return min(vectors, key=lambda vector: self._cost(place, vector, begun, level, fine))

    def _cost(self, place: Place, vector: Vector, begun: Vector, level: int, fine: bool) -> int:
        rows, columns = (
            self._window(at, size, level) for at, size in zip(place, self._size(level), strict=True)
        )
        past, future = self.fine if fine else self.levels[level]
        on = self._to_future(vector)
        scale = 2 if fine else 1
        height, width = len(past), len(past[0])
        length = sum(abs(v - b) for v, b in zip(vector, begun, strict=True))
        total = (2 if fine else 4) * length * len(rows) * len(columns)
        for y in rows:
            before = past[clip(scale * y + vector[0], 0, height - 1)]
            after = future[clip(scale * y + on[0], 0, height - 1)]
            for x in columns:
                a = before[clip(scale * x + vector[1], 0, width - 1)]
                b = after[clip(scale * x + on[1], 0, width - 1)]
                total += abs(a - b)
        return total

    def _size(self, level: int) -> tuple[int, int]:
        plane = self.levels[level][0]
        return len(plane), len(plane[0])

    def _window(self, at: int, size: int, level: int) -> list[int]:
        side, margin = self.side >> level, MARGINS[level]
        first = at * side
        return [
            clip(place, 0, size - 1)
            for place in range(first - margin, first + side + margin, APART[level])
        ]


def stepped(vector: Vector) -> list[Vector]:
    """A vector, and those a sample up, down, left and right of it."""
    return [vector, *([vector[0] + y, vector[1] + x] for y, x in STEPS)]
