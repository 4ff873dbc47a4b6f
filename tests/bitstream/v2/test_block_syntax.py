"""The block layer of version 2: what is written is read, by both decoders, and what is illegal is
refused.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.block_elements import BLOCK_MERGE, DIRECTION, INTRA
from bitstream.v2.block_syntax import BlockCoder
from bitstream.v2.derived_blocks import DerivableFields, derived_in

from ...conformance.reference_v1.entropy import RangeDecoder
from ...conformance.reference_v2.blocks import SecondBlockLayer
from ..synthetic.integers import RawIntegers
from .block_layers import PRIORS, derivable_fields_of, deriver, motion_of

ONE = FrameReference(0, 0, None)  # a chain of one frame
Unit = list[tuple[FrameReference, BlockFields]]


def assert_same(a: BlockFields, b: BlockFields) -> None:
    for name in ("modes", "directions", "vectors", "sides"):
        assert (getattr(a, name) == getattr(b, name)).all(), name
    assert (derived_in(a) == derived_in(b)).all()


def round_trip(units: list[Unit]) -> SymbolWriter:
    """Write and read the frames of units, which must come back → what was written."""
    height, width = units[0][0][1].modes.shape
    writer, sender = SymbolWriter(), BlockCoder(PRIORS, height, width)
    for unit in units:
        sender.start_unit()
        for entry, fields in unit:
            derive = deriver(entry, height, width)
            assert_same(sender.code(writer, fields, entry, derive), fields)
    reader, receiver = SymbolReader(writer.finish()), BlockCoder(PRIORS, height, width)
    for unit in units:
        receiver.start_unit()
        for entry, fields in unit:
            blank = BlockFields.blank(height, width, Mode.SKIP)
            derive = deriver(entry, height, width)
            assert_same(receiver.code(reader, blank, entry, derive), fields)
    for name, tables in sender.tables.items():
        assert (tables.counts == receiver.tables[name].counts).all()
    return writer


def check_by_text(data: bytes, units: list[Unit]) -> None:
    """The decoder written from the text gives the frames back too."""
    height, width = units[0][0][1].modes.shape
    priors = {name: table.tolist() for name, table in PRIORS.items()}
    coder, slow = RangeDecoder(data), SecondBlockLayer(priors, height, width)

    def derive(distances: list[int], _: list) -> list[dict]:
        motion = motion_of(distances[0], height, width)
        return [
            {place: each[place].tolist() for place in np.ndindex(height, width)} for each in motion
        ]

    slow.derive = derive
    for unit in units:
        slow.start_unit(len(unit))
        for entry, fields in unit:
            blocks = slow.decode(coder, entry.number, entry.past, entry.future)
            assert blocks.modes == fields.modes.tolist()
            assert blocks.sides == fields.sides.tolist()
            assert blocks.derived == set(
                zip(*map(np.ndarray.tolist, derived_in(fields).nonzero()), strict=True)
            )
            assert blocks.directions == fields.directions.tolist()
            assert blocks.vectors == fields.vectors.tolist()


@settings(max_examples=30)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(
        st.tuples(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]), st.integers(1, 4)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1 << 30),
)
def test_what_is_written_is_read(
    height: int, width: int, structures: list[tuple[Structure, int]], seed: int
) -> None:
    random = RawIntegers(seed)
    units = [
        [
            (entry, derivable_fields_of(random, height, width, entry))
            for entry in coding_order(structure, frames)
        ]
        for structure, frames in structures
    ]
    check_by_text(round_trip(units).finish(), units)


def test_a_still_frame_of_1080p_takes_few_bytes() -> None:
    """Under frequencies that have seen such frames."""
    still = BlockFields.blank(136, 240, Mode.SKIP)
    still.sides[:] = 8
    many, one_more = ([(ONE, still)] for _ in range(2))
    first = round_trip([many] * 3).bits
    assert round_trip([many] * 3 + [one_more]).bits - first < 8 * 60


def written(**symbols: list[int]) -> bytes:
    """A block layer of one block, as far as symbols are given, by element under table 0 of two
    references or of one.
    """
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, chosen in symbols.items():
        ids = np.zeros(len(chosen), dtype=np.int64)
        writer.code(tables[name], ids, np.array(chosen))
    return writer.finish()


@pytest.mark.parametrize("direction", [Direction.FUTURE, Direction.AVERAGE])
def test_a_direction_without_a_reference_is_refused(direction: Direction) -> None:
    reader = SymbolReader(written(direction=[int(direction)]))
    with pytest.raises(BitstreamError, match="has not"):
        BlockCoder(PRIORS, 1, 1).code(reader, BlockFields.blank(1, 1, Mode.SKIP), ONE)


def test_a_merged_block_that_is_intra_is_refused() -> None:
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 2).tables
    one = np.ones(1, dtype=np.int64)
    merge = np.array([BLOCK_MERGE.index(steady=1)])
    writer.code(tables["block_merge"], merge, one)
    size = np.array([DIRECTION.index(size=3)])
    writer.code(tables["direction"], size, INTRA * one)
    with pytest.raises(BitstreamError, match="intra"):
        BlockCoder(PRIORS, 1, 2).code(
            SymbolReader(writer.finish()), BlockFields.blank(1, 2, Mode.SKIP), ONE
        )


def test_derived_blocks_without_pictures_are_refused() -> None:
    between = FrameReference(0, 0, 2)
    fields = DerivableFields.blank(2, 3, Mode.SKIP)
    fields.derived[:], fields.directions[:] = True, Direction.AVERAGE
    with pytest.raises(BitstreamError, match="without pictures"):
        coder_with_two(2, 3).code(SymbolWriter(), fields, between)


def test_frames_with_one_reference_have_no_derived_blocks() -> None:
    fields = DerivableFields.blank(2, 3, Mode.SKIP)
    fields.derived[:] = True
    found = BlockCoder(PRIORS, 2, 3).code(SymbolWriter(), fields, ONE)
    assert not found.derived.any()


def coder_with_two(height: int, width: int) -> BlockCoder:
    """A coder that knows the frames 0 and 2 of a unit."""
    coder = BlockCoder(PRIORS, height, width)
    coder.start_unit()
    blank = BlockFields.blank(height, width, Mode.SKIP)
    coder.code(SymbolWriter(), blank, FrameReference(1, 0, None))
    return coder
