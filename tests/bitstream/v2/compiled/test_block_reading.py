"""Block layers read by kernels are those that NumPy reads, and damage is found alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import BitstreamError
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.block_syntax import BlockCoder
from bitstream.v2.derived_blocks import derived_in

from ...synthetic.integers import RawIntegers
from ..block_layers import PRIORS, derivable_fields_of, deriver
from .numpy_alone import both, needs_kernels

Unit = list[FrameReference]
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))
UNITS = st.lists(
    st.tuples(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]), st.integers(1, 5)).map(
        lambda unit: list(coding_order(*unit))
    ),
    min_size=1,
    max_size=3,
)


def priors(seed: int) -> dict[str, np.ndarray]:
    """Of all elements; seed 0: those that fall to both sides, others: any, some close to never."""
    if not seed:
        return PRIORS
    rng, found = np.random.default_rng(seed), {}
    for name, table in PRIORS.items():
        shares = rng.dirichlet(np.full(table.shape[1], 0.3), len(table))
        found[name] = 1 + np.floor(shares * (65536 - table.shape[1])).astype(np.int64)
        found[name][:, 0] += 65536 - found[name].sum(1)
    return found


def written(random: RawIntegers, seed: int, size: tuple[int, int], units: list[Unit]) -> bytes:
    """The block layers of some units."""
    writer, coder = SymbolWriter(), BlockCoder(priors(seed), *size)
    for unit in units:
        coder.start_unit()
        for entry in unit:
            fields = derivable_fields_of(random, *size, entry)
            coder.code(writer, fields, entry, deriver(entry, *size))
    return writer.finish()


def read(
    reader: SymbolReader, seed: int, size: tuple[int, int], units: list[Unit]
) -> tuple[list[object], str]:
    """All that is known of every frame until something is wrong, and what that is."""
    coder, found = BlockCoder(priors(seed), *size), list[object]()
    blank = BlockFields.blank(*size, Mode.SKIP)
    for unit in units:
        coder.start_unit()
        for entry in unit:
            try:
                fields = coder.code(reader, blank, entry, deriver(entry, *size))
            except BitstreamError as error:
                return found, str(error).split(":")[0]
            known = coder.known[entry.number]
            planes = fields.modes, fields.directions, fields.vectors, fields.sides
            found += [plane.tolist() for plane in (*planes, derived_in(fields), known.motion)]
            found.append({name: table.counts.tolist() for name, table in coder.tables.items()})
            found += [known.distances, round(reader.bits, 4)]
    return found, ""


def read_both_ways(data: bytes, seed: int, size: tuple[int, int], units: list[Unit]) -> str:
    """What is wrong, as both say."""
    compiled_reader = needs_kernels().CompiledReader
    numpy, _ = both(lambda: read(SymbolReader(data), seed, size, units))
    _, compiled = both(lambda: read(compiled_reader(data), seed, size, units))
    assert numpy == compiled
    return numpy[1]


@settings(max_examples=60, deadline=None)
@given(size=SIZES, units=UNITS, seed=st.integers(0, 1 << 30), tables=st.integers(0, 3))
def test_what_is_written_is_read_alike(
    size: tuple[int, int], units: list[Unit], seed: int, tables: int
) -> None:
    data = written(RawIntegers(seed), tables, size, units)
    assert not read_both_ways(data, tables, size, units)


@settings(max_examples=100, deadline=None)
@given(size=SIZES, units=UNITS, seed=st.integers(0, 1 << 30), tables=st.integers(0, 3))
def test_damage_is_found_alike(
    size: tuple[int, int], units: list[Unit], seed: int, tables: int
) -> None:
    data = np.frombuffer(written(RawIntegers(seed), tables, size, units), np.uint8).copy()
    rng = np.random.default_rng(seed)
    data[rng.integers(len(data))] ^= rng.integers(1, 256, dtype=np.uint8)
    read_both_ways(data.tobytes(), tables, size, units)


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=400).map(lambda data: data[: len(data) // 4 * 4]),
    size=SIZES,
    units=UNITS,
    tables=st.integers(0, 200),
)
def test_any_words_give_the_same_blocks_or_the_same_error(
    data: bytes, size: tuple[int, int], units: list[Unit], tables: int
) -> None:
    read_both_ways(data, tables, size, units)
