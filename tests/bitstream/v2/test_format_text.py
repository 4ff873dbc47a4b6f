"""FORMAT-2.md says what the code does: its example, and a decoder written from it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bitstream.group_structure import FrameReference
from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL, TableSet
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.observer import Observer
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.block_elements import BLOCK_ELEMENTS, BLOCK_TABLES
from bitstream.v2.block_syntax import BlockCoder
from bitstream.v2.context_network import TAPS, SliceNetwork, planes_of
from bitstream.v2.derived_blocks import DerivableFields
from bitstream.v2.derived_motion import doubled
from bitstream.v2.difference_taps import NEXT, OWN_TAPS
from bitstream.v2.level_contexts import LEVEL_CLASSES
from bitstream.v2.level_syntax import LevelCoder
from bitstream.v2.line_matching import to_future
from bitstream.v2.local_quantisers import OffsetCoder, square_grid
from bitstream.v2.scan import CHECKERBOARD, LATTICE, NewPositions
from bitstream.v2.tables import LevelTables, element_shapes

from ...conformance.reference_v2.levels import ReferenceLevels
from ..synthetic import plain_tables
from .synthetic import SLICES, Levels, random_tables, with_differences
from .test_level_syntax import random_levels

TEXT = (Path(__file__).parents[3] / "bitstream" / "FORMAT-2.md").read_text(encoding="utf-8")
WORDS = {
    "all": NewPositions.ALL,
    "row and column odd": NewPositions.BOTH_ODD,
    "row + column odd": NewPositions.ODD_SUM,
    "row + column even": NewPositions.EVEN_SUM,
}


def rows(section: int) -> list[list[str]]:
    """The cells of all tables of a section, without heads."""
    found = re.search(rf"^## {section}\. .*?(?=^## |\Z)", TEXT, re.M | re.S)
    assert found
    lines = [line for line in found[0].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if any(cell[:1].isdigit() for cell in row)]


def even(shape: tuple[int, int]) -> np.ndarray:
    """Equal frequencies; the first takes what is left over."""
    frequencies = np.full(shape, FREQUENCY_TOTAL // shape[1])
    frequencies[:, 0] += FREQUENCY_TOTAL - frequencies[0].sum()
    return frequencies


def test_the_passes() -> None:
    listed = [
        (int(stride), WORDS[positions], tuple(int(flag) for flag in flags.split(", ")))
        for stride, positions, flags in rows(2)
    ]
    assert listed == [(one.stride, one.new, one.flags) for one in (*LATTICE, *CHECKERBOARD)]


def test_the_classes_of_levels() -> None:
    listed = [
        (
            f"`{one.name}`",
            f"{one.first_bin}..{one.first_bin + one.bins - 1}",
            one.radius,
            one.shape[1],
        )
        for one in LEVEL_CLASSES
    ]
    assert [(name, bins, int(r), int(n)) for name, bins, r, n in rows(4)] == listed


def example_tables() -> LevelTables:
    """The first model of section 6."""
    rows_of_each = TAPS * planes_of(0, 1)
    direct, gather = np.zeros((rows_of_each, 2)), np.zeros((rows_of_each, 1))
    direct[[tap for tap in range(TAPS) if tap != 4], 0] = 1024
    # The eight neighbours' sizes, a sixteenth of each, go through the hidden unit to the scale.
    gather[[tap for tap in range(TAPS) if tap != 4], 0] = 256
    network = SliceNetwork(direct, np.zeros(2), gather, np.zeros(1), np.array([[0, 4096]]), 1)
    priors = {name: even(shape) for name, shape in element_shapes(1).items()}
    return LevelTables((1,), (network,), priors)


def example_differences() -> SliceNetwork:
    """The difference network of section 6."""
    inputs = planes_of(OWN_TAPS, 0)
    direct, gather = np.zeros((inputs, 2)), np.zeros((inputs, 1))
    direct[NEXT : NEXT + 8, 0] = -512
    gather[:NEXT, 0] = 256
    mix = np.array([[0, 2048]])
    return SliceNetwork(direct, np.zeros(2), gather, np.zeros(1), mix, 1, taps=1)


@pytest.mark.parametrize("differences", [(), (example_differences(),)], ids=["alone", "with"])
def test_the_example(differences: tuple[SliceNetwork, ...]) -> None:
    tables = replace(example_tables(), differences=differences)
    levels, values = np.zeros((2, 1, 3, 3), np.int64)
    expected = {}
    listed = rows(6)[9:] if differences else rows(6)[:9]
    for _, place, mean, log2_scale, level, value in listed:
        row, column = (int(number) for number in place.split(", "))
        levels[0, row, column], values[0, row, column] = int(level), int(value)
        expected[row, column] = int(mean), int(log2_scale)
    chosen, writer = Levels(levels), SymbolWriter()
    found, _ = LevelCoder(tables, 3, 3).code(writer, 40, OffsetCoder(3, 3), chosen.choose, 1)
    assert np.array_equal(found, values) and len(expected) == 9
    for place, pair in expected.items():
        assert (chosen.means[0][place], chosen.log2_scales[0][place]) == pair
    assert f"payload is `{writer.finish().hex()}`" in TEXT


@pytest.mark.parametrize(
    ("seed", "height", "width", "size", "slices", "quantiser"),
    [
        (0, 9, 10, 1.0, 5, 40),
        (1, 3, 17, 30.0, 5, 3),
        (2, 8, 8, 4000.0, 4, 90),
        (3, 5, 5, 2.0, 0, 127),
    ],
)
def test_a_decoder_written_from_the_text_agrees(
    seed: int, height: int, width: int, size: float, slices: int, quantiser: int
) -> None:
    sizes = np.random.default_rng(seed).integers(16, 65, sum(SLICES)) if seed % 2 else None
    tables, writer = replace(random_tables(seed, SLICES), level_sizes=sizes), SymbolWriter()
    tables = with_differences(tables, seed) if seed < 3 else tables
    levels, wanted = random_levels(seed, height, width, size), None
    if seed % 2 == 0:
        wanted = np.random.default_rng(seed).integers(-24, 25, square_grid(height, width))
    coder, offsets = LevelCoder(tables, height, width), OffsetCoder(height, width)
    values, _ = coder.code(writer, quantiser, offsets, Levels(levels).choose, slices, wanted)
    payload = writer.finish()
    reference = ReferenceLevels(plain_tables(tables), height, width)
    assert reference.decode(payload, quantiser) == values.tolist()
    reader, offsets = LevelCoder(tables, height, width), OffsetCoder(height, width)
    found, _ = reader.code(SymbolReader(payload), quantiser, offsets)
    assert np.array_equal(found, values)


def test_the_contexts_of_blocks() -> None:
    listed, first, label = [], 0, ""
    for row in block_rows("10.6"):
        if row[0]:
            label, first = row[0].split("`")[1], int(row[2])
            listed.append((label, first, int(row[1]), []))
        listed[-1][3].append((int(row[4]), int(row[5])))
    assert listed == [
        (
            name,
            layout.first,
            element.symbols,
            list(zip(layout.sizes.values(), layout.strides.values(), strict=True)),
        )
        for name, element in BLOCK_ELEMENTS.items()
        for layout in element.contexts
    ]


class Recorder(Observer):
    """Keeps the element, table and symbol of every symbol."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        self.calls.extend(
            (tables.name, int(table), int(symbol))
            for table, symbol in zip(ids, symbols, strict=True)
        )


def even_block_coder() -> BlockCoder:
    """Of frames of 2 × 2 blocks."""
    return BlockCoder({name: even(shape) for name, shape in BLOCK_TABLES.items()}, 2, 2)


def test_the_example_of_blocks() -> None:
    fields, recorder = BlockFields.blank(2, 2, Mode.SKIP), Recorder()
    fields.sides[:], fields.vectors[0] = 8, (3, -4)
    fields.modes[1, 1] = Mode.RESIDUAL
    even_block_coder().code(SymbolWriter(recorder), fields, FrameReference(0, 0, None))
    listed = [(row[0].strip("`"), int(row[2]), int(row[3])) for row in block_rows("10.7")]
    assert recorder.calls == listed


def test_the_example_of_derived_blocks() -> None:
    coder, recorder = even_block_coder(), Recorder()
    coder.start_unit()
    still = BlockFields.blank(2, 2, Mode.SKIP)
    coder.code(SymbolWriter(), still, FrameReference(1, 0, None))
    fields = DerivableFields.blank(2, 2, Mode.SKIP)
    fields.derived[0, 0] = True
    coder.code(
        SymbolWriter(recorder),
        fields,
        FrameReference(0, 0, 2),
        lambda *_: np.zeros((2, 2, 2, 2), int),
    )
    calls = [call[1:] for call in recorder.calls if call[0] == "derived"]
    assert calls == [(int(row[1]), int(row[2])) for row in block_rows("10.1")]
    assert not any(name == "block_merge" for name, _, _ in recorder.calls)


def test_the_examples_of_derived_motion() -> None:
    vector = to_future(np.array([-3, 5]), (-2, 1))
    assert f"(−3, 5) to the past is scaled to {tuple(vector.tolist())}".replace("-", "−") in TEXT
    fine = doubled(np.array([[0, 3], [8, 4]], dtype=np.int32)).tolist()
    assert " and ".join(", ".join(map(str, row)) for row in fine) in TEXT


def block_rows(section: str) -> list[list[str]]:
    """The cells of all rows of the table of a subsection, without its head."""
    found = re.search(rf"^### {section} .*?(?=^##|\Z)", TEXT, re.M | re.S)
    assert found
    lines = [line for line in found[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
