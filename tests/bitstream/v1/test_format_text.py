"""FORMAT.md says what the code does: formulas and tables of contexts, and the worked examples."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from bitstream.group_structure import FrameReference
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_elements import BLOCK_ELEMENTS
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.context_layouts import ContextLayout
from bitstream.v1.context_model import (
    INTER,
    INTRA,
    LEVEL_CONTEXTS,
    LEVEL_SYMBOLS,
    LEVEL_TABLES,
    SliceNetwork,
)
from bitstream.v1.level_syntax import LevelCoder
from bitstream.v1.observer import Observer
from bitstream.v1.quantiser import log2_step_eighths
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v1.tables import BLOCK_TABLES, CodecTables, planes_of

from ...conformance.reference_v1.blocks import BlockLayer
from ...conformance.reference_v1.decoder import evaluate_network
from ...conformance.reference_v1.entropy import RangeDecoder
from ...conformance.reference_v1.stages import FIRST, stages
from ...conformance.reference_v1.vectors import middle_of, spread_of
from ..synthetic import normalised, synthetic_tables

TEXT = (Path(__file__).parents[3] / "bitstream" / "FORMAT.md").read_text(encoding="utf-8")
BY_STORED_NAME = {element.stored_name: element for element in BLOCK_ELEMENTS.values()}
SECTIONS = {"mode": "6.2", "unit": "6.3", "direction": "6.4", "vector_merge": "6.5"}


def section(number: str) -> str:
    """The text of one section."""
    found = re.search(rf"^#+ {re.escape(number)}\.? .*?(?=^##)", TEXT, re.M | re.S)
    assert found, f"FORMAT.md has no section {number}"
    return found[0].replace("−", "-")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table that begins with a heading row."""
    lines = text[text.index(heading) :].splitlines()[2:]
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    assert table
    return table


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


class TestContexts:
    def test_the_table_of_contexts_lists_the_layouts(self) -> None:
        listed: dict[str, list[tuple[int, list[int], list[int]]]] = {}
        heading = "| table set | first table | digit | values | factor |"
        for name, first, _, values, factor in rows(section("6.6"), heading):
            if name:
                stored = re.match(r"`(\w+)`", name)[1]
                listed.setdefault(stored, []).append((int(first), [], []))
            listed[stored][-1][1].append(int(values))
            listed[stored][-1][2].append(int(factor))
        assert listed == {
            name: [
                (layout.first, list(layout.sizes.values()), list(layout.strides.values()))
                for layout in element.contexts
            ]
            for name, element in BY_STORED_NAME.items()
        }

    @pytest.mark.parametrize("name", SECTIONS)
    def test_formulas_have_the_factors_of_the_layouts(self, name: str) -> None:
        (layout,) = BY_STORED_NAME[name].contexts
        formula = re.search(r"table = (\d+ · .*)", section(SECTIONS[name]))[1]
        assert factors(formula) == larger_strides(layout)

    def test_formulas_of_vector_differences(self) -> None:
        vertical, horizontal = BY_STORED_NAME["vector_delta"].contexts
        assert "dy, table = spread\n" in section("6.5") and larger_strides(vertical) == []
        formula = re.search(r"dx, table = (.*)", section("6.5"))[1]
        assert formula == f"{horizontal.first} + {horizontal.strides['spread']} · spread + (dy = 0)"

    def test_the_formula_of_levels(self) -> None:
        scale, fraction = LEVEL_CONTEXTS.sizes.values()
        formula = re.search(r"table = (\d+ · .*)", section("8.2"))[1]
        assert formula == f"{fraction} · clip((σ + 68) >> 3, 0, {scale - 1}) + (a & {fraction - 1})"

    def test_numbers_of_tables_and_symbols(self) -> None:
        for name, (tables, symbols) in (
            ("mode", BLOCK_TABLES["mode"]),
            ("unit", BLOCK_TABLES["block_merge"]),
            ("direction", BLOCK_TABLES["direction"]),
        ):
            text = section(SECTIONS[name])
            said = re.search(rf"`{name}`,? (?:has|with) (\d+) tables and the symbols ([^.]*)", text)
            assert int(said[1]) == tables
            assert numbers(said[2]) == list(range(symbols))
        for name in ("vector_merge", "vector_delta"):
            said = re.search(rf"`{name}` (?:has )?(\d+) tables and (\d+) symbols", section("6.5"))
            assert (int(said[1]), int(said[2])) == BLOCK_TABLES[name]
        assert f"has {LEVEL_TABLES} tables and {LEVEL_SYMBOLS} symbols" in section("8.2")

    def test_shapes_of_the_priors(self) -> None:
        (row,) = (cells for cells in rows(TEXT, "| tensor | shape | what |") if "unit" in cells[0])
        names = re.findall(r"`block\.(\w+)`", row[0])
        shapes = [tuple(numbers(shape)) for shape in row[1].split(",")]
        assert dict(zip(names, shapes, strict=True)) == {
            name: element.shape for name, element in BY_STORED_NAME.items()
        }


def factors(formula: str) -> list[int]:
    return [int(number) for number in re.findall(r"(\d+) · ", formula)]


def larger_strides(layout: ContextLayout) -> list[int]:
    return [stride for stride in layout.strides.values() if stride > 1]


class Calls(Observer):
    """Every call: the name of its table set, tables and symbols; features of every network."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], list[int]]] = []
        self.features: list[list[int]] = []

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        self.calls.append((tables.name, ids.tolist(), symbols.tolist()))

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray | None) -> None:
        self.calls.append(("escape", [], values.tolist()))

    def evaluated(self, network: SliceNetwork, features: np.ndarray) -> None:
        self.features += features.astype(int).tolist()


class TestExampleOfVectors:
    """Section 6.5."""

    VECTORS = ([[3, -4], [3, -4]], [[-40, 5], [3, -4]])
    HEADING = (
        "| stage | block (row, column) | predictor | spread | candidates | call | table | symbol |"
    )

    def test_the_text_has_these_vectors(self) -> None:
        text = section("6.5")
        assert "row 0 have the vectors (3, -4) and (3, -4)" in text
        assert "row 1 have (-40, 5) and (3, -4)" in text

    def test_calls(self) -> None:
        listed: list[tuple[str, list[int], list[int]]] = []
        for *_, call, table, symbol in rows(section("6.5"), self.HEADING):
            if call != "same call":
                listed.append((call.strip("`"), [], []))
            listed[-1][1].extend(numbers(table))
            listed[-1][2].extend(numbers(symbol))
        priors = synthetic_tables().block_priors
        fields, observer = BlockFields.blank(2, 2, Mode.SKIP), Calls()
        fields.vectors[0] = self.VECTORS
        writer, entry = SymbolWriter(observer), FrameReference(0, 0, None)
        BlockCoder(priors, 2, 2).code(writer, fields, entry)
        assert [call for call in observer.calls if call[0] not in ("mode", "block_merge")] == listed
        data, reading = writer.finish(), Calls()
        decoded = BlockCoder(priors, 2, 2).code(
            SymbolReader(data, reading), BlockFields.blank(2, 2, Mode.SKIP), entry
        )
        assert (decoded.vectors == fields.vectors).all() and reading.calls == observer.calls
        second = BlockLayer(
            {BLOCK_ELEMENTS[name].stored_name: table for name, table in priors.items()}, 2, 2
        )
        second.start_unit(1)
        vectors = second.decode(RangeDecoder(data), 1, 0, None).vectors[0]
        assert vectors == [list(row) for row in self.VECTORS]

    def test_predictors_spreads_and_candidates(self) -> None:
        said = [row for row in rows(section("6.5"), self.HEADING) if row[0]]
        expected = []
        for kind, blocks in stages(2, 2):
            for block in blocks:
                motions = [self.VECTORS[y][x] for y, x in block.neighbours]
                predictor = [middle_of(list(part)) for part in zip(*motions, strict=True)] or [0, 0]
                candidates = [predictor]
                for candidate in [[0, 0], *motions]:
                    if candidate not in candidates:
                        candidates.append(candidate)
                expected.append(
                    [
                        ("first", "diagonal", "edge")[kind],
                        [block.row, block.column],
                        predictor,
                        spread_of([] if kind == FIRST else motions),
                        [*itertools.chain(*candidates)],
                    ]
                )
        assert [
            [row[0], numbers(row[1]), numbers(row[2]), int(row[3]), numbers(row[4])] for row in said
        ] == expected


class TestExampleOfNetworks:
    """Section 8.1."""

    INPUTS = 45

    def network(self) -> SliceNetwork:
        """The one that the text lists."""
        text = section("8.1")
        gather = np.zeros((self.INPUTS, 3))
        for row, values in re.findall(r"^    G\[(\d+)\] = (.*)", text, re.M):
            gather[int(row)] = numbers(values)
        bias, mix, mix_bias = (
            np.array(numbers(re.search(rf"^    {name} = (.*)", text, re.M)[1]), dtype=float)
            for name in ("g", "X", "m")
        )
        return SliceNetwork(gather, bias, mix[None], mix_bias, channels=1)

    def test_it_sees_that_many_inputs(self) -> None:
        assert 9 * planes_of(INTRA, 0, 1) == self.INPUTS
        assert f"sees {self.INPUTS} inputs" in section("8.1")

    def test_numbers_of_the_table(self) -> None:
        network, levels, calls = self.network(), np.array([[[3, 2]]]), Calls()
        flat = normalised(np.ones((LEVEL_TABLES, LEVEL_SYMBOLS), dtype=np.int64))
        tables = CodecTables(
            1, (1,), {INTRA: (network,), INTER: ()}, {INTRA: flat, INTER: flat}, {}, np.zeros(0)
        )
        everywhere = np.ones((1, 2), dtype=bool)
        LevelCoder(tables, 1, 2).code(
            SymbolWriter(calls),
            log2_step_eighths(40),
            everywhere,
            everywhere,
            None,
            lambda part: levels[0, part.rows, part.columns][:, None],
        )
        plain = [part.astype(int).tolist() for part in (network.gather, network.gather_bias)]
        plain += [network.mix.astype(int).tolist(), network.mix_bias.astype(int).tolist()]
        found = []
        for column, (x, (_, (table,), (symbol,))) in enumerate(
            zip(calls.features, calls.calls, strict=True)
        ):
            s = (np.array(x) @ network.gather + network.gather_bias).astype(int).tolist()
            hidden = max(0, s[0] >> 5)
            mixed = [hidden * int(weight) >> 6 for weight in network.mix[0]]
            o = [s[1 + k] + mixed[k] + int(network.mix_bias[k]) + 64 >> 7 for k in range(2)]
            (mean,), (scale,) = evaluate_network(plain, 1, x)
            assert [mean, scale] == [int(v[0, 0]) for v in network.evaluate(np.array([x], float))]
            level = int(levels[0, 0, column])
            found.append([[column], s, [hidden], o, [mean, scale], [table], [level], [symbol]])
        heading = "| column | s | h | o | μ, σ | table | level | symbol |"
        assert found == [[numbers(cell) for cell in row] for row in rows(section("8.1"), heading)]
