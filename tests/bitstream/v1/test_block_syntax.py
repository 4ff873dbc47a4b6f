"""The block layer: what is written is read, by both decoders, and what is illegal is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter

from ...conformance.reference_v1.blocks import BlockLayer
from ...conformance.reference_v1.entropy import RangeDecoder
from ..synthetic import RawIntegers, random_fields
from .block_layers import LAST, MIDDLE, ONE, PRIORS, STORED_PRIORS, between

Unit = list[tuple[FrameReference, BlockFields]]


def assert_same(a: BlockFields, b: BlockFields) -> None:
    for name in ("modes", "directions", "vectors", "sides"):
        assert (getattr(a, name) == getattr(b, name)).all(), name


def round_trip(units: list[Unit]) -> tuple[BlockCoder, SymbolWriter, bytes]:
    """Write and read the frames of units; both readers must give them back, ours with the writer's
    state.
    """
    height, width = units[0][0][1].modes.shape
    writer, sender = SymbolWriter(), BlockCoder(PRIORS, height, width)
    for unit in units:
        sender.start_unit()
        for entry, fields in unit:
            assert_same(sender.code(writer, fields, entry), fields)
    data = writer.finish()
    reader, receiver = SymbolReader(data), BlockCoder(PRIORS, height, width)
    for unit in units:
        receiver.start_unit()
        for entry, fields in unit:
            assert_same(
                receiver.code(reader, BlockFields.blank(height, width, Mode.SKIP), entry), fields
            )
    coder, slow = RangeDecoder(data), BlockLayer(STORED_PRIORS, height, width)
    for unit in units:
        slow.start_unit(len(unit))
        for entry, fields in unit:
            blocks = slow.decode(coder, entry.number, entry.past, entry.future)
            expected = (
                fields.modes.tolist(),
                fields.sides.tolist(),
                fields.directions.tolist(),
                fields.vectors.tolist(),
            )
            assert (blocks.modes, blocks.sides, blocks.directions, blocks.vectors) == expected
    assert reader.bits == pytest.approx(writer.bits)
    assert sender.known.keys() == receiver.known.keys()
    for number, blocks in sender.known.items():
        assert (blocks.motion == receiver.known[number].motion).all()
    for name, tables in sender.tables.items():
        assert (tables.counts == receiver.tables[name].counts).all()
    return sender, writer, data


def random_unit(
    random: RawIntegers, structure: Structure, frames: int, height: int, width: int
) -> Unit:
    order = coding_order(structure, frames)
    return [
        (entry, random_fields(random, height, width, entry.future is not None)) for entry in order
    ]


@settings(max_examples=80)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(
        st.tuples(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]), st.integers(1, 5)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1 << 30),
)
def test_what_is_written_is_read(
    height: int, width: int, units: list[tuple[Structure, int]], seed: int
) -> None:
    random = RawIntegers(seed)
    _, writer, data = round_trip(
        [random_unit(random, structure, frames, height, width) for structure, frames in units]
    )
    assert len(data) <= 1.005 * writer.bits / 8 + 8


@given(st.data())
def test_any_fields(data: st.DataObject) -> None:
    height, width, two = (
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 4)),
        data.draw(st.booleans()),
    )
    component = st.sampled_from(
        [0, 0, 1, -32, -33, 32, 33, -VECTOR_LIMIT, VECTOR_LIMIT]
    ) | st.integers(-VECTOR_LIMIT, VECTOR_LIMIT)
    fields = BlockFields.blank(height, width, Mode.SKIP)
    for block in np.ndindex(height, width):
        fields.modes[block] = data.draw(st.integers(0, 3))
        if fields.modes[block] == Mode.INTRA:
            continue
        fields.directions[block] = data.draw(st.integers(0, 2)) if two else 0
        for reference, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
            if fields.directions[block] != unused:
                fields.vectors[reference][block] = data.draw(component), data.draw(component)
    if two:
        round_trip([[(LAST, BlockFields.blank(height, width, Mode.SKIP)), (MIDDLE, fields)]])
    else:
        round_trip([[(ONE, fields)], [(ONE, fields)]])


def test_opposite_extremes_of_vectors() -> None:
    fields = BlockFields.blank(4, 4, Mode.RESIDUAL)
    fields.vectors[0][::2] = VECTOR_LIMIT
    fields.vectors[0][1::2] = -VECTOR_LIMIT
    round_trip([[(ONE, fields)]])


def test_vectors_of_unused_references_are_not_coded() -> None:
    fields = BlockFields.blank(2, 2, Mode.SKIP)
    fields.modes[0, 0] = Mode.INTRA
    fields.directions[:] = [
        [Direction.AVERAGE, Direction.FUTURE],
        [Direction.PAST, Direction.AVERAGE],
    ]
    fields.vectors[:] = 5
    coded = between(2, 2).code(SymbolWriter(), fields, MIDDLE)
    assert coded.directions.tolist() == [[0, 1], [0, 2]]
    assert coded.vectors[0, :, :, 0].tolist() == [[0, 0], [5, 5]]
    assert coded.vectors[1, :, :, 0].tolist() == [[0, 5], [0, 5]]


def test_still_skip_frames_cost_next_to_nothing() -> None:
    still, joined = (BlockFields.blank(18, 22, Mode.SKIP) for _ in range(2))
    joined.sides[:], joined.sides[16:] = 4, 4
    bits = [
        round_trip([[(ONE, fields)]] * 30)[1].bits / (30 * 18 * 22) for fields in (still, joined)
    ]
    assert bits[0] < 0.4 and bits[1] < 0.7 * bits[0]


def test_the_anchor_is_the_frame_displayed_last() -> None:
    coder, fields = BlockCoder(PRIORS, 1, 1), BlockFields.blank(1, 1, Mode.SKIP)
    coder.start_unit()
    for index, entry in enumerate((LAST, MIDDLE)):
        fields.vectors[0] = 5 + index
        coder.code(SymbolWriter(), fields, entry)
    copy = coder.copy()
    coder.start_unit()
    assert list(coder.known) == [0] and (coder.known[0].motion == 5).all()
    assert sorted(copy.known) == [0, 1, 2]


def crafted(escape: int, horizontal: int) -> bytes:
    """One skipped block whose vector is (33 + escape, horizontal)."""
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, table, symbol in (
        ("mode", 0, Mode.SKIP),
        ("vector_merge", 0, 6),
        ("vector_delta", 1, 66),
    ):
        writer.code(tables[name], np.array([table]), np.array([int(symbol)]))
    writer.code_escapes(np.array([escape]))
    writer.code(tables["vector_delta"], np.array([5]), np.array([horizontal + 32]))
    return writer.finish()


def test_a_vector_out_of_range_is_an_error() -> None:
    def read(data: bytes) -> BlockFields:
        return BlockCoder(PRIORS, 1, 1).code(
            SymbolReader(data), BlockFields.blank(1, 1, Mode.SKIP), ONE
        )

    assert read(crafted(VECTOR_LIMIT - 33, -7)).vectors[0, 0, 0].tolist() == [VECTOR_LIMIT, -7]
    for escape in (VECTOR_LIMIT - 32, 65534):
        with pytest.raises(BitstreamError, match="motion vector outside ±512 px"):
            read(crafted(escape, 0))


def test_a_candidate_that_is_none_is_an_error() -> None:
    writer, tables = SymbolWriter(), BlockCoder(PRIORS, 1, 1).tables
    for name, symbol in (("mode", Mode.SKIP), ("vector_merge", 1)):
        writer.code(tables[name], np.array([0]), np.array([int(symbol)]))
    with pytest.raises(BitstreamError, match="vector_merge names a candidate that there is not"):
        BlockCoder(PRIORS, 1, 1).code(
            SymbolReader(writer.finish()), BlockFields.blank(1, 1, Mode.SKIP), ONE
        )
