"""Targets of format version 2, and their seeds: entropy-coded payloads, and tables."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.quantiser import QUANTISER_COUNT
from bitstream.v2.frame_coder import RefinedFrame
from bitstream.v2.tables import LevelTables
from tests.bitstream.synthetic import UnitPlan
from tests.bitstream.synthetic.second_streams import (
    SliceChoices,
    make_second_stream,
    second_header,
)
from tests.bitstream.v2.synthetic import random_tables, with_differences, with_inter_tables

from .model import Tables
from .stream import Payload

# columns and rows in blocks: one, an odd number, two squares of 64 px, and a cut square of them
GRIDS = ((1, 1), (3, 2), (4, 4), (9, 2))
FRAME_COUNTS = (1, 2, 3, 1, 2, 1, 1, 5)


def models() -> tuple[LevelTables, LevelTables]:
    """One with difference networks and level sizes, and one of so many slices that not all are in
    lattice order.
    """
    first, second = (
        with_inter_tables(random_tables(seed, slices, hidden))
        for seed, slices, hidden in ((1, (1, 2), 3), (2, (1, 1, 1, 1, 1), 2))
    )
    sizes = {**vars(with_differences(first)), "level_sizes": np.array([24, 16, 64])}
    return LevelTables(**sizes), second


class SecondPayload(Payload):
    """As ``Payload``, but for the first byte: its third bit is the number of the model."""

    frame_counts: ClassVar[tuple[int, ...]] = FRAME_COUNTS
    sides: ClassVar[tuple[int, ...]] = (1, 2, 4, 8)

    def __init__(self) -> None:
        super().__init__()
        self.models: tuple[Any, ...] = models()

    def tables_of(self, data: bytes) -> LevelTables:
        """The model of an input."""
        tables: LevelTables = self.models[data[0] >> 2 & 1]
        return tables

    def header(self, data: bytes) -> SequenceHeader:
        """As of version 1, of other grids."""
        block_log2 = data[3] >> 3 & 1
        columns, rows = (blocks << 3 + block_log2 for blocks in GRIDS[data[0] & 3])
        size = columns - (data[3] >> 4 & 3), rows - (data[3] >> 6)
        return second_header(*size, block_log2, self.tables_of(data).latent_channels)

    def check_frame(self, frame: LatentFrame, header: SequenceHeader) -> None:
        """Quantisers of positions are some, too."""
        super().check_frame(frame, header)
        assert isinstance(frame, RefinedFrame)
        assert frame.quantiser_map.shape == frame.latents.shape[1:]
        assert frame.quantiser_map.dtype == np.uint8
        assert frame.quantiser_map.max() < QUANTISER_COUNT


def payloads() -> list[bytes]:
    """Real payloads, after the bytes that say what their headers would."""
    known, out = models(), []
    for grid, model, code, structure in (
        (0, 0, 0, Structure.CHAIN),
        (1, 0, 2, Structure.HIERARCHY),
        (2, 0, 1, Structure.CHAIN),
        (3, 0, 2, Structure.HIERARCHY),
        (0, 1, 4, Structure.HIERARCHY),
        (1, 1, 2, Structure.HIERARCHY),
        (2, 1, 0, Structure.CHAIN),
        (3, 1, 1, Structure.HIERARCHY),
    ):
        (columns, rows), count = GRIDS[grid], FRAME_COUNTS[code]
        plans = (UnitPlan(Structure.KEYFRAME, (40,)), UnitPlan(structure, (40,) * count))
        header = second_header(8 * columns, 8 * rows, 0, known[model].latent_channels)
        made = make_second_stream(known[model], header, plans, grid, 40, SliceChoices((), 2))
        key, group = (stream.unit.payload for stream in made)
        is_hierarchy = structure == Structure.HIERARCHY
        first = bytes([grid | model << 2, code | 8 * is_hierarchy, 40, 0, len(key) // 4])
        out.append(first + key + group)
    return out


def changed_tables() -> Tables:
    """Changes to the tables of a model."""
    return Tables(models()[0], {"format_version": "2"})


def tables() -> list[bytes]:
    """Changes to good tables."""
    return [b"\1", bytes([1, 3, 8, 255, 255, 5]), bytes([1, 60, 4, 255, 255, 9, 7, 4, 1, 1, 200])]
