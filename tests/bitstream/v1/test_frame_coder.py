"""One frame: prediction from two references, reconstruction of every mode, and the same frame on
both sides.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.group_structure import Structure, coding_order
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.frame_coder import FrameCoder, LatentFrame, predict_frame, to_positions
from bitstream.v1.level_syntax import PassContext
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import LATENT_LIMIT, MAX_LEVEL
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter

from ...conformance.reference_v1.decoder import predict
from ..synthetic import CHANNELS, RawIntegers, random_fields, random_levels, synthetic_tables

ONE = coding_order(Structure.CHAIN, 1)
TABLES = synthetic_tables()


def random_reference(
    random: RawIntegers, height: int, width: int, magnitude: int = 1500
) -> tuple[ReferenceFrame, list]:
    latents = random.around(magnitude, CHANNELS, height, width)
    return ReferenceFrame(latents.astype(np.int32)), latents.tolist()


def constant(level: int):
    return lambda passed: np.full((len(passed.rows), passed.channels), level)


def assert_same(a: LatentFrame, b: LatentFrame) -> None:
    assert a.latents.dtype == b.latents.dtype == np.int16 and (a.latents == b.latents).all()
    assert (a.fields.modes == b.fields.modes).all() and (
        a.fields.directions == b.fields.directions
    ).all()
    assert (a.fields.vectors == b.fields.vectors).all()
    assert a.quantiser == b.quantiser
    assert (a.block_bits, a.level_bits) == pytest.approx((b.block_bits, b.level_bits))


def test_blocks_to_positions() -> None:
    assert to_positions(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    assert to_positions(np.zeros((2, 3, 5)), 4).shape == (8, 12, 5)


@settings(max_examples=25)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.integers(0, 1 << 30),
)
def test_prediction_as_written(rows: int, columns: int, block: int, two: bool, seed: int) -> None:
    random = RawIntegers(seed)
    height, width = rows * block, columns * block
    references = [random_reference(random, height, width) for _ in range(2)]
    fields = random_fields(random, rows, columns, two)
    where = random.below(4, rows, columns) > 0
    pair = (references[0][0], references[1][0] if two else None)
    whole, part = (
        predict_frame(TABLES, fields, pair, block),
        predict_frame(TABLES, fields, pair, block, where),
    )
    filters = TABLES.phase_filters.astype(int)
    for r, c in np.ndindex(height, width):
        at = r // block, c // block
        used = {Direction.PAST: (0,), Direction.FUTURE: (1,), Direction.AVERAGE: (0, 1)}[
            Direction(fields.directions[at])
        ]
        values = [
            predict(filters, references[i][1], r, c, tuple(fields.vectors[i][at].tolist()))
            for i in used
        ]
        expected = (
            [0] * CHANNELS
            if fields.modes[at] == Mode.INTRA
            else [(sum(v) + 1) >> 1 if len(v) == 2 else v[0] for v in zip(*values, strict=True)]
        )
        assert whole[:, r, c].tolist() == expected
        assert part[:, r, c].tolist() == (expected if where[at] else [0] * CHANNELS)


@settings(max_examples=30)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([1, 2, 4]),
    st.lists(st.booleans(), min_size=1, max_size=4),
    st.integers(0, 127),
    st.integers(0, 1 << 30),
)
def test_both_sides_give_the_same_frames(
    rows: int, columns: int, block: int, two: list[bool], quantiser: int, seed: int
) -> None:
    random = RawIntegers(seed)
    height, width = rows * block, columns * block
    choose, writer, sender = (
        random_levels(random, 40),
        SymbolWriter(),
        FrameCoder(TABLES, height, width, block),
    )
    sent = [sender.code_keyframe(writer, quantiser, choose)]
    references = (
        ReferenceFrame(sent[0].latents.astype(np.int32)),
        random_reference(random, height, width, 32767)[0],
    )
    units = [coding_order(Structure.HIERARCHY, 2) if both else ONE for both in two]
    pairs = {None: (references[0], None), 2: references}
    for unit in units:
        sender.start_unit()
        for entry in unit:
            fields = random_fields(random, rows, columns, entry.future is not None)
            sent.append(
                sender.code_inter(writer, quantiser, entry, pairs[entry.future], fields, choose)
            )
    assert sum(frame.block_bits + frame.level_bits for frame in sent) == pytest.approx(writer.bits)
    reader, receiver = SymbolReader(writer.finish()), FrameCoder(TABLES, height, width, block)
    assert_same(receiver.code_keyframe(reader, quantiser), sent[0])
    expected = iter(sent[1:])
    for unit in units:
        receiver.start_unit()
        for entry in unit:
            assert_same(
                receiver.code_inter(reader, quantiser, entry, pairs[entry.future]), next(expected)
            )


def test_a_keyframe_has_no_block_layer() -> None:
    frame = FrameCoder(TABLES, 4, 6, 2).code_keyframe(SymbolWriter(), 16, constant(1))
    assert frame.block_bits == 0 and frame.level_bits > 0
    assert (frame.fields.modes == Mode.INTRA).all()
    assert (frame.latents == 16).all()  # quantiser 16 has a step of 16 latent units


@pytest.mark.parametrize("mode", [Mode.SKIP, Mode.GENERATE])
def test_skip_and_generate_are_the_prediction(mode: Mode) -> None:
    reference, as_lists = random_reference(RawIntegers(1), 4, 6)
    frame = FrameCoder(TABLES, 4, 6, 2).code_inter(
        SymbolWriter(), 30, ONE[0], (reference,), BlockFields.blank(2, 3, mode)
    )
    assert frame.latents.tolist() == as_lists and frame.level_bits == 0
    assert (frame.fields.modes == mode).all()


def test_residual_is_added_and_intra_stands_alone() -> None:
    reference, as_lists = random_reference(RawIntegers(2), 2, 4)
    fields = BlockFields.blank(1, 2, Mode.RESIDUAL)
    fields.modes[0, 1] = Mode.INTRA
    frame = FrameCoder(TABLES, 2, 4, 2).code_inter(
        SymbolWriter(), 28, ONE[0], (reference,), fields, constant(-2)
    )
    # quantiser 28: 32 units
    assert (frame.latents[:, :, :2] == np.array(as_lists)[:, :, :2] - 64).all()
    assert (frame.latents[:, :, 2:] == -64).all()


@pytest.mark.parametrize("level", [MAX_LEVEL, -MAX_LEVEL])
def test_latents_are_clamped(level: int) -> None:
    frame = FrameCoder(TABLES, 2, 2, 1).code_keyframe(SymbolWriter(), 127, constant(level))
    assert (frame.latents == (LATENT_LIMIT if level > 0 else -LATENT_LIMIT)).all()


def test_networks_see_the_size_of_the_prediction() -> None:
    """Side information counts |prediction| in steps: a large prediction gives other contexts than
    none.
    """
    seen = []

    def choose(passed: PassContext) -> np.ndarray:
        seen.append(passed.context.table.tolist())
        return np.zeros((len(passed.rows), passed.channels), dtype=np.int64)

    for value in (0, 63, -63, 64 * 15, 32767):  # quantiser 40 has a step of 64
        reference = ReferenceFrame(np.full((CHANNELS, 3, 3), value, dtype=np.int32))
        FrameCoder(TABLES, 3, 3, 1).code_inter(
            SymbolWriter(),
            40,
            ONE[0],
            (reference,),
            BlockFields.blank(3, 3, Mode.RESIDUAL),
            choose,
        )
    passes = len(seen) // 5
    none, below, above, limit, beyond = (seen[i * passes : (i + 1) * passes] for i in range(5))
    assert none == below == above and limit == beyond != none
