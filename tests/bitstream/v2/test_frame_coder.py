"""Keyframes of version 2: their bytes, their latents, and what decoding takes."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError, ChecksumError, UnsupportedVersionError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.limits import decoding_bytes
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import step_fixed
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.frame_coder import FrameCoder, to_latents
from bitstream.v2.tables import LevelTables

from ..synthetic import synthetic_header
from .synthetic import Levels, random_tables

TABLES = random_tables()


def header_of(width: int, height: int, tables: LevelTables = TABLES) -> SequenceHeader:
    header = synthetic_header(width, height, 1)
    return replace(header, format_version=2, latent_channels=tables.latent_channels)


def keyframe(
    header: SequenceHeader,
    tables: LevelTables = TABLES,
    quantiser: int = 40,
    offsets: np.ndarray | None = None,
) -> AccessUnit:
    """Of levels that are drawn.  offsets: of squares."""
    shape = (tables.latent_channels, header.latent_height, header.latent_width)
    levels = np.random.default_rng(0).integers(-2, 3, shape)
    writer = SymbolWriter()
    coder = FrameCoder.for_header(tables, header)
    frame = coder.code_keyframe(writer, quantiser, Levels(levels).choose, offsets=offsets)
    return AccessUnit(
        structure=Structure.KEYFRAME,
        header=header,
        first_pts=0,
        durations=(1,),
        quantisers=(quantiser,),
        latent_checksum=latent_checksum((frame,)),
        payload=writer.finish(),
    )


def test_a_keyframe_goes_through_the_decoder() -> None:
    header = header_of(40, 24)
    unit = AccessUnit.parse(keyframe(header).to_bytes())
    (frame,) = LatentDecoder(TABLES).decode(unit)
    assert frame.latents.shape == (11, header.latent_height, header.latent_width)
    assert frame.latents.dtype == np.int16 and frame.latents.any()
    assert 0 < len(unit.payload) * 8 - frame.level_bits < 64


def test_bytes_are_pinned() -> None:
    """What is written is what it was."""
    unit = keyframe(header_of(16, 16))
    assert (len(unit.payload), f"{unit.latent_checksum:08x}") == (28, "d2881214")
    assert unit.payload.hex() == "99b0d9f4acfc7a3f2ff1f357615463da88c835ad17b45b74003453ae"


def test_bytes_with_local_quantisers_are_pinned() -> None:
    unit = keyframe(header_of(72, 16), offsets=np.array([[-12, 7]]))
    assert (len(unit.payload), f"{unit.latent_checksum:08x}") == (108, "757d0607")
    (frame,) = LatentDecoder(TABLES).decode(unit)
    assert frame.quantiser_map[0].tolist() == [28] * 8 + [47] * (frame.latents.shape[2] - 8)


def test_an_offset_of_an_octave_halves_what_levels_add() -> None:
    """Means of the tables without weights are 0."""
    tables, header = random_tables(size=0), header_of(72, 8)
    whole = keyframe(header, tables)
    finer = keyframe(header, tables, offsets=np.array([[-12, 0]]))
    usual, half = (LatentDecoder(tables).decode(unit)[0].latents for unit in (whole, finer))
    assert np.array_equal(2 * half[..., :8], usual[..., :8]) and usual.any()
    assert np.array_equal(half[..., 8:], usual[..., 8:])


def test_values_are_sixteenths_of_the_step() -> None:
    values = np.array([-33, -8, 0, 1, 8, 16, 1 << 20])
    step = step_fixed(45)
    wanted = [(v * step + 2048) >> 12 for v in values.tolist()]
    assert to_latents(values, 45).tolist() == [min(w, 32767) for w in wanted]


def test_wrong_latents_are_noticed() -> None:
    unit = keyframe(header_of(16, 16))
    with pytest.raises(ChecksumError, match="latents differ"):
        LatentDecoder(TABLES).decode(replace(unit, latent_checksum=unit.latent_checksum ^ 1))


def test_tables_of_version_1_do_not_decode_it() -> None:
    unit = keyframe(header_of(16, 16))
    older = replace(TABLES)
    object.__setattr__(older, "format_version", 1)
    with pytest.raises(
        BitstreamError, match="format version 2, the model's tables are of version 1"
    ):
        LatentDecoder(older).decode(unit)


def test_tables_of_keyframes_alone_decode_no_inter_frames() -> None:
    decoder = LatentDecoder(TABLES)
    key = keyframe(header_of(16, 16))
    decoder.decode(key)
    chain = replace(key, structure=Structure.CHAIN, header=None)
    with pytest.raises(UnsupportedVersionError, match="are for keyframes alone"):
        decoder.decode(chain)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (512, 288), (48, 1200)])
@pytest.mark.parametrize("slices", [(1, 1, 2), (1, 1, 2, 4, 8, 16, 16)])
def test_decoding_takes_less_memory_than_the_formula_says(
    width: int, height: int, slices: tuple[int, ...]
) -> None:
    tables = random_tables(0, slices, 32, 10)
    unit, decoder = keyframe(header_of(width, height, tables), tables), LatentDecoder(tables)
    assert unit.header is not None
    tracemalloc.start()
    try:
        decoder.decode(unit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < decoding_bytes(unit.header, 1) - (1 << 24)
