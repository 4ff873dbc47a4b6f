"""Inter frames of version 2: through the decoder, through a second one, and at what cost."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError
from bitstream.group_structure import Structure, coding_order
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.limits import decoding_bytes
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.derived_blocks import derived_in
from bitstream.v2.frame_coder import FrameCoder, InterChoices
from bitstream.v2.local_quantisers import square_grid
from bitstream.v2.pass_coder import PassContext
from bitstream.v2.tables import LevelTables
from bitstream.v2.values import to_values

from ...conformance.reference_v2.inter import ReferenceInter
from ..synthetic import plain_tables
from ..synthetic.decisions import random_fields, with_derived
from ..synthetic.integers import RawIntegers
from .synthetic import Levels, random_tables, with_inter_tables
from .test_frame_coder import header_of, keyframe

TABLES = with_inter_tables(random_tables(0, (1, 2, 2)))
QUANTISER = 44


def group(
    header: SequenceHeader,
    tables: LevelTables = TABLES,
    frames: int = 3,
    structure: Structure = Structure.HIERARCHY,
    seed: int = 0,
    modes: Mode | None = None,
    vector: tuple[int, int] = (0, 0),
    local: bool = False,
    derived: bool = False,
    quantiser: int = QUANTISER,
) -> tuple[AccessUnit, AccessUnit, list[LatentFrame]]:
    """A keyframe, and frames with everything drawn, or all blocks in one mode and with one
    vector.  local: with local quantisers; derived: with derived blocks; quantiser: of all frames
    but the keyframe.
    """
    offsets = None
    if local:
        squares = square_grid(header.latent_height, header.latent_width)
        offsets = np.random.default_rng(seed).integers(-24, 25, squares)
    key, random = keyframe(header, tables, offsets=offsets), RawIntegers(seed)
    coder, writer = FrameCoder.for_header(tables, header), SymbolWriter()
    shape = (tables.latent_channels, header.latent_height, header.latent_width)
    drawn = np.random.default_rng(0).integers(-2, 3, shape)
    anchor = coder.code_keyframe(
        SymbolWriter(), key.quantisers[0], Levels(drawn).choose, offsets=offsets
    )
    known, grid = {0: anchor}, (header.block_rows, header.block_columns)
    coder.start_unit()
    for entry in coding_order(structure, frames):
        if modes is None:
            fields = random_fields(random, *grid, entry.future is not None)
        else:
            fields = BlockFields.blank(*grid, modes)
            for vectors in fields.vectors:
                vectors[:] = vector
        if derived and entry.future is not None:  # the pictures say how they move
            fields = with_derived(random, fields, np.zeros((2, *grid, 2), np.int64), odds=1)
        levels = np.random.default_rng(seed + entry.number).laplace(0, 2, shape).astype(np.int64)
        last = random.below(len(tables.slices) + 1, *grid)
        if offsets is not None:
            offsets = np.clip(offsets + entry.number % 3 - 1, -24, 24)
        references = tuple(coder.reference(known[number]) for number in entry.references)
        chosen = InterChoices(fields, Levels(levels).choose, last, offsets)
        known[entry.number] = coder.code_inter(writer, quantiser, entry, references, chosen)
    shown = [known[number] for number in range(1, frames + 1)]
    unit = AccessUnit(
        structure=structure,
        header=None,
        first_pts=1,
        durations=(1,) * frames,
        quantisers=(quantiser,) * frames,
        latent_checksum=latent_checksum(tuple(shown)),
        payload=writer.finish(),
    )
    return key, unit, shown


@pytest.mark.parametrize("structure", [Structure.CHAIN, Structure.HIERARCHY])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_is_read(structure: Structure, seed: int) -> None:
    header = header_of(80, 40, TABLES)
    key, unit, shown = group(header, structure=structure, seed=seed, local=seed % 2 == 1)
    decoder = LatentDecoder(TABLES)
    decoder.decode(key)
    found = decoder.decode(AccessUnit.parse(unit.to_bytes()))
    assert all(np.array_equal(a.latents, b.latents) for a, b in zip(found, shown, strict=True))
    assert all(frame.block_bits > 0 for frame in found)
    for decoded, coded in zip(found, shown, strict=True):
        assert np.array_equal(decoded.quantiser_map, coded.quantiser_map)
        assert (len(np.unique(coded.quantiser_map)) > 2) == (seed % 2 == 1)


def test_bytes_are_pinned() -> None:
    """What is written is what it was."""
    _, unit, _ = group(header_of(80, 64, TABLES))
    assert (len(unit.payload), f"{unit.latent_checksum:08x}") == (180, "9fd8ea97")


@pytest.mark.parametrize("structure", [Structure.CHAIN, Structure.HIERARCHY])
@pytest.mark.parametrize("seed", range(3))
def test_a_decoder_written_from_the_text_agrees(structure: Structure, seed: int) -> None:
    tables = replace(TABLES, level_sizes=np.array([32, 24, 16, 17, 64])) if seed else TABLES
    header = header_of(72 if seed == 1 else 40, 24, tables)
    key, unit, shown = group(header, tables, structure=structure, seed=seed, local=seed == 1)
    reference = ReferenceInter(plain_tables(tables))
    size = {
        "block_log2": header.block_latents.bit_length() - 1,
        "latent_height": header.latent_height,
        "latent_width": header.latent_width,
    }
    reference.decode_keyframe(key.payload, key.quantisers[0], size)
    entries = [(entry.number, entry.past, entry.future) for entry in unit.references]
    read = SimpleNamespace(**vars(unit) | {"references": entries})
    assert reference._decode(read) == [frame.latents.tolist() for frame in shown]


@pytest.mark.parametrize(
    ("size", "frames", "block_log2"), [((72, 8), 5, 0), ((16, 64), 4, 1), ((24, 24), 7, 0)]
)
def test_a_decoder_written_from_the_text_derives_the_same_motion(
    size: tuple[int, int], frames: int, block_log2: int
) -> None:
    header = replace(header_of(*size, TABLES), block_log2=block_log2)
    key, unit, shown = group(header, frames=frames, seed=frames, derived=True, quantiser=85)
    moving = [frame.fields.vectors[:, derived_in(frame.fields)] for frame in shown]
    assert sum(np.count_nonzero(vectors) for vectors in moving) > 4
    reference = ReferenceInter(plain_tables(TABLES))
    sizes = {
        "block_log2": block_log2,
        "latent_height": header.latent_height,
        "latent_width": header.latent_width,
    }
    reference.decode_keyframe(key.payload, key.quantisers[0], sizes)
    entries = [(entry.number, entry.past, entry.future) for entry in unit.references]
    read = SimpleNamespace(**vars(unit) | {"references": entries})
    assert reference._decode(read) == [frame.latents.tolist() for frame in shown]


def test_frames_that_are_skipped_have_no_levels() -> None:
    _, unit, shown = group(header_of(48, 40, TABLES), modes=Mode.SKIP)
    assert all(frame.level_bits == 0 for frame in shown)
    assert len(unit.payload) < 64


def test_values_of_a_prediction_are_rounded_down() -> None:
    latents = np.array([-32767, -100, -1, 0, 1, 99, 32767], dtype=np.int32)
    step = 2435 << 3
    assert to_values(latents, 43).tolist() == [(x << 12) // step for x in latents.tolist()]


def test_blocks_without_slices_are_their_prediction() -> None:
    header = header_of(16, 16, TABLES)
    coder, writer = FrameCoder.for_header(TABLES, header), SymbolWriter()
    key = coder.code_keyframe(writer, 40, Levels(np.ones((5, 2, 2), np.int64)).choose)
    coder.start_unit()
    fields = BlockFields.blank(1, 1, Mode.RESIDUAL)
    (entry,) = coding_order(Structure.CHAIN, 1)

    def never(part: PassContext) -> np.ndarray:
        raise AssertionError("nothing is to be chosen")

    chosen = InterChoices(fields, never, np.zeros((1, 1), np.int64))
    frame = coder.code_inter(writer, 40, entry, (coder.reference(key),), chosen)
    assert np.array_equal(frame.latents, key.latents)


def test_any_payload_decodes_to_something_or_is_refused() -> None:
    key, unit, _ = group(header_of(72, 40, TABLES), local=True)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        decoder, data = LatentDecoder(TABLES), bytearray(unit.payload)
        decoder.decode(key)
        for place in rng.integers(0, len(data), 1 + seed % 5):
            data[place] ^= int(rng.integers(1, 256))
        with pytest.raises(BitstreamError):  # its checksum, if nothing else
            decoder.decode(replace(unit, payload=bytes(data)))


@pytest.mark.parametrize("frames", [1, 7])
@pytest.mark.parametrize("modes", [Mode.INTRA, Mode.RESIDUAL])
@pytest.mark.parametrize("size", [(64, 64), (512, 288), (48, 400)])
def test_decoding_takes_less_memory_than_the_formula_says(
    size: tuple[int, int], modes: Mode, frames: int
) -> None:
    tables = with_inter_tables(random_tables(0, (1, 1, 2, 4, 8), 32, 10), size=10)
    header = header_of(*size, tables)
    derived = modes == Mode.RESIDUAL
    key, unit, shown = group(
        header, tables, frames=frames, modes=modes, vector=(3, 5), derived=derived
    )
    assert any(derived_in(frame.fields).any() for frame in shown) == (derived and frames > 1)
    decoder = LatentDecoder(tables)
    decoder.decode(key)
    tracemalloc.start()
    try:
        decoder.decode(unit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < decoding_bytes(header, unit.frame_count) - (1 << 24)
