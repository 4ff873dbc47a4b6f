"""Synthetic codec tables and random valid streams for tests: every feature of the format, the same
bytes on every machine.

Random numbers are the raw 64-bit integers of PCG64, which numpy keeps stable, unlike its
distributions.  The encoder here takes random decisions; it shares ``FrameCoder`` with the decoder
and nothing with the product's encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import FrameReference, Structure, walk_group
from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.context_model import (
    INTER,
    INTRA,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    RADIUS,
    SliceNetwork,
)
from bitstream.v1.frame_coder import FrameCoder, LatentFrame
from bitstream.v1.level_syntax import LevelChooser, PassContext
from bitstream.v1.prediction import VECTOR_LIMIT, ReferenceFrame
from bitstream.v1.quantiser import MAX_LEVEL
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import BLOCK_TABLES, FILTER_TAPS, PHASES, CodecTables, planes_of

CHANNELS = 4
SLICES = (1, 1, 2)
HIDDEN = 8


class RawIntegers:
    """Integers from the raw output of PCG64."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.PCG64(seed)

    def below(self, limit: int, *shape: int) -> np.ndarray:
        """int64 of ``shape`` in 0..limit - 1 (as even as a modulus of 2^32 values is)."""
        raw = self._generator.random_raw(int(np.prod(shape, dtype=np.int64)) or 1)[
            : int(np.prod(shape, dtype=np.int64))
        ]
        return ((raw >> np.uint64(32)) % np.uint64(limit)).astype(np.int64).reshape(shape)

    def one(self, limit: int) -> int:
        """One integer in 0..limit - 1."""
        return int(self.below(limit, 1)[0])

    def around(self, radius: int, *shape: int) -> np.ndarray:
        """int64 in -radius..radius."""
        return self.below(2 * radius + 1, *shape) - radius

    def peaked(self, *shape: int) -> np.ndarray:
        """int64, either sign, magnitude m with a probability of about 2^-(m + 1)."""
        raw = self.below(1 << 24, *shape) | 1 << 20
        # exact: powers of two
        magnitude = np.log2((raw & -raw).astype(np.float64)).astype(np.int64)
        return magnitude * (1 - 2 * self.below(2, *shape))


def normalised(weights: np.ndarray) -> np.ndarray:
    """Weights >= 0 (tables, symbols), each row with a positive one → frequencies >= 1 that add up
    to 65536.
    """
    symbols = weights.shape[1]
    frequencies = 1 + weights * (FREQUENCY_TOTAL - symbols) // weights.sum(1, keepdims=True)
    frequencies[np.arange(len(weights)), weights.argmax(1)] += FREQUENCY_TOTAL - frequencies.sum(1)
    return frequencies


def synthetic_tables(
    seed: int = 2026, slices: tuple[int, ...] = SLICES, filter_noise_odds: int = 1
) -> CodecTables:
    """Tables with random integer weights of lifelike size; one in ``filter_noise_odds`` weights of
    the phase filters has noise on it.
    """
    random = RawIntegers(seed)
    networks = {
        kind: tuple(_network(random, kind, slices, index) for index in range(len(slices)))
        for kind in (INTRA, INTER)
    }
    block_priors = {
        name: normalised(
            1 + random.below(1000, *shape) * (shape[1] > 4) + 1 + random.below(4000, *shape)
        )
        for name, shape in BLOCK_TABLES.items()
    }
    level_priors = {INTRA: _level_priors(3), INTER: _level_priors(2)}
    return CodecTables(
        sum(slices),
        slices,
        networks,
        level_priors,
        block_priors,
        _phase_filters(random, sum(slices), filter_noise_odds),
    )


def steep_tables(seed: int, slices: tuple[int, ...]) -> CodecTables:
    """The same with networks whose hidden values mostly go beyond their limit, and whose means
    often do.
    """
    usual = synthetic_tables(seed, slices)
    for networks in usual.networks.values():
        for network in networks:
            network.gather[:, :HIDDEN] *= 150
    return usual


def flat_tables(seed: int, slices: tuple[int, ...]) -> CodecTables:
    """The same with networks that always say the same, so that all levels of a frame are coded
    under one table for each channel.
    """
    usual = synthetic_tables(seed, slices)
    for networks in usual.networks.values():
        for network in networks:
            network.gather[:] = 0
            network.mix[:] = 0
    return usual


def plain_tables(tables: CodecTables) -> dict[str, list]:
    """The same as nested lists of integers, for ``ReferenceDecoder``."""
    return {name: tensor.tolist() for name, tensor in tables.to_tensors().items()}


def _network(random: RawIntegers, kind: int, slices: tuple[int, ...], index: int) -> SliceNetwork:
    own, first = slices[index], sum(slices[:index])
    rows, outputs = 9 * planes_of(kind, first, own), 2 * own
    gather_bias = random.around(1500, HIDDEN + outputs)
    gather_bias[HIDDEN + own :] += 1 << 11  # log2 scale around 1
    parts = (
        random.around(160, rows, HIDDEN + outputs),
        gather_bias,
        random.around(300, HIDDEN, outputs),
        random.around(600, outputs),
    )
    return SliceNetwork(*(part.astype(np.float64) for part in parts), channels=own)


def _level_priors(sharpness: int) -> np.ndarray:
    """A peak as wide as the scale of a table, around the quarter its number says."""
    table = np.arange(LEVEL_TABLES)[:, None]
    quarters = 4 * (np.arange(LEVEL_SYMBOLS) - RADIUS)[None] - table % 4
    width = 1 + (1 << (table // 8)) // sharpness
    weights = (1 << 24) // (16 + sharpness * (quarters // width) ** 2)
    weights[:, -2:] = 1
    return normalised(weights)


def _phase_filters(random: RawIntegers, channels: int, noise_odds: int) -> np.ndarray:
    """Bilinear interpolation of each channel by itself, plus noise."""
    filters = random.around(40, PHASES, PHASES, FILTER_TAPS, FILTER_TAPS, channels, channels)
    if noise_odds > 1:
        filters *= random.below(noise_odds, *filters.shape) == 0
    for phase_row in range(PHASES):
        for phase_column in range(PHASES):
            for dy, weight_row in ((0, PHASES - phase_row), (1, phase_row)):
                for dx, weight_column in ((0, PHASES - phase_column), (1, phase_column)):
                    for channel in range(channels):
                        filters[phase_row, phase_column, 2 + dy, 2 + dx, channel, channel] += (
                            128 * weight_row * weight_column
                        )
    return filters.reshape(PHASES, PHASES, FILTER_TAPS**2 * channels, channels).astype(np.float64)


def synthetic_header(
    width: int, height: int, block_log2: int = 1, channels: int = CHANNELS
) -> SequenceHeader:
    """Header of a stream for ``synthetic_tables``; width, height in pixels."""
    return SequenceHeader(
        width=width,
        height=height,
        time_base=Fraction(1, 25),
        frame_rate=Fraction(25),
        latent_channels=channels,
        block_log2=block_log2,
        crf=28,
        gop_size=250,
        preset=5,
        model_name="synthetic",
        model_sha256="5e" * 32,
        generated_content=True,
    )


def random_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """A block layer with every mode, every direction the frame may use; motion shared, nearly
    shared, straight, odd and very large.
    """
    choices = np.array(
        [Mode.SKIP, Mode.SKIP, Mode.SKIP, Mode.RESIDUAL, Mode.RESIDUAL, Mode.GENERATE, Mode.INTRA],
        dtype=np.int64,
    )
    modes = choices[random.below(len(choices), height, width)]
    directions = (
        random.below(3, height, width)
        if two_references
        else np.zeros((height, width), dtype=np.int64)
    )
    directions[modes == Mode.INTRA] = Direction.PAST
    shared = random.around(12, 2, 1, 1, 2)
    kind = random.below(12, 2, height, width, 1)
    vectors = np.where(
        kind < 5, shared, np.where(kind == 5, 0, random.around(9, 2, height, width, 2))
    )
    vectors = np.where(
        (kind == 6) | (kind == 7), shared + random.around(1, 2, height, width, 2), vectors
    )
    vectors = np.where(kind == 8, random.around(VECTOR_LIMIT, 2, height, width, 2), vectors)
    straight = (directions == Direction.AVERAGE) & (random.below(2, height, width) == 0)
    vectors[1][straight] = -vectors[0][straight]
    for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        vectors[reference][(modes == Mode.INTRA) | (directions == unused)] = 0
    return join_units(
        random, BlockFields(modes, directions, vectors, np.ones((height, width), dtype=np.int64))
    )


# Rows and columns of blocks, whether there are two references → the block layer of a frame.
FieldsMaker = Callable[[RawIntegers, int, int, bool], BlockFields]


def still_fields(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
    """Nothing moves, every block by itself with levels."""
    return BlockFields.blank(height, width, Mode.RESIDUAL)


def counted_fields(*counts: int) -> FieldsMaker:
    """A maker that remembers: nothing moves, and in the first frames so many blocks have levels,
    from the upper left on; later, all.
    """
    left = list(counts)

    def make(random: RawIntegers, height: int, width: int, two_references: bool) -> BlockFields:
        fields = BlockFields.blank(height, width, Mode.RESIDUAL)
        if left:
            fields.modes.reshape(-1)[left.pop(0) :] = Mode.SKIP
        return fields

    return make


def scattered_fields(
    random: RawIntegers, height: int, width: int, two_references: bool
) -> BlockFields:
    """Every block by itself, many intra, with vectors that differ from their neighbours' by 40 px
    at most.
    """
    fields = BlockFields.blank(height, width, Mode.SKIP)
    fields.modes[:] = random.below(len(Mode), height, width)
    fields.directions[:] = random.below(3 if two_references else 1, height, width)
    fields.directions[fields.modes == Mode.INTRA] = Direction.PAST
    fields.vectors[:] = random.around(40, 2, height, width, 2)
    for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        fields.vectors[reference][(fields.modes == Mode.INTRA) | (fields.directions == unused)] = 0
    return fields


def join_units(random: RawIntegers, fields: BlockFields) -> BlockFields:
    """Make units of 4 and of 2 blocks a side out of about half of those that may be one."""
    height, width = fields.modes.shape
    for side in (4, 2):
        for row, column in np.ndindex(-(-height // side), -(-width // side)):
            unit = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            modes = fields.modes[unit]
            # or hardly any unit would do
            modes[modes == Mode.INTRA] = np.where(random.one(4), Mode.SKIP, Mode.INTRA)
            if (
                random.one(2)
                and modes.size > 1
                and (modes != Mode.INTRA).all()
                and fields.sides[unit][0, 0] == 1
            ):
                fields.sides[unit] = side
                fields.directions[unit] = fields.directions[unit][0, 0]
                for vectors in fields.vectors:
                    vectors[unit] = vectors[unit][0, 0]
    return fields


def random_levels(random: RawIntegers, escape_odds: int = 150) -> LevelChooser:
    """A chooser whose levels lie near the networks' means, and one in ``escape_odds`` is anything
    the format can hold.
    """

    def choose(passed: PassContext) -> np.ndarray:
        context, count = passed.context, len(passed.rows) * passed.channels
        levels = context.sign * context.base + random.peaked(count) * (1 + random.below(2, count))
        anything = random.around(MAX_LEVEL, count) >> random.below(10, count)
        return np.where(random.below(escape_odds, count) == 0, anything, levels).reshape(
            len(passed.rows), passed.channels
        )

    return choose


def wide_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels of every symbol alike, and some at the limits."""

    def choose(passed: PassContext) -> np.ndarray:
        context, count = passed.context, len(passed.rows) * passed.channels
        levels = context.sign * (context.base + random.around(40, count))
        limits = np.where(random.below(2, count) > 0, MAX_LEVEL, -MAX_LEVEL)
        return np.where(random.below(escape_odds, count) == 0, limits, levels).reshape(
            len(passed.rows), passed.channels
        )

    return choose


def no_levels(random: RawIntegers, escape_odds: int) -> LevelChooser:
    """Levels of 0, which are coded all the same."""
    return lambda passed: np.zeros((len(passed.rows), passed.channels), dtype=np.int64)


LevelsMaker = Callable[[RawIntegers, int], LevelChooser]


def levels_after(count: int) -> LevelsMaker:
    """Levels of 0 for so many of a stream, then random ones."""

    def make(random: RawIntegers, escape_odds: int) -> LevelChooser:
        left, later, now = count, random_levels(random, escape_odds), no_levels(random, escape_odds)

        def choose(passed: PassContext) -> np.ndarray:
            nonlocal left
            left -= len(passed.rows) * passed.channels
            return (now if left >= 0 else later)(passed)

        return choose

    return make


@dataclass(frozen=True)
class UnitPlan:
    """One access unit to make; quantisers in coding order, one per frame."""

    structure: Structure
    quantisers: tuple[int, ...]
    durations: tuple[int, ...] | None = None  # display order; None: one tick each


@dataclass(frozen=True)
class MadeUnit:
    """An access unit and what decoding it must give, in display order."""

    unit: AccessUnit
    frames: tuple[LatentFrame, ...]


class StreamMaker:
    """Makes the access units of one stream in order, with random content."""

    def __init__(
        self,
        tables: CodecTables,
        header: SequenceHeader,
        seed: int,
        escape_odds: int = 150,
        fields: FieldsMaker = random_fields,
        levels: LevelsMaker = random_levels,
    ) -> None:
        self.tables, self.header = tables, header
        self._fields = fields
        self._random = RawIntegers(seed)
        self._choose = levels(self._random, escape_odds)
        self._coder: FrameCoder | None = None
        self._anchor: ReferenceFrame | None = None
        self._pts = 0

    def start_at(self, pts: int) -> None:
        """The timestamp of the next frame, ticks."""
        self._pts = pts

    def make(self, plan: UnitPlan) -> MadeUnit:
        """The next unit; the first must be a keyframe."""
        durations = plan.durations or (1,) * len(plan.quantisers)
        header, io = self.header, SymbolWriter()
        key = plan.structure == Structure.KEYFRAME
        if key:
            self._coder = FrameCoder(
                self.tables, header.latent_height, header.latent_width, header.block_latents
            )
        empty = AccessUnit(
            plan.structure, header if key else None, self._pts, durations, plan.quantisers, 0, b""
        )
        quantisers = dict(zip(empty.references, plan.quantisers, strict=True))
        frames: dict[int, LatentFrame] = {}
        if not key:
            self._coder.start_unit()

        def code(entry: FrameReference, references: tuple[ReferenceFrame, ...]) -> ReferenceFrame:
            if references:
                grid, has_future = self._coder.blocks.grid, len(references) == 2
                fields = self._fields(self._random, *grid, has_future)
                frame = self._coder.code_inter(
                    io, quantisers[entry], entry, references, fields, self._choose
                )
            else:
                frame = self._coder.code_keyframe(io, quantisers[entry], self._choose)
            frames[entry.display_index] = frame
            return ReferenceFrame(frame.latents.astype(np.int32))

        self._anchor = walk_group(empty.references, self._anchor, code)[-1]
        ordered = tuple(frames[index] for index in range(len(durations)))
        self._pts += sum(durations)
        unit = AccessUnit(
            plan.structure,
            empty.header,
            empty.first_pts,
            durations,
            plan.quantisers,
            latent_checksum(ordered),
            io.finish(),
        )
        return MadeUnit(unit, ordered)


def make_stream(
    tables: CodecTables,
    header: SequenceHeader,
    plans: tuple[UnitPlan, ...],
    seed: int,
    escape_odds: int = 150,
) -> tuple[MadeUnit, ...]:
    """A stream of random content."""
    maker = StreamMaker(tables, header, seed, escape_odds)
    return tuple(maker.make(plan) for plan in plans)
