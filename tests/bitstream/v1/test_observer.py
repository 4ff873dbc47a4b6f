"""The observer: writer and reader tell it the same, in order, and it changes nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from bitstream.group_structure import Structure, coding_order
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.context_model import SliceNetwork
from bitstream.v1.frame_coder import FrameCoder
from bitstream.v1.merged_blocks import leaders
from bitstream.v1.observer import CodedLevels, Observer
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter, escape_bits

from ..synthetic import RawIntegers, random_fields, random_levels, synthetic_tables

TABLES = synthetic_tables()
HEIGHT, WIDTH, BLOCK = 24, 16, 2
BLOCKS = ["mode", "block_merge", "direction", "vector_merge", "vector_delta"]
LEVELS = ["intra_levels", "inter_levels"]


class Event(NamedTuple):
    """A call: its table set, whether of escapes, symbols or values, places, and bits."""

    name: str
    escapes: bool
    values: list[int]
    places: list[int]
    bits: float


class Notes(Observer):
    """Events of every frame, and its layers."""

    def __init__(self) -> None:
        self.frames: list[list[Event]] = [[]]
        self.fields: list[BlockFields] = []
        self.layers: list[CodedLevels] = []
        self.evaluated_positions = 0

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray
    ) -> None:
        bits = float(tables.costs[ids, symbols].sum())
        event = Event(tables.name, False, symbols.tolist(), places.tolist(), bits)
        self.frames[-1].append(event)

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray) -> None:
        bits = float(escape_bits(values).sum())
        event = Event(tables.name, True, values.tolist(), places.tolist(), bits)
        self.frames[-1].append(event)

    def evaluated(self, network: SliceNetwork, features: np.ndarray) -> None:
        self.evaluated_positions += len(features)

    def blocks_coded(self, context: BlockContext, fields: BlockFields) -> None:
        self.fields.append(fields)

    def levels_coded(self, layer: CodedLevels) -> None:
        self.layers.append(layer)
        self.frames.append([])


class Coded(NamedTuple):
    """A keyframe and a hierarchy of two: bytes, the writer's and the reader's notes, frames."""

    data: bytes
    written: Notes
    read: Notes
    frames: list


def code(observed: bool = True) -> Coded:
    random, order = RawIntegers(5), coding_order(Structure.HIERARCHY, 2)
    written, read = Notes(), Notes()
    writer, coder = (
        SymbolWriter(written if observed else None),
        FrameCoder(TABLES, HEIGHT, WIDTH, 2),
    )
    choose = random_levels(random)
    frames = [coder.code_keyframe(writer, 30, choose)]
    known = {0: FrameCoder.reference(frames[0])}
    coder.start_unit()
    for entry in order:
        fields = random_fields(random, HEIGHT // BLOCK, WIDTH // BLOCK, entry.future is not None)
        references = tuple(known[number] for number in entry.references)
        frames.append(coder.code_inter(writer, 30, entry, references, fields, choose))
        known[entry.number] = FrameCoder.reference(frames[-1])
    data = writer.finish()
    reader, coder = SymbolReader(data, read), FrameCoder(TABLES, HEIGHT, WIDTH, 2)
    known = {0: ReferenceFrame(coder.code_keyframe(reader, 30).latents.astype(np.int32))}
    coder.start_unit()
    for entry in order:
        references = tuple(known[number] for number in entry.references)
        frame = coder.code_inter(reader, 30, entry, references)
        known[entry.number] = FrameCoder.reference(frame)
    return Coded(data, written, read, frames)


@pytest.fixture(scope="module")
def coded() -> Coded:
    return code()


def test_it_changes_nothing(coded: Coded) -> None:
    assert code(observed=False).data == coded.data


def test_writer_and_reader_tell_the_same(coded: Coded) -> None:
    assert coded.written.frames == coded.read.frames
    for written, read in zip(coded.written.layers, coded.read.layers, strict=True):
        assert (written.levels == read.levels).all()


def test_elements_come_in_the_order_of_the_syntax(coded: Coded) -> None:
    keyframe, last, middle, rest = coded.read.frames
    assert rest == [] and {event.name for event in keyframe} == {"intra_levels"}
    for events, elements in ((last, [e for e in BLOCKS if e != "direction"]), (middle, BLOCKS)):
        names = [event.name for event in events]
        in_order = list(dict.fromkeys(names))
        assert in_order[: len(elements)] == elements
        assert in_order[len(elements) :] and set(in_order[len(elements) :]) <= set(LEVELS)
        first_levels = names.index(in_order[len(elements)])
        assert not set(names[first_levels:]) & set(BLOCKS)


def test_every_bit_is_told(coded: Coded) -> None:
    for events, frame in zip(coded.read.frames, coded.frames, strict=False):
        blocks = sum(event.bits for event in events if event.name in BLOCKS)
        levels = sum(event.bits for event in events if event.name in LEVELS)
        assert blocks == pytest.approx(frame.block_bits)
        assert levels == pytest.approx(frame.level_bits)
    assert any(event.escapes for events in coded.read.frames for event in events)


def test_places_are_what_symbols_speak_for(coded: Coded) -> None:
    for events, frame in zip(coded.read.frames[1:], coded.frames[1:], strict=False):
        fields, by_name = frame.fields, {}
        for event in events:
            if not event.escapes:
                assert len(event.places) == len(event.values)
                by_name.setdefault(event.name, []).extend(
                    zip(event.places, event.values, strict=True)
                )
        modes = fields.modes.reshape(-1)
        assert sorted(by_name["mode"]) == list(enumerate(modes.tolist()))
        leading = set(leaders(fields.sides)[modes != Mode.INTRA].tolist())
        assert {place for place, _ in by_name["vector_merge"]} == leading
        if "direction" in by_name:
            directions = fields.directions.reshape(-1).tolist()
            assert sorted(by_name["direction"]) == [(b, directions[b]) for b in sorted(leading)]
        channels, columns = TABLES.latent_channels, WIDTH
        positions = [place for name in LEVELS for place, _ in by_name.get(name, [])]
        expected = np.flatnonzero(np.repeat(np.repeat(fields.coded, BLOCK, 0), BLOCK, 1))
        assert sorted(positions) == np.repeat(expected, channels).tolist()
        assert max(positions) < HEIGHT * columns


def test_level_layers_are_the_levels_of_the_frames(coded: Coded) -> None:
    keyframe, *inter = coded.read.layers
    assert keyframe.prediction is None and keyframe.coded.all() and keyframe.intra.all()
    assert not keyframe.previous.any() and not inter[0].previous.any()
    assert (inter[1].previous == inter[0].levels).all()
    for layer in (keyframe, *inter):
        assert not layer.levels[:, ~layer.coded].any() and layer.levels.any()
    positions = sum(int(layer.coded.sum()) for layer in coded.read.layers)
    assert coded.read.evaluated_positions == positions * len(TABLES.slices)


def test_block_layers_are_those_of_the_frames(coded: Coded) -> None:
    assert len(coded.read.fields) == 2
    for fields, frame in zip(coded.read.fields, coded.frames[1:], strict=True):
        assert (fields.modes == frame.fields.modes).all()
        assert (fields.vectors == frame.fields.vectors).all()


def test_an_observer_need_not_look_at_anything() -> None:
    writer = SymbolWriter(Observer())
    frame = FrameCoder(TABLES, 4, 4, 1).code_keyframe(writer, 30, random_levels(RawIntegers(1)))
    assert frame.level_bits > 0 and writer.finish()
