"""Prices of vectors, directions and modes are what the coder spends."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.group_structure import FrameReference
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.block_lattice import StageKind, stages
from bitstream.v1.observer import Observer
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v2.block_syntax import BlockCoder
from tests.bitstream.v2.synthetic import random_tables, with_inter_tables
from videocodec.encoder.mode_prices import last_slice_bits, residual_bits
from videocodec.encoder.table_prices import DirectionPrices, VectorPrices

INTER = with_inter_tables(random_tables()).inter
assert INTER is not None
PRIORS = INTER.block_priors
ONE = FrameReference(0, 0, None)  # a chain of one frame


class Spent(Observer):
    """bits: by element."""

    def __init__(self) -> None:
        self.bits: dict[str, float] = {}

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        cost = float(tables.costs[ids, symbols].sum())
        self.bits[tables.name] = self.bits.get(tables.name, 0.0) + cost


def spent(fields: BlockFields) -> dict[str, float]:
    observer = Spent()
    BlockCoder(PRIORS, *fields.modes.shape).code(SymbolWriter(observer), fields, ONE)
    return observer.bits


@pytest.mark.parametrize("vector", [(0, 0), (5, -9), (0, 3)])
def test_vectors_cost_what_is_said(vector: tuple[int, int]) -> None:
    fields = BlockFields.blank(1, 1, Mode.SKIP)
    fields.vectors[0, 0, 0] = vector
    bits, tables = spent(fields), BlockCoder(PRIORS, 1, 1).tables
    none = np.zeros((4, 1, 2), dtype=np.int64)
    prices = VectorPrices(
        tables,
        StageKind.FIRST,
        none,
        np.zeros((4, 1), dtype=bool),
        none[0],
        np.ones(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )
    wanted = bits["vector_merge"] + bits.get("vector_delta", 0.0)
    assert prices.bits(np.array([vector])).tolist() == pytest.approx([wanted])


def test_directions_cost_what_is_said() -> None:
    coder = BlockCoder(PRIORS, 1, 1)
    prices = DirectionPrices(coder.tables, coder.context(ONE), np.ones((1, 1), dtype=np.int64))
    (stage,) = stages(1, 1)
    choice, chosen = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=bool)
    bits = prices.bits(stage, np.ones(1, dtype=bool), choice, chosen)
    wanted = spent(BlockFields.blank(1, 1, Mode.SKIP))["direction"]
    assert bits.shape == (len(Direction), 1) and bits[0, 0] == pytest.approx(wanted)


def test_a_block_alone_in_its_square_costs_the_square_as_well() -> None:
    priors = {name: np.full(table.shape, 65536 // table.shape[1]) for name, table in PRIORS.items()}
    for table in priors.values():
        table[:, 0] += 65536 - table[0].sum()
    coder, fields = BlockCoder(priors, 16, 16), BlockFields.blank(16, 16, Mode.SKIP)
    fields.modes[0, 0] = Mode.RESIDUAL
    bits = residual_bits(coder, coder.context(ONE), fields)
    assert bits[0, 1] == pytest.approx(
        0, abs=1e-3
    )  # symbols of equal probability, in a square that is coded
    assert bits[9, 9] > bits[0, 4] > bits[0, 2] > bits[0, 1]


def test_last_slices_cost_what_their_neighbours_make_them() -> None:
    costs = np.arange(20, dtype=np.float64).reshape(5, 4)[:, :3]
    last, coded = np.array([[2, 0, 0]]), np.array([[True, False, False]])
    bits = last_slice_bits(costs, last, coded)
    assert bits[:, 0, 0].tolist() == costs[4].tolist()  # no neighbour is coded
    assert bits[:, 0, 1].tolist() == costs[3].tolist()
