"""Payloads read by kernels are those that constriction and NumPy read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError, TruncatedStreamError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.adaptive_tables import COUNT_LIMIT, TableSet
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.tables import LevelTables

from ...synthetic.second_streams import SliceChoices, make_second_stream, second_header
from ...synthetic.streams import UnitPlan
from ..synthetic import random_tables, with_differences, with_inter_tables
from .numpy_alone import both, needs_kernels

SLICES = [(1, 1, 2, 4, 3), (1,), (2, 16, 3, 1, 9)]


def random_priors(seed: int, tables: int, symbols: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(symbols, 0.3), tables)
    found = 1 + np.floor(shares * (65536 - symbols)).astype(np.int64)
    found[:, 0] += 65536 - found.sum(1)
    return found


def found_by(
    reader: SymbolReader, tables: TableSet, ids: np.ndarray, escapes: int
) -> tuple[list[int], list[int], list[list[int]], float] | str:
    """Symbols, escapes, counts and bits, or what is wrong."""
    try:
        symbols = reader.code(tables, ids).tolist()
        values = reader.code_escapes(np.zeros(escapes)).tolist()
    except BitstreamError as error:
        return str(error).split(":")[0]
    return symbols, values, tables.counts.tolist(), round(reader.bits, 6)


@settings(deadline=None)
@given(
    data=st.binary(max_size=64).map(lambda data: data[: len(data) // 4 * 4]),
    count=st.integers(0, 300),
    escapes=st.integers(0, 20),
    seed=st.integers(0, 9),
)
def test_any_words_give_the_same_symbols_or_the_same_error(
    data: bytes, count: int, escapes: int, seed: int
) -> None:
    compiled_reader = needs_kernels().CompiledReader
    ids = np.random.default_rng(count).integers(0, 5, count)
    one, other = (
        found_by(kind(data), TableSet(random_priors(seed, 5, 7 + 40 * seed), 256), ids, escapes)
        for kind in (SymbolReader, compiled_reader)
    )
    assert one == other


@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 2000))
def test_what_is_written_is_read(seed: int, count: int) -> None:
    rng, priors = np.random.default_rng(seed), random_priors(seed, 9, 33)
    ids, symbols = rng.integers(0, 9, count), rng.integers(0, 33, count)
    values, sent, got = rng.integers(0, 65535, 9), TableSet(priors, 777), TableSet(priors, 777)
    writer = SymbolWriter()
    for _ in range(3):
        writer.code(sent, ids, symbols)
        writer.code_escapes(values)
        sent.update()
    reader = needs_kernels().CompiledReader(writer.finish())
    for _ in range(3):
        assert reader.code(got, ids).tolist() == symbols.tolist()
        assert reader.code_escapes(values).tolist() == values.tolist()
        got.update(needs_kernels().renew)
    assert np.array_equal(got.counts, sent.counts)
    assert np.array_equal(got.frequencies, sent.frequencies)
    assert reader.bits == pytest.approx(writer.bits) and got.spent() == pytest.approx(sent.spent())


@given(seed=st.integers(0, 1 << 32), symbols=st.integers(2, 200), large=st.booleans())
def test_frequencies_follow_from_counts_alike(seed: int, symbols: int, large: bool) -> None:
    """Also of counts that are halved, and where the most frequent symbol is not the only one."""
    rng = np.random.default_rng(seed)
    ids, increment = rng.integers(0, 4, 300), COUNT_LIMIT // 100 if large else 300
    coded = np.where(rng.random(300) < 0.5, 0, rng.integers(0, symbols, 300))
    priors = np.full((4, symbols), 65536 // symbols)
    priors[:, -1] += 65536 - priors.sum(1)
    one, other = TableSet(priors, increment), TableSet(priors, increment)
    for tables, renew in ((one, None), (other, needs_kernels().renew)):
        tables.learn(ids, coded)
        tables.update(renew)
    assert np.array_equal(one.counts, other.counts)
    assert np.array_equal(one.frequencies, other.frequencies)
    assert np.array_equal(one.weights, other.weights)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_payload_must_be_whole_words(size: int) -> None:
    with pytest.raises(TruncatedStreamError, match=f"whole 32-bit words, got {size} bytes"):
        needs_kernels().CompiledReader(bytes(size))


def seen(frame: LatentFrame) -> list[object]:
    """All that a decoder says of a frame."""
    fields = [field.tolist() for field in vars(frame.fields).values()]
    bits = round(frame.block_bits, 4), round(frame.level_bits, 4)
    return [frame.latents.tolist(), fields, frame.quantiser_map.tolist(), bits]


def decoded(tables: LevelTables, units: list) -> list[list[object]] | str:
    decoder, frames = LatentDecoder(tables), []
    try:
        for unit in units:
            frames += [seen(frame) for frame in decoder.decode(unit)]
    except BitstreamError as error:
        return str(error).split(":")[0]
    return frames


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    slices=st.sampled_from(SLICES),
    weights=st.sampled_from([3, 300, 30_000, 100_000]),
    block_log2=st.integers(0, 1),
    damaged=st.booleans(),
)
def test_streams_are_decoded_alike(
    seed: int,
    size: tuple[int, int],
    slices: tuple[int, ...],
    weights: int,
    block_log2: int,
    damaged: bool,
) -> None:
    """Of any networks, also of weights that do not fit into 16 bits; and damage is found alike."""
    tables = with_differences(random_tables(seed, slices, 21, weights), seed, weights)
    tables = with_inter_tables(tables, seed, weights)
    sizes = np.random.default_rng(seed).integers(16, 65, tables.latent_channels)
    tables = replace(tables, level_sizes=sizes)
    header = second_header(*size, block_log2, tables.latent_channels)
    plans = (
        UnitPlan(Structure.KEYFRAME, (44,)),
        UnitPlan(Structure.HIERARCHY, (44, 50, 38, 44)),
        UnitPlan(Structure.CHAIN, (70, 31)),
    )
    made = make_second_stream(tables, header, plans, seed, slices=SliceChoices(offset_odds=2))
    units = [one.unit for one in made]
    if damaged:
        payload = np.frombuffer(units[1].payload, np.uint8).copy()
        payload[seed % len(payload)] ^= 1 + seed % 255
        units[1] = replace(units[1], payload=payload.tobytes())
    numpy, compiled = both(lambda: decoded(tables, units))
    assert numpy == compiled
