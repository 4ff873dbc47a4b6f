"""A second decoder of the format, for tests: plain Python integers, one position at a time, written
from FORMAT.md.

It shares nothing with the product, from the bytes of a file to the latents, and needs nothing but
Python: no numpy, no PyAV, no constriction.  Slow by intent.
"""

from __future__ import annotations

import zlib
from array import array
from sys import byteorder

from .block_fields import (
    AVERAGE,
    FUTURE,
    INTRA,
    PAST,
    RESIDUAL,
    FrameBlocks,
    Grid,
    blank,
)
from .blocks import BlockLayer
from .entropy import RangeDecoder, Tables
from .syntax import KEYFRAME, parse_unit

MANTISSAS = (1625, 1722, 1825, 1933, 2048, 2170, 2299, 2435, 2580, 2734, 2896, 3069)
NETWORK_PARTS = ("gather", "gather_bias", "mix", "mix_bias")

Latents = list[list[list[int]]]  # [channel][row][column]


def clip(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def step(quantiser: int) -> int:
    return MANTISSAS[quantiser % 12] << (quantiser // 12)


def predict(
    filters, reference: Latents, row: int, column: int, vector: tuple[int, int]
) -> list[int]:
    """All channels of one position."""
    channels, height, width = len(reference), len(reference[0]), len(reference[0][0])
    (whole_y, phase_y), (whole_x, phase_x) = divmod(vector[0], 8), divmod(vector[1], 8)
    rows = [clip(row + whole_y + dy, 0, height - 1) for dy in range(-2, 3)]
    columns = [clip(column + whole_x + dx, 0, width - 1) for dx in range(-2, 3)]
    if not phase_y and not phase_x:
        return [plane[rows[2]][columns[2]] for plane in reference]
    sums = [4096] * channels
    weights = iter(filters[phase_y][phase_x])  # by row, column and channel of the reference
    for y in rows:
        for x in columns:
            for plane in reference:
                value = plane[y][x]
                sums = [s + value * weight for s, weight in zip(sums, next(weights), strict=True)]
    return [clip(total >> 13, -32767, 32767) for total in sums]


def evaluate_network(
    parts: tuple[Grid, list, Grid, list], own: int, inputs: list[int]
) -> tuple[list[int], list[int]]:
    """Mean and log2 scale of each channel of a slice; ``parts`` are gather, gather_bias, mix,
    mix_bias.
    """
    gather, gather_bias, mix, mix_bias = parts
    sums = list(gather_bias)
    for value, weights in zip(inputs, gather, strict=True):
        if value:
            sums = [total + value * weight for total, weight in zip(sums, weights, strict=True)]
    hidden = len(mix)
    mixed = [0] * (2 * own)
    for total, weights in zip(sums[:hidden], mix, strict=True):
        if total >= 32:  # others are 0 after the shift and the clip
            value = min(total >> 5, 32767)
            mixed = [m + value * weight for m, weight in zip(mixed, weights, strict=True)]
    outputs = [
        (direct + (m >> 6) + bias + 64) >> 7
        for direct, m, bias in zip(sums[hidden:], mixed, mix_bias, strict=True)
    ]
    return [clip(value, -1920, 1920) for value in outputs[:own]], outputs[own:]


def checksum(frames: list[Latents]) -> int:
    """CRC-32 of latents as ``latent_checksum`` has it."""
    crc = 0
    for frame in frames:
        for plane in frame:
            for row in plane:
                values = array("h", row)
                if byteorder == "big":
                    values.byteswap()
                crc = zlib.crc32(values.tobytes(), crc)
    return crc


class ReferenceDecoder:
    """Decodes access units to latents, nested lists [frame in display order][channel][row][column].

    ``tables``: the integer tensors of section 9 by name, as nested lists
    (``reference_files.read_tables``).
    """

    block_layer_class = BlockLayer

    def __init__(self, tables: dict[str, list]) -> None:
        self.slices = tables["slices"]
        self.channels = sum(self.slices)
        self.filters = tables["phase_filters"]
        self.networks = [
            [
                tuple(tables[f"{kind}.{index}.{part}"] for part in NETWORK_PARTS)
                for index in range(len(self.slices))
            ]
            for kind in ("intra", "inter")
        ]
        self.level_priors = [tables["intra.levels"], tables["inter.levels"]]
        self.block_priors = {
            name.removeprefix("block."): rows
            for name, rows in tables.items()
            if name.startswith("block.")
        }
        self.anchor: Latents | None = None
        self.header: dict | None = None

    def decode(self, data: bytes) -> list[Latents]:
        """The frames of one access unit.

        ``ValueError`` where it is not one, or its latents are not those it says.
        """
        unit = parse_unit(data)
        frames = self._decode(unit)
        if checksum(frames) != unit.latent_checksum:
            raise ValueError("latent_checksum")
        return frames

    def _decode(self, unit) -> list[Latents]:
        coder = RangeDecoder(unit.payload)
        if unit.structure == KEYFRAME:
            if unit.header["latent_channels"] != self.channels:
                raise ValueError("latent_channels")
            self._start(unit.header)
            blocks = blank(self.block_layer.rows, self.block_layer.columns, INTRA)
            self.anchor = self._levels(coder, blocks, None, unit.quantisers[0])
            return [self.anchor]
        if self.anchor is None:
            raise ValueError("no keyframe before it")
        count = len(unit.durations)
        known = {0: self.anchor}
        self.block_layer.start_unit(count)
        for (number, past, future), quantiser in zip(unit.references, unit.quantisers, strict=True):
            for tables in self.level_tables:
                tables.begin_frame()
            references = (known[past], None if future is None else known[future])
            self.references = references
            blocks = self.block_layer.decode(coder, number, past, future)
            prediction = self._predict(blocks, references)
            known[number] = self._levels(coder, blocks, prediction, quantiser)
        self.anchor = known[count]
        return [known[number] for number in range(1, count + 1)]

    def _start(self, header: dict) -> None:
        self.header = header
        self.block = 1 << header["block_log2"]
        self.height, self.width = header["latent_height"], header["latent_width"]
        self.block_layer = self.block_layer_class(
            self.block_priors, self.height // self.block, self.width // self.block
        )
        self.level_tables = [Tables(self.level_priors[kind], 256) for kind in (0, 1)]
        self.levels_before = self._zeros()

    def _zeros(self) -> Latents:
        return [[[0] * self.width for _ in range(self.height)] for _ in range(self.channels)]

    def _predict(self, blocks: FrameBlocks, references: tuple[Latents, Latents | None]) -> Latents:
        out = self._zeros()
        for r in range(self.height):
            for c in range(self.width):
                br, bc = r // self.block, c // self.block
                if blocks.modes[br][bc] == INTRA:
                    continue
                used = {PAST: (0,), FUTURE: (1,), AVERAGE: (0, 1)}[blocks.directions[br][bc]]
                values = [
                    predict(self.filters, references[i], r, c, tuple(blocks.vectors[i][br][bc]))
                    for i in used
                ]
                for k in range(self.channels):
                    out[k][r][c] = (
                        values[0][k] if len(values) == 1 else (values[0][k] + values[1][k] + 1) >> 1
                    )
        return out

    def _levels(
        self, coder: RangeDecoder, blocks: FrameBlocks, prediction: Latents | None, quantiser: int
    ) -> Latents:
        def mode(r: int, c: int) -> int:
            return blocks.modes[r // self.block][c // self.block]

        levels, first = self._zeros(), 0
        for index, own in enumerate(self.slices):
            for second in (0, 1):
                for kind, wanted in ((0, INTRA), (1, RESIDUAL)):
                    in_pass = [
                        (r, c)
                        for r in range(self.height)
                        for c in range(self.width)
                        if (r + c) % 2 == second
                    ]
                    places = [(r, c) for r, c in in_pass if mode(r, c) == wanted]
                    if places:
                        self._level_pass(
                            coder,
                            kind,
                            index,
                            first,
                            second,
                            places,
                            mode,
                            levels,
                            prediction,
                            quantiser,
                        )
            first += own
        self.levels_before = levels if prediction is not None else self._zeros()
        latents = self._zeros()
        for k in range(self.channels):
            for r in range(self.height):
                for c in range(self.width):
                    residual = (levels[k][r][c] * step(quantiser) + 128) >> 8
                    latents[k][r][c] = clip(
                        residual + (prediction[k][r][c] if prediction is not None else 0),
                        -32767,
                        32767,
                    )
        return latents

    def _level_pass(
        self, coder, kind, index, first, second, places, mode, levels, prediction, quantiser
    ) -> None:
        own = self.slices[index]
        planes = []  # functions of a position inside the picture
        planes += [lambda r, c, k=k: clip(levels[k][r][c], -127, 127) for k in range(first + own)]
        planes += [
            lambda r, c, k=k: abs(clip(levels[k][r][c], -127, 127)) for k in range(first + own)
        ]
        planes += [lambda r, c: second, lambda r, c: (quantiser - 40) * 8 // 12, lambda r, c: 1]
        if kind:
            planes.append(lambda r, c: int(mode(r, c) in (RESIDUAL, INTRA)))
            planes += [
                lambda r, c, k=k: min(15, abs(prediction[k][r][c]) * 256 // step(quantiser))
                for k in range(first, first + own)
            ]
            planes += [
                lambda r, c, k=k: min(15, abs(self.levels_before[k][r][c]))
                for k in range(first, first + own)
            ]
        columns = range(self.width)
        empty = [0] * (self.width + 2)  # around the picture
        grids = [
            [empty, *([0, *(plane(r, c) for c in columns), 0] for r in range(self.height)), empty]
            for plane in planes
        ]
        contexts = []  # (sign, base, table) per position and channel
        for r, c in places:
            inputs = [
                value for grid in grids for y in (r, r + 1, r + 2) for value in grid[y][c : c + 3]
            ]
            for mean, scale in zip(
                *evaluate_network(self.networks[kind][index], own, inputs), strict=True
            ):
                quarters = (abs(mean) + 2) >> 2
                contexts.append(
                    (
                        -1 if mean < 0 else 1,
                        quarters >> 2,
                        4 * clip((scale + 68) >> 3, 0, 19) + (quarters & 3),
                    )
                )
        symbols = self.level_tables[kind].decode(coder, [table for _, _, table in contexts])
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        offsets = [
            s - 32 if s < 65 else -(33 + next(beyond)) if s == 65 else 33 + next(beyond)
            for s in symbols
        ]
        values = iter(
            (offset + base) * sign
            for offset, (sign, base, _) in zip(offsets, contexts, strict=True)
        )
        for r, c in places:
            for k in range(first, first + own):
                levels[k][r][c] = value = next(values)
                if abs(value) > 16383:
                    raise ValueError(f"level {value}")
