"""A second decoder of the format, for tests: plain Python integers, one position at a time, written from FORMAT.md.

It shares no arithmetic with the product, not even the range decoder.  Slow by intent; only the classes that
carry parsed values (``AccessUnit``, ``CodecTables``) are the product's.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitstream.access_unit import AccessUnit
from bitstream.tables import CodecTables

MANTISSAS = (1625, 1722, 1825, 1933, 2048, 2170, 2299, 2435, 2580, 2734, 2896, 3069)
SKIP, RESIDUAL, GENERATE, INTRA = range(4)
PAST, FUTURE, AVERAGE = range(3)
NETWORK_PARTS = ("gather", "gather_bias", "mix", "mix_bias")

Grid = list[list]
Latents = list[list[list[int]]]  # [channel][row][column]


def clip(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def step(quantiser: int) -> int:
    return MANTISSAS[quantiser % 12] << (quantiser // 12)


class RangeDecoder:
    """Range decoding with a state of 64 bits, words of 32, probabilities of 24."""

    def __init__(self, payload: bytes) -> None:
        self.words = [int.from_bytes(payload[i : i + 4], "little") for i in range(0, len(payload), 4)]
        self.position, self.lower, self.range, self.point = 0, 0, 2**64 - 1, 0
        for _ in range(2):
            self._shift_in()

    def _shift_in(self) -> None:
        word = self.words[self.position] if self.position < len(self.words) else 0
        self.position += 1
        self.point = (self.point << 32 | word) & (2**64 - 1)

    def symbol(self, frequencies: list[int]) -> int:
        """Next symbol under frequencies that add up to 2^24."""
        scale = self.range >> 24
        target = ((self.point - self.lower) & (2**64 - 1)) // scale
        left = 0
        for index, frequency in enumerate(frequencies):
            if target < left + frequency:
                break
            left += frequency
        else:
            raise ValueError("invalid data")
        self.lower = (self.lower + scale * left) & (2**64 - 1)
        self.range = scale * frequency
        if self.range < 2**32:
            self.lower = (self.lower << 32) & (2**64 - 1)
            self.range <<= 32
            self._shift_in()
        return index

    def escapes(self, count: int) -> list[int]:
        lengths = [self.symbol([2**20] * 16) for _ in range(count)]
        values = []
        for length in lengths:
            value = 1
            for _ in range(length):
                value = 2 * value + self.symbol([2**23] * 2)
            values.append(value - 1)
        return values


class Tables:
    """One table set."""

    def __init__(self, priors, increment: int) -> None:
        self.counts = [[int(f) for f in row] for row in priors]
        self.frequencies = [list(row) for row in self.counts]
        self.touched: set[int] = set()
        self.increment = increment

    def refresh(self, table: int) -> None:
        counts = self.counts[table]
        total, symbols = sum(counts), len(counts)
        frequencies = [1 + c * (65536 - symbols) // total for c in counts]
        frequencies[counts.index(max(counts))] += 65536 - sum(frequencies)
        self.frequencies[table] = frequencies

    def decode(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        """One call: symbols in the order of ``ids``, decoded by ascending table."""
        out = [0] * len(ids)
        for table in sorted(set(ids)):
            if table in self.touched:
                self.refresh(table)
            frequencies = [256 * f for f in self.frequencies[table]]
            for index, used in enumerate(ids):
                if used == table:
                    out[index] = coder.symbol(frequencies)
        for table, symbol in zip(ids, out):
            self.counts[table][symbol] += self.increment
        for table in set(ids):
            if sum(self.counts[table]) > 2**24:
                self.counts[table] = [(c + 1) >> 1 for c in self.counts[table]]
        self.touched |= set(ids)
        return out


def predict(filters, reference: Latents, row: int, column: int, vector: tuple[int, int]) -> list[int]:
    """All channels of one position."""
    channels, height, width = len(reference), len(reference[0]), len(reference[0][0])
    (whole_y, phase_y), (whole_x, phase_x) = divmod(vector[0], 8), divmod(vector[1], 8)

    def at(channel: int, dy: int, dx: int) -> int:
        return reference[channel][clip(row + whole_y + dy, 0, height - 1)][clip(column + whole_x + dx, 0, width - 1)]

    if not phase_y and not phase_x:
        return [at(channel, 0, 0) for channel in range(channels)]
    sums = [4096] * channels
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            for source in range(channels):
                weights = filters[phase_y][phase_x][(5 * (dy + 2) + dx + 2) * channels + source]
                value = at(source, dy, dx)
                for channel in range(channels):
                    sums[channel] += weights[channel] * value
    return [clip(total >> 13, -32767, 32767) for total in sums]


def middle_of_neighbours(field: Grid, row: int, column: int, component: int) -> int:
    """Predictor of a second-pass vector."""
    height, width = len(field), len(field[0])

    def pair(vertical: bool) -> list[int]:
        at, size = (row, height) if vertical else (column, width)
        places = [at - 1 if at > 0 else 1, at + 1 if at + 1 < size else size - 2]
        return [(field[place][column] if vertical else field[row][place])[component] for place in places]

    ordered = sorted((pair(True) if height > 1 else pair(False)) + (pair(False) if width > 1 else pair(True)))
    return (ordered[1] + ordered[2]) >> 1


def evaluate_network(parts: tuple[Grid, list, Grid, list], own: int, inputs: list[int]) -> tuple[list[int], list[int]]:
    """Mean and log2 scale of each channel of a slice; ``parts`` are gather, gather_bias, mix, mix_bias."""
    gather, gather_bias, mix, mix_bias = parts
    sums = list(gather_bias)
    for value, weights in zip(inputs, gather):
        if value:
            sums = [total + value * weight for total, weight in zip(sums, weights)]
    hidden = len(mix)
    activations = [clip(sums[j] >> 5, 0, 32767) for j in range(hidden)]
    outputs = []
    for k in range(2 * own):
        mixed = sum(activations[j] * mix[j][k] for j in range(hidden)) >> 6
        outputs.append((sums[hidden + k] + mixed + mix_bias[k] + 64) >> 7)
    return [clip(value, -1920, 1920) for value in outputs[:own]], outputs[own:]


@dataclass
class FrameBlocks:
    """The block layer of a frame; vectors[reference][row][column] = [dy, dx]."""

    modes: Grid
    directions: Grid
    vectors: list[Grid]


class ReferenceDecoder:
    """Decodes access units to latents, nested lists [frame in display order][channel][row][column]."""

    def __init__(self, tables: CodecTables) -> None:
        self.slices = tables.slices
        self.channels = tables.latent_channels
        self.filters = tables.phase_filters.astype(int).tolist()
        self.networks = [
            [tuple(getattr(net, part).astype(int).tolist() for part in NETWORK_PARTS) for net in tables.networks[kind]]
            for kind in (0, 1)
        ]
        self.priors = tables

    def decode(self, unit: AccessUnit) -> list[Latents]:
        coder = RangeDecoder(unit.payload)
        if unit.is_keyframe:
            self._start(unit.header)
            blocks = self._blank(INTRA)
            self.anchor = self._levels(coder, blocks, None, unit.quantisers[0])
            return [self.anchor]
        known = {0: self.anchor}
        for entry, quantiser in zip(unit.references, unit.quantisers):
            references = (known[entry.past], None if entry.future is None else known[entry.future])
            blocks = self._blocks(coder, references[1] is not None)
            prediction = self._predict(blocks, references)
            known[entry.display_index + 1] = self._levels(coder, blocks, prediction, quantiser)
        self.anchor = known[unit.frame_count]
        return [known[index + 1] for index in range(unit.frame_count)]

    def _start(self, header) -> None:
        self.block = 1 << header.block_log2
        self.height, self.width = header.latent_height, header.latent_width
        self.block_rows, self.block_columns = self.height // self.block, self.width // self.block
        increments = {"mode": 1024, "direction": 1024, "vector_same": 1024, "vector_delta": 512}
        self.block_tables = {name: Tables(priors, increments[name]) for name, priors in self.priors.block_priors.items()}
        self.level_tables = [Tables(self.priors.level_priors[kind], 256) for kind in (0, 1)]
        self.before = self._blank(SKIP)
        self.levels_before = self._zeros()

    def _zeros(self) -> Latents:
        return [[[0] * self.width for _ in range(self.height)] for _ in range(self.channels)]

    def _blank(self, mode: int) -> FrameBlocks:
        def grid(value):
            return [[value() for _ in range(self.block_columns)] for _ in range(self.block_rows)]

        return FrameBlocks(grid(lambda: mode), grid(lambda: PAST), [grid(lambda: [0, 0]) for _ in range(2)])

    def _pass(self, second: int) -> list[tuple[int, int]]:
        return [(r, c) for r in range(self.block_rows) for c in range(self.block_columns) if (r + c) % 2 == second]

    def _around(self, row: int, column: int) -> list[tuple[int, int]]:
        places = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [(r, c) for r, c in places if 0 <= r < self.block_rows and 0 <= c < self.block_columns]

    def _blocks(self, coder: RangeDecoder, two_references: bool) -> FrameBlocks:
        out, before = self._blank(SKIP), self.before
        coded = (RESIDUAL, INTRA)
        for second in (0, 1):
            ids = []
            for r, c in self._pass(second):
                seen = out.modes if second else before.modes
                ids.append(10 * second + 5 * (before.modes[r][c] in coded) + sum(seen[y][x] in coded for y, x in self._around(r, c)))
            for (r, c), mode in zip(self._pass(second), self.block_tables["mode"].decode(coder, ids)):
                out.modes[r][c] = mode
        if two_references:
            for second in (0, 1):
                places = [(r, c) for r, c in self._pass(second) if out.modes[r][c] != INTRA]
                ids = [0 if not second else 4 if c == 0 else 1 + out.directions[r][c - 1] for r, c in places]
                for (r, c), direction in zip(places, self.block_tables["direction"].decode(coder, ids)):
                    out.directions[r][c] = direction
        for reference in (0, 1):
            self._vectors(coder, out, reference, temporal=not two_references)
        self.before = out
        return out

    def _vectors(self, coder: RangeDecoder, out: FrameBlocks, reference: int, temporal: bool) -> None:
        field, unused = out.vectors[reference], FUTURE if reference == 0 else PAST
        differs = [[0] * self.block_columns for _ in range(self.block_rows)]
        for second in (0, 1):
            places = [(r, c) for r, c in self._pass(second) if out.modes[r][c] != INTRA and out.directions[r][c] != unused]
            bases, ids = [], []
            for r, c in places:
                if second:
                    bases.append([middle_of_neighbours(field, r, c, component) for component in (0, 1)])
                    ids.append(2 + sum(differs[y][x] for y, x in self._around(r, c)))
                else:
                    bases.append(list(self.before.vectors[reference][r][c]) if temporal else [0, 0])
                    ids.append(int(bases[-1] != [0, 0]))
            flags = self.block_tables["vector_same"].decode(coder, ids)
            vertical = iter(self._deltas(coder, [second] * sum(flags)))
            vertical_values = [next(vertical) if flag else 0 for flag in flags]
            horizontal = iter(self._deltas(coder, [2 + 2 * second + (dy == 0) for dy, flag in zip(vertical_values, flags) if flag]))
            for (r, c), base, flag, dy in zip(places, bases, flags, vertical_values):
                differs[r][c] = flag
                field[r][c] = [base[0] + dy, base[1] + (next(horizontal) if flag else 0)]

    def _deltas(self, coder: RangeDecoder, ids: list[int]) -> list[int]:
        symbols = self.block_tables["vector_delta"].decode(coder, ids)
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        return [s - 32 if s < 65 else (-1 if s == 65 else 1) * (33 + next(beyond)) for s in symbols]

    def _predict(self, blocks: FrameBlocks, references: tuple[Latents, Latents | None]) -> Latents:
        out = self._zeros()
        for r in range(self.height):
            for c in range(self.width):
                br, bc = r // self.block, c // self.block
                if blocks.modes[br][bc] == INTRA:
                    continue
                used = {PAST: (0,), FUTURE: (1,), AVERAGE: (0, 1)}[blocks.directions[br][bc]]
                values = [predict(self.filters, references[i], r, c, tuple(blocks.vectors[i][br][bc])) for i in used]
                for k in range(self.channels):
                    out[k][r][c] = values[0][k] if len(values) == 1 else (values[0][k] + values[1][k] + 1) >> 1
        return out

    def _levels(self, coder: RangeDecoder, blocks: FrameBlocks, prediction: Latents | None, quantiser: int) -> Latents:
        def mode(r: int, c: int) -> int:
            return blocks.modes[r // self.block][c // self.block]

        levels, first = self._zeros(), 0
        for index, own in enumerate(self.slices):
            for second in (0, 1):
                for kind, wanted in ((0, INTRA), (1, RESIDUAL)):
                    in_pass = [(r, c) for r in range(self.height) for c in range(self.width) if (r + c) % 2 == second]
                    places = [(r, c) for r, c in in_pass if mode(r, c) == wanted]
                    if places:
                        self._level_pass(coder, kind, index, first, second, places, mode, levels, prediction, quantiser)
            first += own
        self.levels_before = levels if prediction is not None else self._zeros()
        latents = self._zeros()
        for k in range(self.channels):
            for r in range(self.height):
                for c in range(self.width):
                    residual = (levels[k][r][c] * step(quantiser) + 128) >> 8
                    latents[k][r][c] = clip(residual + (prediction[k][r][c] if prediction is not None else 0), -32767, 32767)
        return latents

    def _level_pass(self, coder, kind, index, first, second, places, mode, levels, prediction, quantiser) -> None:
        own = self.slices[index]
        planes = []  # functions of a position inside the picture
        planes += [lambda r, c, k=k: clip(levels[k][r][c], -127, 127) for k in range(first + own)]
        planes += [lambda r, c, k=k: abs(clip(levels[k][r][c], -127, 127)) for k in range(first + own)]
        planes += [lambda r, c: second, lambda r, c: (quantiser - 40) * 8 // 12, lambda r, c: 1]
        if kind:
            planes.append(lambda r, c: int(mode(r, c) in (RESIDUAL, INTRA)))
            planes += [lambda r, c, k=k: min(15, abs(prediction[k][r][c]) * 256 // step(quantiser)) for k in range(first, first + own)]
            planes += [lambda r, c, k=k: min(15, abs(self.levels_before[k][r][c])) for k in range(first, first + own)]
        contexts = []  # (sign, base, table) per position and channel
        for r, c in places:
            around = [(r + dy, c + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            inputs = [plane(y, x) if 0 <= y < self.height and 0 <= x < self.width else 0 for plane in planes for y, x in around]
            for mean, scale in zip(*evaluate_network(self.networks[kind][index], own, inputs)):
                quarters = (abs(mean) + 2) >> 2
                contexts.append((-1 if mean < 0 else 1, quarters >> 2, 4 * clip((scale + 68) >> 3, 0, 19) + (quarters & 3)))
        symbols = self.level_tables[kind].decode(coder, [table for _, _, table in contexts])
        beyond = iter(coder.escapes(sum(s >= 65 for s in symbols)))
        offsets = [s - 32 if s < 65 else -(33 + next(beyond)) if s == 65 else 33 + next(beyond) for s in symbols]
        values = iter((offset + base) * sign for offset, (sign, base, _) in zip(offsets, contexts))
        for r, c in places:
            for k in range(first, first + own):
                levels[k][r][c] = next(values)
