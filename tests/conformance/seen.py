"""Counts the elements of format version 1 that the product meets while it decodes."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.container import StreamReader
from bitstream.v1.adaptive_tables import COUNT_LIMIT, TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.context_model import HIDDEN_LIMIT, MEAN_LIMIT, SliceNetwork, SymbolContext
from bitstream.v1.frame_coder import LatentFrame, to_positions
from bitstream.v1.observer import CodedLevels, Observer
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.quantiser import LATENT_LIMIT, MAX_LEVEL

from . import corpus
from .elements import keys_of


class Seen(Observer):
    """What was seen, by the names of ``required``.  sides: of squares of blocks."""

    sides: ClassVar[tuple[int, ...]] = (2, 4)

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._used: set[TableSet] = set()  # in the frame that is being decoded
        self._totals: dict[TableSet, np.ndarray] = {}  # of the counts, before their next update
        self._blocks: tuple[BlockContext, BlockFields] | None = None

    def add(self, key: str, times: int = 1) -> None:
        """Note an element."""
        self.counts[key] += int(times)

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray
    ) -> None:
        """Symbols, and what their tables have been through since the frame before."""
        self._used.add(tables)
        total = self._totals.pop(tables, None)
        if total is not None:
            self.add(f"counts halved: {tables.name}", (total > COUNT_LIMIT).any())
            self.add("counts at their limit", (total == COUNT_LIMIT).any())
            beyond = total == COUNT_LIMIT + tables.increment
            self.add("counts one symbol beyond their limit", beyond.any())
        for (table, symbol), times in Counter(
            zip(ids.tolist(), symbols.tolist(), strict=True)
        ).items():
            for key in keys_of(tables.name, table, symbol):
                self.add(key, times)

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray) -> None:
        """How long escapes are."""
        for value in values.tolist():
            self.add(f"escape of {(value + 1).bit_length()} bits")

    def evaluated(self, network: SliceNetwork, features: np.ndarray) -> None:
        """Whether limits inside the networks matter."""
        mean, scale = _unlimited(network, features, HIDDEN_LIMIT)
        self.add("a mean above its limit", (mean > MEAN_LIMIT).sum())
        self.add("a mean below its limit", (mean < -MEAN_LIMIT).sum())
        limited, free = (
            SymbolContext.of(np.clip(mean, -MEAN_LIMIT, MEAN_LIMIT), scale)
            for mean, scale in ((mean, scale), _unlimited(network, features, 1 << 45))
        )
        self.add(
            "hidden values above their limit, to some effect",
            ((limited.table != free.table) | (limited.base != free.base)).sum(),
        )

    def blocks_coded(self, context: BlockContext, fields: BlockFields) -> None:
        """Temporal motion, and scaling."""
        self._blocks = context, fields
        source, of = context.source, context.temporal_reference
        if not source.distances:
            self.add("temporal motion from a keyframe")
        else:
            future = context.has_future and source is context.references[1]
            self.add(f"temporal motion from the {'future' if future else 'past'} reference")
            self.add("temporal motion to the future of its source", of == 1)
            for distance in context.distances:
                self._scaled(source.motion[of], distance, source.distances[of])
        if context.has_future:
            past, future = context.distances
            predicted = fields.modes != Mode.INTRA
            for layer, direction in ((0, Direction.PAST), (1, Direction.FUTURE)):
                vectors = fields.vectors[layer][predicted & (fields.directions == direction)]
                self._scaled(vectors, *((future, past) if layer == 0 else (past, future)))

    def levels_coded(self, layer: CodedLevels) -> None:
        """Extreme levels; and what is to be known once a frame is complete."""
        for limit in (MAX_LEVEL, -MAX_LEVEL):
            self.add(f"level {limit}", (layer.levels == limit).sum())
        if layer.prediction is None:  # a keyframe, with which tables begin anew
            self._totals.clear()
        self._totals |= {tables: tables.counts.sum(1) for tables in self._used}
        self._used.clear()
        if self._blocks is not None:
            self._motion(self._blocks[1], layer.coded.shape)
        self._blocks = None

    def watched(self, tables: Tables) -> Tables:
        """Tables that decode the same, of a model about to be used."""
        return tables

    def unit(self, data: bytes, unit: AccessUnit, frames: tuple[LatentFrame, ...]) -> None:
        """Count what an access unit and its frames say."""
        structure = unit.structure.name.lower()
        self.add(f"structure {structure}")
        self.add(f"{structure} of {unit.frame_count}")
        if data[0] & 0x80:
            self.add(
                "offsets of quantisers" if len(set(unit.quantisers)) > 1 else "offsets of zero"
            )
        even = len(set(unit.durations)) == 1
        self.add("even durations" if even else "uneven durations")
        if even and unit.frame_count > 1 and data != unit.to_bytes():
            self.add("even durations, each written")
        self.add("negative first_pts", unit.first_pts < 0)
        self.add("a duration of 2^40", max(unit.durations) == 1 << 40)
        for frame in frames:
            self.add(f"quantiser {frame.quantiser}")
            for limit in (LATENT_LIMIT, -LATENT_LIMIT):
                self.add(f"latent {limit}", (frame.latents == limit).sum())
            height, width = frame.fields.sides.shape
            for side in self.sides:
                whole = frame.fields.sides == side
                cut = whole[height // side * side :].any() or whole[:, width // side * side :].any()
                self.add(f"square of {side} cut by the frame", cut)

    def stream(self, units: list[AccessUnit], stream: corpus.Stream) -> None:
        """Count what the headers and the file say."""
        headers = [unit.header for unit in units if unit.is_keyframe]
        self.add("several keyframes", len(headers) > 1)
        self.add("a keyframe whose header differs", any(header != headers[0] for header in headers))
        for header in headers:
            self.add(f"blocks of {header.block_size} px")
            self.add(f"{header.latent_channels} channels")
            self.add(f"rotation {header.rotation}")
            self.add("width no multiple of 8", header.width % 8 > 0)
            self.add("height no multiple of 8", header.height % 8 > 0)
            self.add("full range", header.colour.full_range)
            self.add("another pixel shape", header.sample_aspect_ratio not in (0, 1))
            self.add("frame rate unknown", header.frame_rate == 0)
            self.add("generative flag" if header.generated_content else "no generative flag")
            self.add("time base with a numerator", header.time_base.numerator > 1)
            self.add(f"crf {header.crf}")
            self.add(f"gop_size {header.gop_size}")
            self.add(f"preset {header.preset}")
            self.add("model name of 64 bytes", len(header.model_name.encode()) == 64)
        reader = StreamReader(stream.path)
        self.add("sound beside it", reader.audio_tracks)
        self.add("subtitles beside it", len(reader.tracks) - reader.audio_tracks)
        self.add("a model attached", reader.attached_model() is not None)

    def _scaled(self, vectors: np.ndarray, distance: int, over: int) -> None:
        exact = np.abs(vectors * distance) / abs(over)
        self.add("a scaled vector at its limit", (exact > VECTOR_LIMIT + 1).sum())

    def _motion(self, fields: BlockFields, shape: tuple[int, int]) -> None:
        """Which vectors the positions of a frame are predicted with."""
        block = shape[0] // len(fields.modes)
        predicted = fields.modes != Mode.INTRA
        for layer, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            uses = to_positions(predicted & (fields.directions != unused), block)
            vectors, (rows, columns) = (
                to_positions(fields.vectors[layer], block)[uses],
                uses.nonzero(),
            )
            for (y, x), times in Counter(map(tuple, (vectors & 7).tolist())).items():
                self.add(f"phase {y}, {x}", times)
            y, x = rows + (vectors[:, 0] >> 3), columns + (vectors[:, 1] >> 3)
            self.add("prediction from beyond the upper", (y < 0).sum())
            self.add("prediction from beyond the lower", (y >= shape[0]).sum())
            self.add("prediction from beyond the left", (x < 0).sum())
            self.add("prediction from beyond the right", (x >= shape[1]).sum())
            self.add("a vector of more than 500 px", (np.abs(vectors) > 500).any(1).sum())


def _unlimited(
    network: SliceNetwork, features: np.ndarray, hidden_limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Section 8.1 without the limit of means, and with another of hidden values."""
    hidden = len(network.mix)
    sums = features @ network.gather + network.gather_bias
    activation = np.floor(sums[:, :hidden] / 32).clip(0, hidden_limit)
    mixed = np.floor(activation @ network.mix / 64) + network.mix_bias
    out = np.floor((sums[:, hidden:] + mixed + 64) / 128).astype(np.int64)
    return out[:, : network.channels], out[:, network.channels :]
