"""Counts the elements of format version 2 that the product meets while it decodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ldexp
from typing import ClassVar

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.quantiser import LATENT_LIMIT, MAX_LEVEL
from bitstream.v2.block_elements import MERGE_SIDES
from bitstream.v2.context_network import HIDDEN_LIMIT, MEAN_LIMIT, SliceNetwork
from bitstream.v2.derived_blocks import derived_in
from bitstream.v2.difference_taps import NEXT, has_surroundings, own_taps
from bitstream.v2.frame_coder import RefinedFrame
from bitstream.v2.level_contexts import LEVEL_CLASSES
from bitstream.v2.local_quantisers import square_grid
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.moved_pictures import CELL, FRACTION_BITS
from bitstream.v2.scan import LATTICE
from bitstream.v2.tables import LevelTables

from .second_elements import DIRECTIONS, EXPECTED, keys_of, pass_key
from .seen import Seen

_RADIUS = {one.name: one.radius for one in LEVEL_CLASSES}
_AS_EXPECTED = 48  # symbol of a local offset
_HALVES = ("whole", "half")
_SAMPLES = 0, 1020
Add = Callable[[str, int], None]


class SecondSeen(Seen):
    """What was seen, by the names of ``second_elements.required``."""

    sides: ClassVar[tuple[int, ...]] = MERGE_SIDES

    def __init__(self) -> None:
        super().__init__()
        self._of_frame: Counter[str] = Counter()  # symbols, by element
        self._fields: BlockFields | None = None  # None in a keyframe

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray
    ) -> None:
        """Symbols."""
        name, slices = tables.name, tables.frequencies.shape[1] - 1
        if name == "slice_count":
            self._fields = None
        self._of_frame[name] += len(ids)
        pairs = zip(ids.tolist(), symbols.tolist(), strict=True)
        for (table, symbol), times in Counter(pairs).items():
            for key in self._keys(name, table, symbol, slices):
                self.add(key, times)

    def _keys(self, name: str, table: int, symbol: int, slices: int) -> list[str]:
        frame = "keyframe" if self._fields is None else "inter frame"
        if name == "has_local_offsets":
            return [f"{name} {symbol}, {frame}"]
        if name == "local_offset":
            return [f"{name} {EXPECTED[symbol != _AS_EXPECTED]}, table {table}, {frame}"]
        return keys_of(name, table, symbol, slices)

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray) -> None:
        """How long escapes are, and the largest levels."""
        super().escaped(tables, values, places)
        radius = _RADIUS.get(tables.name.removeprefix("inter."))
        if radius is not None:
            self.add(f"{tables.name}: an escape", len(values))
            self.add("level of magnitude 16383", (values + radius + 1 == MAX_LEVEL).sum())

    def blocks_coded(self, context: BlockContext, fields: BlockFields) -> None:
        """Temporal motion, scaling, and what is moved how."""
        super().blocks_coded(context, fields)
        self._fields = fields
        predicted = fields.modes != Mode.INTRA
        moves = predicted & fields.vectors.any((0, -1))
        self.add("a frame that moves", moves.any())
        self.add("a frame that stands still", predicted.any() and not moves.any())
        self.add("a frame of intra blocks", not predicted.any())
        self.add("a frame without coded blocks", not fields.coded.any())
        for direction in Direction:
            at = predicted & ~moves & (fields.directions == direction)
            self.add(f"a block that stands still, {direction.name.lower()}", at.sum())
        if moves.any():
            self._corners(fields, ~predicted)
        derived = derived_in(fields)
        self.add("a derived block that moves", (derived & moves).sum())
        self.add("a derived block that stands still", (derived & ~moves).sum())
        far = derived.any() and sum(context.distances) != 0
        self.add("derived motion between references at different distances", far)

    def _corners(self, fields: BlockFields, intra: np.ndarray) -> None:
        """How many motions meet where four blocks do."""
        motion = np.concatenate([fields.directions[None], *fields.vectors.transpose(0, 3, 1, 2)])
        parts = motion[:, :-1, :-1], motion[:, :-1, 1:], motion[:, 1:, :-1], motion[:, 1:, 1:]
        meeting = np.stack(parts).reshape(4, len(motion), -1)
        for corner in meeting.transpose(2, 0, 1).tolist():
            self.add(f"a corner where {len(set(map(tuple, corner)))} motions meet")
        beside = ~intra[:, 1:] & fields.vectors[:, :, 1:].any((0, -1))
        self.add("an intra block beside one that moves", (intra[:, :-1] & beside).sum())

    def frame_coded(self, height: int, width: int) -> None:
        """What is to be known once a frame is complete."""
        said, fields = self._of_frame, self._fields
        rows, columns = square_grid(height, width)
        has_levels = fields is None or fields.coded.any()
        silent = has_levels and not said["has_local_offsets"]
        self.add("a frame without any square that takes part", silent)
        some = 0 < said["local_offset"] < rows * columns
        self.add("a frame in which some squares take part", some)
        if fields is not None:
            self._vectors(fields, height, width)
        self._of_frame = Counter()

    def _vectors(self, fields: BlockFields, height: int, width: int) -> None:
        block = CELL * height // len(fields.modes)  # px
        rows, columns = np.indices(fields.modes.shape) * block
        for layer, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            used = (fields.modes != Mode.INTRA) & (fields.directions != unused)
            used &= fields.vectors.any((0, -1))
            vectors, directions = fields.vectors[layer][used], fields.directions[used]
            for y, x, d in zip(*(vectors & 1).T.tolist(), directions.tolist(), strict=True):
                self.add(f"{_HALVES[y]} rows, {_HALVES[x]} columns, {DIRECTIONS[d]}")
            whole = vectors >> FRACTION_BITS
            top, left = rows[used] + whole[:, 0], columns[used] + whole[:, 1]
            self.add("prediction from beyond the upper", (top < 0).sum())
            self.add("prediction from beyond the lower", (top + block > CELL * height).sum())
            self.add("prediction from beyond the left", (left < 0).sum())
            self.add("prediction from beyond the right", (left + block > CELL * width).sum())
            self.add("a vector of more than 250 px", (np.abs(vectors) > 500).any(1).sum())

    def unit(self, data: bytes, unit: AccessUnit, frames: tuple[RefinedFrame, ...]) -> None:
        """Count what an access unit and its frames say."""
        super().unit(data, unit, frames)
        for frame in frames:
            size = frame.latents.shape[1:]
            if unit.is_keyframe:
                self._passes(*size)
                continue
            moved = frame.fields.vectors.any()
            self.add(
                "a picture of an odd number of rows or columns", moved and any(np.mod(size, 2))
            )
            known = np.unique(frame.quantiser_map)
            self.add("a quantiser that motion brought along", moved and len(known) > 1)

    def _passes(self, height: int, width: int) -> None:
        for one in LATTICE:
            mask = one.mask(height, width)
            self.add(pass_key(one, bool(mask.any())))
            if has_surroundings(one.new):
                places = np.argwhere(mask)
                near = places[:, None] + np.array(own_taps(one.new)[:NEXT])
                inside = ((near >= 0) & (near < mask.shape)).all(-1).sum(1)
                for count in inside.tolist():
                    self.add(f"a middle of {count} known neighbours")

    def watched(self, tables: LevelTables) -> LevelTables:
        """The same tables, which tell of what their networks do."""

        def of(kind: str, networks: tuple[SliceNetwork, ...]) -> tuple[SliceNetwork, ...]:
            return tuple(_Watched(**vars(one), kind=kind, add=self.add) for one in networks)

        inter = tables.inter
        if inter is not None:
            loop = _WatchedLoop(inter.loop, self.add)
            inter = replace(inter, networks=of("inter", inter.networks), loop=loop)
        differences = of("difference", tables.differences)
        return replace(
            tables,
            networks=of("context", tables.networks),
            differences=differences,
            inter=inter,
        )


@dataclass(frozen=True)
class _Watched(SliceNetwork):
    """A network that tells of its limits."""

    kind: str = ""
    add: Add = field(default=lambda key, times: None)

    def evaluate(
        self, features: np.ndarray, weights: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """As it would, counting."""
        direct, gather = weights
        hidden = np.floor((features[:, -len(gather) :] @ gather + self.gather_bias) / 256)
        self._count("a hidden unit above", hidden > HIDDEN_LIMIT)
        mixed = np.floor(np.clip(hidden, 0, HIDDEN_LIMIT) @ self.mix / 16)
        sums = mixed + features[:, : len(direct)] @ direct + self.direct_bias
        means = np.floor(ldexp(1, -12) * (sums + 2048))[:, : self.channels]
        self._count("a mean above", means > MEAN_LIMIT)
        self._count("a mean below", means < -MEAN_LIMIT)
        if self.kind == "difference":
            before = (len(self.direct) - 5) // 2 - 16 * self.channels
            self.add(f"difference network after {before // 24} channels", 1)
        return super().evaluate(features, weights)

    def _count(self, what: str, where: np.ndarray) -> None:
        self.add(f"{self.kind} network, {what} its limit", where.sum())


class _WatchedLoop(LoopNetworks):
    """Networks of the loop that tell of extreme samples and latents."""

    def __init__(self, loop: LoopNetworks, add: Add) -> None:
        super().__init__(loop.shape, loop.layers, loop.curves)
        self._add = add

    def picture(self, latents: np.ndarray, quantisers: np.ndarray) -> np.ndarray:
        """As it would, counting."""
        made = super().picture(latents, quantisers)
        for sample in _SAMPLES:
            self._add(f"a picture with samples of {sample}", int((made == sample).any()))
        return made

    def latents(self, picture: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
        """As it would, counting."""
        made = super().latents(picture, wanted)
        seen = made if wanted is None else made[:, wanted]
        for limit in (LATENT_LIMIT, -LATENT_LIMIT):
            self._add(f"latents of a moved picture at {limit}", int((seen == limit).any()))
        return made
