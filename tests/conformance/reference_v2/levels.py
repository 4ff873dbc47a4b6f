"""The level layer of a keyframe by sections 1 to 4 and 11 of FORMAT-2.md, position after
position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from ..reference_v1.decoder import step
from ..reference_v1.entropy import RangeDecoder, Tables

LATTICE = [(8, (0, 0, 3), lambda r, c: True)]
for _depth in (2, 1, 0):
    LATTICE.append((1 << _depth, (1, 0, _depth), lambda r, c: r % 2 == 1 and c % 2 == 1))
    LATTICE.append((1 << _depth, (0, 1, _depth), lambda r, c: (r + c) % 2 == 1))
CHECKERBOARD = [
    (1, (1, 0, 0), lambda r, c: (r + c) % 2 == 0),
    (1, (0, 1, 0), lambda r, c: (r + c) % 2 == 1),
]
QUINCUNX = [
    *((-1, 0), (0, -1), (0, 1), (1, 0)),
    *((-2, -1), (-2, 1), (-1, -2), (-1, 2), (1, -2), (1, 2), (2, -1), (2, 1)),
    *((-3, 0), (0, -3), (0, 3), (3, 0)),
]
CLASSES = [("levels.still", 0, 12, 3), ("levels.narrow", 12, 12, 15), ("levels.wide", 24, 25, 96)]
PARTS = ("direct", "direct_bias", "gather", "gather_bias", "mix")
Frame = list[list[list[int]]]  # channel, row, column


def clip(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


@cache
def size(magnitude: int) -> int:
    """log2(1 + magnitude / 16) in sixteenths: the last whose power of two is not above it."""
    found = 0
    while 2 ** (129 + 2 * found) <= (16 + magnitude) ** 32:
        found += 1
    return found


def sums(planes: list[list[int]], weights: list[list[int]], biases: list[int]) -> list[int]:
    inputs = [value for plane in planes for value in plane]
    found = list(biases)
    for x, row in zip(inputs, weights, strict=True):
        if x:
            found = [total + x * weight for total, weight in zip(found, row, strict=True)]
    return found


def evaluate(tensors, name, visible, place, stride, constants) -> list[int]:
    """The network of that name at a place: means, then log2 scales."""
    height, width = len(visible[0]), len(visible[0][0])
    taps = [
        (place[0] + stride * dy, place[1] + stride * dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
    ]
    is_inside = [0 <= r < height and 0 <= c < width for r, c in taps]
    values = [
        [
            clip(plane[r][c], -8191, 8191) if ok else 0
            for (r, c), ok in zip(taps, is_inside, strict=True)
        ]
        for plane in visible
    ]
    return outputs_of(tensors, name, values, [[one * ok for ok in is_inside] for one in constants])


def outputs_of(tensors, name, values, constant) -> list[int]:
    """Of a network whose planes of values, limited, and of constants have so many taps."""
    part = {one: tensors[f"{name}.{one}"] for one in PARTS}
    sizes = [[size(abs(v)) for v in plane] for plane in values]
    signed = [
        [-s if v < 0 else s for v, s in zip(*pair, strict=True)]
        for pair in zip(values, sizes, strict=True)
    ]
    direct = sums([*values, *sizes, *constant], part["direct"], part["direct_bias"])
    gathered = sums([*sizes, *constant, *signed], part["gather"], part["gather_bias"])
    hidden = [clip(value >> 8, 0, 2**20 - 1) for value in gathered]
    outputs = []
    for o, value in enumerate(direct):
        mixed = sum(h * row[o] for h, row in zip(hidden, part["mix"], strict=True)) >> 4
        outputs.append(clip((mixed + value + 2048) >> 12, -131071, 131071))
    return outputs


def differences_of(visible, first, place, stride, both_odd) -> list[int]:
    """Of the places around from the middle, in the channels before and in those from first on."""
    height, width = len(visible[0]), len(visible[0][0])

    def around(plane, taps) -> list[int | None]:
        places = [(place[0] + stride * dy, place[1] + stride * dx) for dy, dx in taps]
        return [
            clip(plane[r][c], -8191, 8191) if 0 <= r < height and 0 <= c < width else None
            for r, c in places
        ]

    square = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if dy or dx]
    turned = [(dy - dx, dy + dx) if both_odd else (dy, dx) for dy, dx in QUINCUNX]
    found = []
    for channel, plane in enumerate(visible):
        if channel < first:
            values, middle = around(plane, square), around(plane, [(0, 0)])[0]
        else:
            values = around(plane, turned)
            known = [v for v in values[:4] if v is not None]
            middle = sum(known) // len(known)
        found += [0 if v is None else clip(v - middle, -8191, 8191) for v in values]
    return found


def level_sizes_of(tensors) -> list[int]:
    """Of every channel."""
    channels = sum(tensors["slices"])
    return tensors["level_sizes"] if "level_sizes" in tensors else [16] * channels


class ReferenceOffsets:
    """Decodes offsets of the quantiser in frames of so many rows and columns of latents."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.flag = Tables([[65024, 512]], 2048)
        self.differences = Tables([[200] * 48 + [46336] + [200] * 48 for _ in range(4)], 2048)
        self.last = self.zeros()

    def zeros(self) -> list[list[int]]:
        return [[0] * (-(-self.width // 8)) for _ in range(-(-self.height // 8))]

    def decode(self, coder, quantiser: int, places) -> list[list[int]]:
        """Of every square, when these places have levels."""
        squares, offsets = sorted({(r // 8, c // 8) for r, c in places}), self.zeros()
        self.flag.begin_frame()
        self.differences.begin_frame()
        if not squares or self.flag.decode(coder, [0]) == [0]:
            return offsets
        changes: dict[tuple[int, int], int] = {}
        for diagonal in sorted({r + c for r, c in squares}):
            chosen = [(r, c) for r, c in squares if r + c == diagonal]
            expected = [self.expected(changes, *square) for square in chosen]
            symbols = self.differences.decode(coder, [table for _, table in expected])
            for (r, c), (value, _), symbol in zip(chosen, expected, symbols, strict=True):
                offsets[r][c] = value + symbol - 48
                if abs(offsets[r][c]) > 24 or not 0 <= quantiser + offsets[r][c] <= 127:
                    raise ValueError(f"offset {offsets[r][c]} from quantiser {quantiser}")
                changes[r, c] = offsets[r][c] - self.last[r][c]
        for r, c in squares:
            self.last[r][c] = offsets[r][c]
        return offsets

    def expected(self, changes, row: int, column: int) -> tuple[int, int]:
        """The expected offset and the table of its difference."""
        left, upper = changes.get((row, column - 1)), changes.get((row - 1, column))
        if left is not None and upper is not None:
            corner = changes.get((row - 1, column - 1), 0)
            change = sorted((left, upper, left + upper - corner))[1]
            table = 2 if left == upper else 3
        elif left is None and upper is None:
            change, table = 0, 0
        else:
            change, table = upper if left is None else left, 1
        return clip(self.last[row][column] + change, -24, 24), table


def decode_pass(
    tables, level_sizes, offsets, coder, first, places, expected, frame, prefix=""
) -> None:
    """The values of a pass, in which every place has its means and log2 scales."""
    listed = [
        (
            first + channel,
            place,
            outputs[channel],
            outputs[len(outputs) // 2 + channel]
            - size(level_sizes[first + channel] - 16)
            - (4 * offsets[place[0] // 8][place[1] // 8] + 1) // 3,
        )
        for place, outputs in zip(places, expected, strict=True)
        for channel in range(len(outputs) // 2)
    ]
    for name, first_bin, bins, radius in CLASSES:
        chosen, ids = [], []
        for one in listed:
            table = clip((one[3] + 82) >> 2, 0, 48) - first_bin
            if 0 <= table < bins:
                chosen.append(one)
                ids.append(table)
        symbols = tables[prefix + name].decode(coder, ids)
        escapes = iter(coder.escapes(sum(symbol > 2 * radius for symbol in symbols)))
        for (channel, (row, column), mean, _), symbol in zip(chosen, symbols, strict=True):
            level = symbol - radius
            if symbol > 2 * radius:
                beyond = next(escapes) + radius + 1
                level = -beyond if symbol == 2 * radius + 1 else beyond
            local = level_sizes[channel] * step(40 + offsets[row // 8][column // 8])
            frame[channel][row][column] = mean + ((local * level + 8192) >> 14)


class ReferenceLevels:
    """Decodes keyframes of so many rows and columns of latents; tensors: of the tables file."""

    def __init__(self, tensors: Mapping, height: int, width: int) -> None:
        self.tensors, self.height, self.width = tensors, height, width
        self.slices = tensors["slices"]
        self.level_sizes = level_sizes_of(tensors)
        names = ["slice_count", *(name for name, *_ in CLASSES)]
        self.tables = {name: Tables(tensors[name], 256) for name in names}
        self.offset_coder = ReferenceOffsets(height, width)

    def decode(self, payload: bytes, quantiser: int) -> Frame:
        """Values in sixteenths of the step."""
        coder, log2_step = RangeDecoder(payload), (quantiser - 40) * 8 // 12
        channels = sum(self.slices)
        frame = [[[0] * self.width for _ in range(self.height)] for _ in range(channels)]
        (count,) = self.tables["slice_count"].decode(coder, [0])
        every = [(r, c) for r in range(self.height) for c in range(self.width)]
        self.offsets = self.offset_coder.decode(coder, quantiser, every if count else [])
        first = 0
        for index in range(count):
            for stride, flags, belongs in LATTICE if index < 4 else CHECKERBOARD:
                places = list(self.places(stride, belongs))
                expected = [
                    self.network(index, first, frame, place, stride, (*flags, log2_step, 1))
                    for place in places
                ]
                self.decode_pass(coder, first, places, expected, frame)
            first += self.slices[index]
        return frame

    def places(self, stride: int, belongs) -> Iterator[tuple[int, int]]:
        for row in range(0, self.height, stride):
            for column in range(0, self.width, stride):
                if belongs(row // stride, column // stride):
                    yield row, column

    def network(self, index, first, frame, place, stride, constants) -> list[int]:
        visible = frame[: first + self.slices[index]]
        found = evaluate(self.tensors, f"context.{index}", visible, place, stride, constants)
        name = f"difference.{index}"
        if f"{name}.direct" not in self.tensors or constants[0] == constants[1]:
            return found
        differences = differences_of(visible, first, place, stride, constants[0] == 1)
        planes = [[one] for one in differences], [[one] for one in constants]
        added = outputs_of(self.tensors, name, *planes)
        return [clip(a + b, -131071, 131071) for a, b in zip(found, added, strict=True)]

    def decode_pass(self, coder, first, places, expected, frame) -> None:
        decode_pass(
            self.tables, self.level_sizes, self.offsets, coder, first, places, expected, frame
        )
