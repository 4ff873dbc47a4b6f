"""How much memory decoding takes, by the headers alone: more than it really takes, and refused
before anything is allocated.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.errors import MemoryLimitError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder
from bitstream.limits import available_bytes, decoding_bytes
from bitstream.v1.context_model import INTER, INTRA, LEVEL_SYMBOLS, LEVEL_TABLES, SliceNetwork
from bitstream.v1.tables import BLOCK_TABLES, CodecTables, planes_of

from .synthetic import UnitPlan, make_stream, normalised, synthetic_header

BASE = 1 << 25


def plain_tables(slices: tuple[int, ...], hidden: int = 32) -> CodecTables:
    """Tables that say nothing, of any number of channels."""
    channels, networks = sum(slices), {}
    for kind in (INTRA, INTER):
        shapes = [
            (9 * planes_of(kind, sum(slices[:index]), own), own) for index, own in enumerate(slices)
        ]
        networks[kind] = tuple(
            SliceNetwork(
                np.zeros((rows, hidden + 2 * own)),
                np.zeros(hidden + 2 * own),
                np.zeros((hidden, 2 * own)),
                np.zeros(2 * own),
                own,
            )
            for rows, own in shapes
        )
    levels = normalised(np.ones((LEVEL_TABLES, LEVEL_SYMBOLS), dtype=np.int64))
    blocks = {
        name: normalised(np.ones(shape, dtype=np.int64)) for name, shape in BLOCK_TABLES.items()
    }
    return CodecTables(
        channels,
        slices,
        networks,
        {INTRA: levels, INTER: levels},
        blocks,
        np.zeros((8, 8, 25 * channels, channels)),
    )


@pytest.mark.parametrize("frames", [1, 6])
@pytest.mark.parametrize(
    ("slices", "block_log2"), [((4,), 0), ((1, 1, 2), 0), ((16,), 0), ((4, 4, 8), 1), ((48,), 3)]
)
@pytest.mark.parametrize("side", [64, 200])
def test_decoding_takes_less_than_the_bound(
    slices: tuple[int, ...], block_log2: int, frames: int, side: int
) -> None:
    tables = plain_tables(slices)
    header = replace(
        synthetic_header(side, side, block_log2), latent_channels=tables.latent_channels
    )
    plans = (UnitPlan(Structure.KEYFRAME, (30,)), UnitPlan(Structure.HIERARCHY, (30,) * frames))
    units = [
        AccessUnit.parse(made.unit.to_bytes())
        for made in make_stream(tables, header, plans, side, 20)
    ]
    decoder = LatentDecoder(tables)
    tracemalloc.start()
    try:
        for unit in units:
            tracemalloc.reset_peak()
            decoder.decode(unit)
            assert (
                tracemalloc.get_traced_memory()[1]
                < decoding_bytes(header, unit.frame_count) - BASE // 2
            )
    finally:
        tracemalloc.stop()


def test_a_picture_too_large_for_the_machine_is_refused_before_anything_is_allocated() -> None:
    header = replace(synthetic_header(16384, 4096, 0), latent_channels=4)
    unit = AccessUnit(Structure.KEYFRAME, header, 0, (1,), (30,), 0, b"")
    decoder = LatentDecoder(plain_tables((4,)), memory_limit=1 << 29)
    tracemalloc.start()
    try:
        with pytest.raises(
            MemoryLimitError,
            match=(
                "16384 × 4096 pixels with 4 latent channels take up to 2.8 GiB to decode, 0.5 GiB"
            ),
        ):
            decoder.decode(unit)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_largest_header_has_a_bound() -> None:
    """What FORMAT.md lets a header say: the number in docs/trust-fuzzing.md."""
    header = replace(
        synthetic_header(16384, 4096, 0), latent_channels=64, time_base=Fraction(1, 25)
    )
    assert 2**33 < decoding_bytes(header) < 2**36
    assert available_bytes() > 1 << 28
