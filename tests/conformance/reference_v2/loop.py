"""The loop by sections 8 and 9 of FORMAT-2.md, number by number: networks, and moved pictures.

Planes are lists of rows; a stack of planes is a list of them.
"""

from __future__ import annotations

from collections.abc import Callable

from ..reference_v1.decoder import clip

TAPS = ((0, 0, 0, 64, 0, 0, 0, 0), (-1, 4, -11, 40, 40, -11, 4, -1))
Planes = list[list[list[int]]]


class ReferenceLoop:
    """Both networks of a tables file."""

    def __init__(self, tensors: dict) -> None:
        self.tensors = {name: value for name, value in tensors.items() if name.startswith("loop.")}
        sizes = self.tensors["loop.shape"]
        self.blocks = {"encoder": sizes[3], "decoder": sizes[5]}

    def picture(self, latents: Planes, quantisers: list[list[int]]) -> Planes:
        steps = [[q - 40 for q in row] for row in quantisers]
        x = self.around("decoder.stem", [*latents, steps], 4095)
        x = added(x, halved(lambda y: self.low("decoder", y), x))
        for index in (0, 1):
            x = self.block(f"decoder.body.{index}", x)
        x = shuffled(self.pointwise("decoder.up", coarse(x), 4095), 2)
        x = self.block("decoder.fine", x)
        detail = shuffled(self.around("decoder.head", coarse(x), 1 << 20), 4)
        linear = shuffled(self.pointwise("decoder.linear", latents, 1 << 20), 8)
        return every(lambda a, b: clip(((a + b + 8) >> 4) + 510, 0, 1020), linear, detail)

    def latents(self, picture: Planes) -> Planes:
        centred = every(lambda a: a - 510, picture)
        x = self.around("encoder.stem", unshuffled(centred, 4), 4095)
        x = self.block("encoder.fine", x)
        x = self.pointwise("encoder.down", unshuffled(coarse(x), 2), 4095)
        for index in (0, 1):
            x = self.block(f"encoder.body.{index}", x)
        x = added(x, halved(lambda y: self.low("encoder", y), x))
        detail = self.around("encoder.head", coarse(x), 1 << 20)
        linear = self.pointwise("encoder.linear", unshuffled(centred, 8), 1 << 20)
        return every(lambda a, b: clip((a + b + 8) >> 4, -32767, 32767), linear, detail)

    def low(self, side: str, x: Planes) -> Planes:
        x = self.pointwise(f"{side}.low.enter", coarse(x), 4095)
        for index in range(self.blocks[side]):
            x = self.block(f"{side}.low.{index}", x)
        return self.pointwise(f"{side}.low.leave", coarse(x), 1 << 20)

    def block(self, name: str, x: Planes) -> Planes:
        curve = self.tensors[f"loop.{name}.curve"]
        y = self.depthwise(f"{name}.dw", x, 511)
        y = every(lambda a: curve[a + 4095], self.pointwise(f"{name}.a", y, 4095))
        return added(x, self.pointwise(f"{name}.b", y, 1 << 20))

    def layer(self, name: str, inputs: list[int], limit: int) -> list[int]:
        weights, bias, shift = (
            self.tensors[f"loop.{name}.{part}"] for part in ("weights", "bias", "shift")
        )
        return [
            clip(
                (sum(w * x for w, x in zip(weights[row], inputs, strict=True)) + bias[row])
                >> shift[row],
                -limit,
                limit,
            )
            for row in range(len(bias))
        ]

    def pointwise(self, name: str, planes: Planes, limit: int) -> Planes:
        return at_every_position(
            planes, lambda r, c: self.layer(name, [plane[r][c] for plane in planes], limit)
        )

    def around(self, name: str, planes: Planes, limit: int) -> Planes:
        return at_every_position(
            planes,
            lambda r, c: self.layer(
                name, [value for plane in planes for value in taps(plane, r, c, 3)], limit
            ),
        )

    def depthwise(self, name: str, planes: Planes, limit: int) -> Planes:
        weights, bias, shift = (
            self.tensors[f"loop.{name}.{part}"] for part in ("weights", "bias", "shift")
        )
        side = {9: 3, 25: 5}[len(weights[0])]

        def value(k: int, r: int, c: int) -> int:
            seen = taps(planes[k], r, c, side)
            total = sum(w * x for w, x in zip(weights[k], seen, strict=True)) + bias[k]
            return clip(total >> shift[k], -limit, limit)

        return at_every_position(planes, lambda r, c: [value(k, r, c) for k in range(len(planes))])


def taps(plane: list[list[int]], row: int, column: int, side: int) -> list[int]:
    """A square around a position, row by row, with zeros outside."""
    reach = range(-(side // 2), side // 2 + 1)
    return [
        plane[row + y][column + x]
        if 0 <= row + y < len(plane) and 0 <= column + x < len(plane[0])
        else 0
        for y in reach
        for x in reach
    ]


def at_every_position(planes: Planes, values: Callable[[int, int], list[int]]) -> Planes:
    rows, columns = len(planes[0]), len(planes[0][0])
    found = [[values(r, c) for c in range(columns)] for r in range(rows)]
    return [
        [[found[r][c][k] for c in range(columns)] for r in range(rows)]
        for k in range(len(found[0][0]))
    ]


def every(change: Callable[..., int], *stacks: Planes) -> Planes:
    return [
        [
            [change(*values) for values in zip(*rows, strict=True)]
            for rows in zip(*planes, strict=True)
        ]
        for planes in zip(*stacks, strict=True)
    ]


def coarse(x: Planes) -> Planes:
    return every(lambda a: clip((a + 4) >> 3, -511, 511), x)


def added(x: Planes, more: Planes) -> Planes:
    return every(lambda a, b: clip(a + b, -4095, 4095), x, more)


def halved(body: Callable[[Planes], Planes], x: Planes) -> Planes:
    rows, columns = len(x[0]), len(x[0][0])
    even = [[[*row, row[-1]] if columns % 2 else row for row in plane] for plane in x]
    even = [[*plane, plane[-1]] if rows % 2 else plane for plane in even]
    whole = shuffled(body(unshuffled(even, 2)), 2)
    return [[row[:columns] for row in plane[:rows]] for plane in whole]


def unshuffled(planes: Planes, side: int) -> Planes:
    return [
        [row[x::side] for row in plane[y::side]]
        for plane in planes
        for y in range(side)
        for x in range(side)
    ]


def shuffled(planes: Planes, side: int) -> Planes:
    rows, columns = len(planes[0]) * side, len(planes[0][0]) * side
    return [
        [
            [
                planes[k * side * side + (r % side) * side + c % side][r // side][c // side]
                for c in range(columns)
            ]
            for r in range(rows)
        ]
        for k in range(len(planes) // (side * side))
    ]


def moved_sample(plane: list[list[int]], row: int, column: int, vector: tuple[int, int]) -> int:
    """What lies at a pixel moved by a vector in halves of one."""
    top, left = row + (vector[0] >> 1), column + (vector[1] >> 1)
    down, across = vector[0] & 1, vector[1] & 1

    def at(y: int, x: int) -> int:
        return plane[clip(y, 0, len(plane) - 1)][clip(x, 0, len(plane[0]) - 1)]

    if not down and not across:
        return at(top, left)
    total = sum(
        TAPS[down][y] * TAPS[across][x] * at(top + y - 3, left + x - 3)
        for y in range(8)
        for x in range(8)
    )
    return clip((total + 2048) >> 12, 0, 1020)


def overlap(place: int, cells: int) -> list[tuple[int, int]]:
    """Which two of the cells along an axis make a sample, and their weights of 16."""
    first, past_middle = (place - 4) // 8, (place - 4) % 8
    return [
        (clip(first, 0, cells - 1), 15 - 2 * past_middle),
        (clip(first + 1, 0, cells - 1), 1 + 2 * past_middle),
    ]
