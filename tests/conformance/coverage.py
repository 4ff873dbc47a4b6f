"""Counts the elements of the syntax that the product meets while it decodes, so that a corpus can
show what it reaches.

``python -m tests.conformance.coverage`` prints how often every element of the corpus was seen, as a
table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from unittest import mock

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import Structure
from bitstream.v1 import block_context, motion_vectors
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.context_model import INTRA, MEAN_LIMIT, SliceNetwork, SymbolContext
from bitstream.v1.frame_coder import FrameCoder, LatentFrame
from bitstream.v1.prediction import VECTOR_LIMIT, ReferenceFrame
from bitstream.v1.quantiser import LATENT_LIMIT, MAX_LEVEL
from bitstream.v1.symbol_coder import COUNT_LIMIT, SymbolReader, TableSet

from . import corpus

_STAGES, _CLASSES = (
    ("first", "diagonal", "edge"),
    ("one reference", "two references", "two next to it"),
)
_SIZES, _PLACES = (1, 2, 4), ("other", "edge", "mirrored")


def required() -> list[str]:
    """Every element that a corpus must reach."""
    keys = [f"structure {s.name.lower()}" for s in Structure]
    keys += [
        f"{structure} of {n}" for structure, n in product(("chain", "hierarchy"), range(1, 17))
    ]
    keys += [f"quantiser {q}" for q in range(128)]
    keys += (
        [f"blocks of {8 << n} px" for n in range(4)]
        + [f"{n} channels" for n in (1, 4, 16)]
        + [f"rotation {n}" for n in range(4)]
    )
    keys += [
        "offsets of quantisers",
        "offsets of zero",
        "even durations",
        "uneven durations",
        "even durations, each written",
        "negative first_pts",
    ]
    keys += [
        "a duration of 2^40",
        "several keyframes",
        "a keyframe whose header differs",
        "width no multiple of 8",
        "height no multiple of 8",
    ]
    keys += [
        "full range",
        "another pixel shape",
        "frame rate unknown",
        "generative flag",
        "no generative flag",
        "time base with a numerator",
    ]
    keys += [
        "crf 0",
        "crf 63",
        "gop_size 1",
        "gop_size 65535",
        "preset 0",
        "preset 9",
        "model name of 64 bytes",
    ]
    keys += ["sound beside it", "subtitles beside it", "a model attached"]
    keys += [
        f"mode {m.name.lower()}, {c}, {s} stage" for m, c, s in product(Mode, _CLASSES, _STAGES)
    ]
    keys += [
        f"mode context: {w} coded in references, {n} around" for w, n in product(range(3), range(5))
    ]
    keys += [f"mode context: an intra neighbour, {n} around" for n in range(1, 5)]
    keys += [
        f"unit of {side}: {what}, pass {p}, {two}"
        for side, what, p, two in product(
            (4, 2), ("apart", "joined"), (0, 1), ("one reference", "two")
        )
    ]
    keys += [f"unit context: {n} of 3 of its blocks coded" for n in range(3)] + [
        f"unit context: joined in {n} references" for n in range(3)
    ]
    keys += [f"unit context: neighbours {n}" for n in range(3)]
    keys += [f"unit of {side} cut by the frame" for side in (4, 2)]
    keys += [
        f"direction {d.name.lower()}, in the source {t}"
        for d, t in product(Direction, ("past", "future", "average", "intra"))
    ]
    keys += [f"direction of a unit of {side}" for side in _SIZES] + [
        f"direction context: neighbours {n}" for n in range(7)
    ]
    keys += [f"vector_merge {s}, {p}" for s, p in product((0, 1, 2, 3, 6), _PLACES)] + [
        "vector_merge 4, other",
        "vector_merge 4, edge",
    ]
    keys += ["vector_merge 5, other", "vector_merge 5, edge"]
    keys += [f"vector_merge of a {what}" for what in ("block", "unit")] + [
        f"vector_merge context: {n} differ" for n in range(5)
    ]
    keys += [f"vector_merge context: {n} candidates more" for n in range(6)]
    keys += [
        f"vector_delta {axis}, spread {s}"
        for axis, s in product(("vertical", "horizontal"), range(3))
    ]
    keys += [f"vector_delta {s}" for s in range(67)]
    keys += [
        f"temporal motion from {what}"
        for what in ("a keyframe", "the past reference", "the future reference")
    ]
    keys += ["temporal motion to the future of its source", "a scaled vector at its limit"]
    keys += [f"phase {y}, {x}" for y, x in product(range(8), range(8))]
    keys += [
        f"prediction from beyond the {edge}" for edge in ("upper", "lower", "left", "right")
    ] + ["a vector of more than 500 px"]
    keys += [f"{kind} level symbol {s}" for kind, s in product(("intra", "inter"), range(67))]
    keys += [f"{kind} level table {t}" for kind, t in product(("intra", "inter"), range(80))]
    keys += [f"escape of {n} bits" for n in range(1, 15)] + ["level 16383", "level -16383"]
    keys += ["latent 32767", "latent -32767"]
    keys += [f"counts halved: {name}" for name in ("mode", "vector_merge", "inter")]
    keys += ["counts at their limit", "counts one symbol beyond their limit"]
    keys += [
        "a mean above its limit",
        "a mean below its limit",
        "hidden values above their limit, to some effect",
    ]
    return keys


class Seen:
    """What was seen, by the names of ``required``."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._names: dict[int, tuple[object, str]] = {}

    def add(self, key: str, times: int = 1) -> None:
        """Note an element."""
        self.counts[key] += int(times)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A context in which everything that is decoded is counted."""
        start, code, escapes, update = (
            FrameCoder.__init__,
            SymbolReader.code,
            SymbolReader.code_escapes,
            TableSet.update,
        )
        predict, context, scaled = (
            ReferenceFrame.predict,
            BlockContext.__init__,
            motion_vectors.scaled,
        )
        levels, evaluate = SymbolContext.levels, SliceNetwork.evaluate

        def watched_start(coder: FrameCoder, *arguments: object) -> None:
            start(coder, *arguments)
            sets = coder.blocks.tables | {
                "intra" if kind == INTRA else "inter": s
                for kind, s in coder.levels.table_sets.items()
            }
            self._names.update({id(tables): (tables, name) for name, tables in sets.items()})

        def watched_code(
            reader: SymbolReader,
            tables: TableSet,
            ids: np.ndarray,
            symbols: np.ndarray | None = None,
        ) -> np.ndarray:
            found = code(reader, tables, ids, symbols)
            self._symbols(self._names[id(tables)][1], np.asarray(ids), found)
            return found

        def watched_escapes(reader: SymbolReader, values: np.ndarray) -> np.ndarray:
            found = escapes(reader, values)
            for value in found.tolist():
                self.add(f"escape of {(value + 1).bit_length()} bits")
            return found

        def watched_update(tables: TableSet) -> None:
            if id(tables) in self._names:
                total = tables.counts.sum(1)
                self.add(
                    f"counts halved: {self._names[id(tables)][1]}", (total > COUNT_LIMIT).any()
                )
                self.add("counts at their limit", (total == COUNT_LIMIT).any())
                self.add(
                    "counts one symbol beyond their limit",
                    (total == COUNT_LIMIT + tables.increment).any(),
                )
            update(tables)

        def watched_predict(
            frame: ReferenceFrame,
            filters: np.ndarray,
            rows: np.ndarray,
            columns: np.ndarray,
            vectors: np.ndarray,
        ) -> np.ndarray:
            self._motion(frame, rows, columns, vectors)
            return predict(frame, filters, rows, columns, vectors)

        def watched_context(made: BlockContext, known: dict, entry: object) -> None:
            context(made, known, entry)
            self._temporal(made)

        def watched_scaled(vectors: np.ndarray, distance: int, over: int) -> np.ndarray:
            found = scaled(vectors, distance, over)
            exact = np.abs(vectors * distance) / abs(over)
            self.add(
                "a scaled vector at its limit",
                ((np.abs(found) == VECTOR_LIMIT) & (exact > VECTOR_LIMIT + 1)).sum(),
            )
            return found

        def watched_network(
            network: SliceNetwork, features: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            mean, scale = evaluate(network, features)
            with mock.patch("bitstream.v1.context_model.MEAN_LIMIT", 1 << 40):
                free, _ = evaluate(network, features)
                with mock.patch("bitstream.v1.context_model.HIDDEN_LIMIT", 1 << 45):
                    other, other_scale = evaluate(network, features)
            self.add("a mean above its limit", (free > mean).sum())
            self.add("a mean below its limit", (free < mean).sum())
            one, two = (
                SymbolContext.of(mean, scale),
                SymbolContext.of(np.clip(other, -MEAN_LIMIT, MEAN_LIMIT), other_scale),
            )
            self.add(
                "hidden values above their limit, to some effect",
                ((one.table != two.table) | (one.base != two.base)).sum(),
            )
            return mean, scale

        def watched_levels(made: object, symbols: np.ndarray, beyond: np.ndarray) -> np.ndarray:
            found = levels(made, symbols, beyond)
            for limit in (MAX_LEVEL, -MAX_LEVEL):
                self.add(f"level {limit}", (found == limit).sum())
            return found

        with (
            mock.patch.object(FrameCoder, "__init__", watched_start),
            mock.patch.object(SymbolReader, "code", watched_code),
            mock.patch.object(SymbolReader, "code_escapes", watched_escapes),
            mock.patch.object(TableSet, "update", watched_update),
            mock.patch.object(ReferenceFrame, "predict", watched_predict),
            mock.patch.object(BlockContext, "__init__", watched_context),
            mock.patch.object(motion_vectors, "scaled", watched_scaled),
            mock.patch.object(block_context, "scaled", watched_scaled),
            mock.patch("bitstream.v1.context_model.SymbolContext.levels", watched_levels),
            mock.patch.object(SliceNetwork, "evaluate", watched_network),
        ):
            yield

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
            for side in (2, 4):
                whole = frame.fields.sides == side
                cut = whole[height // side * side :].any() or whole[:, width // side * side :].any()
                self.add(f"unit of {side} cut by the frame", cut)

    def stream(self, units: list[AccessUnit], stream: corpus.Stream) -> None:
        """Count what the headers and the file say."""
        from bitstream.container import StreamReader

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

    def _symbols(self, name: str, ids: np.ndarray, symbols: np.ndarray) -> None:
        for (table, symbol), times in Counter(zip(ids.tolist(), symbols.tolist())).items():
            for key in _keys(name, table, symbol):
                self.add(key, times)

    def _motion(
        self, frame: ReferenceFrame, rows: np.ndarray, columns: np.ndarray, vectors: np.ndarray
    ) -> None:
        for (y, x), times in Counter(map(tuple, (vectors & 7).tolist())).items():
            self.add(f"phase {y}, {x}", times)
        y, x = rows + (vectors[:, 0] >> 3), columns + (vectors[:, 1] >> 3)
        beyond = {
            "upper": y < 0,
            "lower": y >= frame.height,
            "left": x < 0,
            "right": x >= frame.width,
        }
        for edge, where in beyond.items():
            self.add(f"prediction from beyond the {edge}", where.sum())
        self.add("a vector of more than 500 px", (np.abs(vectors).max(1) > 500).sum())

    def _temporal(self, context: BlockContext) -> None:
        if not context.source.distances:
            self.add("temporal motion from a keyframe")
            return
        future = context.two and context.source is context.references[1]
        self.add(f"temporal motion from the {'future' if future else 'past'} reference")
        self.add("temporal motion to the future of its source", context.two and not future)


def _keys(name: str, table: int, symbol: int) -> list[str]:
    """What a symbol under a table stands for, by section 6 of FORMAT.md."""
    if name == "mode":
        (kind, rest), (w, rest2) = divmod(table, 90), divmod(table % 30, 10)
        i, n = divmod(rest2, 5)
        context = (
            f"mode context: an intra neighbour, {n} around"
            if i
            else f"mode context: {w} coded in references, {n} around"
        )
        return [
            f"mode {Mode(symbol).name.lower()}, {_CLASSES[kind]}, {_STAGES[rest // 30]} stage",
            context,
        ]
    if name == "unit":
        side, what = (2 if table >= 108 else 4), ("apart", "joined")[symbol]
        two, second = ("one reference", "two")[table % 108 // 54], table % 54 // 27
        load, before, around = table % 27 // 9, table % 9 // 3, table % 3
        contexts = (
            f"{load} of 3 of its blocks coded",
            f"joined in {before} references",
            f"neighbours {around}",
        )
        return [
            f"unit of {side}: {what}, pass {second}, {two}",
            *(f"unit context: {context}" for context in contexts),
        ]
    if name == "direction":
        there = ("past", "future", "average", "intra")[table // 21]
        size = f"direction of a unit of {_SIZES[table % 21 // 7]}"
        return [
            f"direction {Direction(symbol).name.lower()}, in the source {there}",
            size,
            f"direction context: neighbours {table % 7}",
        ]
    if name == "vector_merge":
        place = _PLACES[table % 90 // 30]
        return [
            f"vector_merge {symbol}, {place}",
            f"vector_merge of a {'unit' if table >= 90 else 'block'}",
            f"vector_merge context: {table % 30 // 6} differ",
            f"vector_merge context: {table % 6} candidates more",
        ]
    if name == "vector_delta":
        axis = (
            f"vertical, spread {table}" if table < 3 else f"horizontal, spread {(table - 3) // 2}"
        )
        return [f"vector_delta {axis}", f"vector_delta {symbol}"]
    return [f"{name} level symbol {symbol}", f"{name} level table {table}"]


def measure(streams: list[corpus.Stream]) -> Counter[str]:
    """Decode files and count."""
    seen, tables = Seen(), {}
    for stream in streams:
        if stream.model not in tables:
            tables[stream.model] = corpus.load_tables(stream.model, stream.folder)
        with seen.watching():
            units = list(corpus.decode(stream, tables[stream.model]))
        for data, (unit, frames) in zip(corpus.units_of(stream), units):
            seen.unit(data, unit, frames)
        seen.stream([unit for unit, _ in units], stream)
    return seen.counts


def main() -> None:
    """Print all elements with their counts."""
    counts = measure(corpus.streams())
    print("| element | seen |\n|---|---|")
    for key in required():
        print(f"| {key} | {counts[key]} |")


if __name__ == "__main__":
    main()
