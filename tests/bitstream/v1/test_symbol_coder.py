"""The entropy coder: literal words, exact frequencies, adaptation, escapes, code length, and
damage.
"""

from __future__ import annotations

import constriction
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.errors import BitstreamError, TruncatedStreamError
from bitstream.v1.adaptive_tables import COUNT_LIMIT, FREQUENCY_TOTAL, TableSet, uniform_model
from bitstream.v1.symbol_coder import ESCAPE_LENGTHS, SymbolReader, SymbolWriter

from ...conformance.reference_v1.entropy import RangeDecoder, Tables
from ..synthetic import RawIntegers, normalised

FIRST_SCALE = (2**64 - 1) >> 24  # the coder's initial range, per unit of frequency


def random_priors(seed: int, tables: int, symbols: int, skew: int = 16) -> np.ndarray:
    """Frequencies over ``skew`` octaves."""
    random = RawIntegers(seed)
    return normalised(
        (1 + random.below(1 << 16, tables, symbols)) >> random.below(skew, tables, symbols)
    )


def first_symbol(tables: TableSet, table: int, point: int) -> int:
    """What a reader sees whose first two words hold ``point``."""
    data = (point >> 32).to_bytes(4, "little") + (point & 0xFFFFFFFF).to_bytes(4, "little")
    return int(SymbolReader(data).code(tables, np.array([table]))[0])


def assert_exact(tables: TableSet) -> None:
    """Both ends of the interval of every symbol are where the integer frequencies put them."""
    tables.update()
    for table, row in enumerate(tables.frequencies.tolist()):
        left = 0
        for symbol, frequency in enumerate(row):
            right = left + 256 * frequency
            probe = tables.copy(), tables.copy()
            assert first_symbol(probe[0], table, left * FIRST_SCALE) == symbol
            assert first_symbol(probe[1], table, right * FIRST_SCALE - 1) == symbol
            left = right
        assert left == 1 << 24


@pytest.mark.parametrize("symbols", [2, 3, 4, 67])
@pytest.mark.parametrize("skew", [1, 8, 16])
def test_every_frequency_is_exact(symbols: int, skew: int) -> None:
    assert_exact(TableSet(random_priors(symbols + skew, 6, symbols, skew), 256))


@pytest.mark.parametrize("symbols", [2, 3, 4, 67])
def test_extreme_frequencies_are_exact(symbols: int) -> None:
    priors = np.ones((symbols, symbols), dtype=np.int64)
    np.fill_diagonal(priors, FREQUENCY_TOTAL - symbols + 1)
    assert_exact(TableSet(priors, 256))


def test_adapted_frequencies_are_exact() -> None:
    random = RawIntegers(5)
    tables = TableSet(random_priors(6, 4, 67), 256)
    for _ in range(5):
        tables.learn(random.below(4, 900), np.abs(random.peaked(900)) + random.below(30, 900))
    assert_exact(tables)


@pytest.mark.parametrize("symbols", [2, ESCAPE_LENGTHS])
def test_equal_probabilities_of_escapes_are_exact(symbols: int) -> None:
    width = (1 << 24) // symbols
    for symbol in range(symbols):
        for point in (symbol * width * FIRST_SCALE, (symbol + 1) * width * FIRST_SCALE - 1):
            data = (point >> 32).to_bytes(4, "little") + (point & 0xFFFFFFFF).to_bytes(4, "little")
            words = np.frombuffer(data, "<u4").astype(np.uint32)
            decoder = constriction.stream.queue.RangeDecoder(words)
            assert decoder.decode(uniform_model(symbols), 1)[0] == symbol


def test_literal_words() -> None:
    tables = TableSet(np.array([[32768, 16384, 8192, 8192], [65533, 1, 1, 1]]), 1024)
    writer = SymbolWriter()
    ids = np.array([1, 0, 0, 1, 0, 0, 0, 1])
    symbols = np.array([0, 3, 1, 0, 0, 2, 0, 3])
    for _ in range(3):
        writer.code(tables, ids, symbols)
        tables.update()
    writer.code_escapes(np.array([0, 1, 2, 1000, 65534]))
    assert writer.finish().hex() == "7cfe3ff3f2c4c291412c74a30000b57d"
    assert tables.counts.tolist() == [[38912, 19456, 11264, 11264], [71677, 1, 1, 3073]]


def test_frequencies_by_hand() -> None:
    tables = TableSet(np.array([[3, 65533], [32768, 32768]]), 1000)
    tables.learn(np.array([0, 0, 0]), np.array([0, 1, 0]))
    tables.update()
    # 1 + 2003 · 65534 div 68536 = 1916; the rest goes to the most frequent
    assert tables.frequencies.tolist() == [[1916, 63620], [32768, 32768]]


def test_the_rest_goes_to_the_first_of_equals() -> None:
    tables = TableSet(np.array([[21845, 21846, 21845]]), 1)
    tables.learn(np.array([0, 0]), np.array([0, 2]))
    tables.update()
    assert tables.frequencies.tolist() == [[21846, 21845, 21845]]


def test_adaptation_and_halving_as_written() -> None:
    priors = random_priors(7, 3, 67)
    tables, slow = TableSet(priors, 1024), Tables(priors, 1024)
    random = RawIntegers(8)
    halved = False
    for _ in range(6):
        ids, symbols = random.below(2, 12000), np.minimum(np.abs(random.peaked(12000)) * 5, 66)
        before = tables.counts.sum()
        tables.learn(ids, symbols)
        tables.update()
        halved |= bool(tables.counts.sum() < before)
        for table, symbol in zip(ids.tolist(), symbols.tolist(), strict=True):
            slow.counts[table][symbol] += 1024
        for table in range(2):
            if sum(slow.counts[table]) > COUNT_LIMIT:
                slow.counts[table] = [(count + 1) >> 1 for count in slow.counts[table]]
            slow.refresh(table)
        tables.update()
        assert tables.counts.tolist() == slow.counts
        assert tables.frequencies.tolist() == slow.frequencies
    assert halved and (tables.counts > 0).all() and (tables.frequencies > 0).all()


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30), max_size=8),
    st.integers(0, 1 << 30),
)
def test_a_reader_gives_what_a_writer_was_given(
    calls: list[list[tuple[int, int]]], seed: int
) -> None:
    priors = random_priors(seed, 4, 5)
    writer, sent = SymbolWriter(), TableSet(priors, 777)
    for call in calls:
        pairs = np.array(call, dtype=np.int64).reshape(-1, 2)
        assert writer.code(sent, pairs[:, 0], pairs[:, 1]).tolist() == pairs[:, 1].tolist()
        writer.code_escapes(pairs[:, 1] ** 5)
        sent.update()
    data = writer.finish()
    reader, got = SymbolReader(data), TableSet(priors, 777)
    coder, slow = RangeDecoder(data), Tables(priors, 777)
    for call in calls:
        ids, symbols = [table for table, _ in call], [symbol for _, symbol in call]
        assert reader.code(got, np.array(ids, dtype=np.int64)).tolist() == symbols
        assert reader.code_escapes(np.zeros(len(call))).tolist() == [
            symbol**5 for symbol in symbols
        ]
        assert slow.decode(coder, ids) == symbols
        assert coder.escapes(len(ids)) == [symbol**5 for symbol in symbols]
        got.update()
        slow.begin_frame()
    assert reader.bits == pytest.approx(writer.bits)
    assert (got.counts == sent.counts).all()


@given(st.lists(st.integers(0, 65534), max_size=40))
def test_escapes(values: list[int]) -> None:
    writer = SymbolWriter()
    writer.code_escapes(np.array(values, dtype=np.int64))
    assert writer.bits == sum(4 + (value + 1).bit_length() - 1 for value in values)
    data = writer.finish()
    assert len(data) <= writer.bits / 8 + 8
    assert SymbolReader(data).code_escapes(np.zeros(len(values))).tolist() == values


@pytest.mark.parametrize("count", [1, 40, 3000])
def test_models_made_singly_and_by_table_are_the_same(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, priors = RawIntegers(count), random_priors(7, 30, 67)
    ids, symbols = random.below(30, count), random.below(67, count)
    written = []
    for singly in (0, 1 << 30):
        monkeypatch.setattr("bitstream.v1.symbol_coder.SYMBOL_BY_SYMBOL", singly)
        writer = SymbolWriter()
        writer.code(TableSet(priors, 256), ids, symbols)
        written.append(writer.finish())
    assert written[0] == written[1]
    for singly in (0, 1 << 30):
        monkeypatch.setattr("bitstream.v1.symbol_coder.SYMBOL_BY_SYMBOL", singly)
        assert (
            SymbolReader(written[0]).code(TableSet(priors, 256), ids).tolist() == symbols.tolist()
        )


def test_empty_calls_write_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    writer, tables = SymbolWriter(), TableSet(random_priors(1, 1, 4), 256)
    assert len(writer.code(tables, nothing, nothing)) == len(writer.code_escapes(nothing)) == 0
    assert (writer.bits, writer.finish()) == (0.0, b"")
    reader = SymbolReader(b"")
    assert len(reader.code(tables, nothing)) == len(reader.code_escapes(nothing)) == 0


@pytest.mark.parametrize(("count", "skew"), [(1, 8), (50, 8), (3000, 12), (40000, 16)])
def test_code_length_is_ideal(count: int, skew: int) -> None:
    random = RawIntegers(count)
    writer, tables = SymbolWriter(), TableSet(random_priors(count, 80, 67, skew), 256)
    for _ in range(3):
        writer.code(tables, random.below(80, count), np.minimum(np.abs(random.peaked(count)), 66))
    assert len(writer.finish()) <= 1.005 * writer.bits / 8 + 8


def test_nearly_certain_symbols_cost_nearly_nothing() -> None:
    writer, tables = SymbolWriter(), TableSet(np.array([[65535, 1]]), 0)
    writer.code(tables, np.zeros(100_000, dtype=np.int64), np.zeros(100_000, dtype=np.int64))
    assert writer.bits == pytest.approx(2.2, abs=0.1)
    assert len(writer.finish()) <= 8


def test_a_copy_learns_on_its_own() -> None:
    tables = TableSet(random_priors(1, 2, 4), 256)
    other = tables.copy()
    writer = SymbolWriter()
    writer.code(other, np.array([0, 0, 1]), np.array([1, 2, 3]))
    writer.code(other, np.array([0]), np.array([1]))
    assert (tables.counts == tables.frequencies).all() and not (other.counts == tables.counts).all()
    assert_exact(tables)
    assert_exact(other)


@pytest.mark.parametrize("row", [[65535, 0, 1], [65534, 1, 2], [1, 1, 1]])
def test_priors_are_checked(row: list[int]) -> None:
    with pytest.raises(ValueError, match="add up to 65536"):
        TableSet(np.array([row]), 256)


def test_zeros_are_read_beyond_the_end() -> None:
    tables = TableSet(random_priors(3, 1, 5), 0)
    assert SymbolReader(b"").code(tables, np.zeros(50, dtype=np.int64)).tolist() == [0] * 50


@pytest.mark.parametrize("size", [1, 2, 3, 5, 127])
def test_payload_must_be_whole_words(size: int) -> None:
    with pytest.raises(TruncatedStreamError, match=f"whole 32-bit words, got {size} bytes"):
        SymbolReader(bytes(size))


def test_a_point_beyond_all_intervals_is_an_error() -> None:
    with pytest.raises(BitstreamError, match="entropy-coded payload is damaged"):
        SymbolReader(b"\xff" * 8).code(
            TableSet(random_priors(3, 1, 5), 256), np.zeros(1, dtype=np.int64)
        )


@given(st.binary(max_size=64).map(lambda data: data[: len(data) // 4 * 4]), st.integers(0, 300))
def test_any_words_give_the_symbols_or_the_error_written(data: bytes, count: int) -> None:
    priors, ids = random_priors(4, 2, 7), np.arange(count) % 2
    tables, reader = TableSet(priors, 256), SymbolReader(data)
    slow, coder = Tables(priors, 256), RangeDecoder(data)
    try:
        symbols = reader.code(tables, ids)
        values = reader.code_escapes(np.zeros(count))
    except BitstreamError:
        with pytest.raises(ValueError, match="invalid data"):
            slow.decode(coder, ids.tolist())
            coder.escapes(count)
        return
    assert slow.decode(coder, ids.tolist()) == symbols.tolist()
    assert coder.escapes(count) == values.tolist()
    assert ((symbols >= 0) & (symbols < 7)).all()
    assert ((values >= 0) & (values <= 65534)).all()
