"""Block layers to code in tests: frames of which something is known, and the calls that a frame
takes.
"""

from __future__ import annotations

import numpy as np

from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import CodedBlocks
from bitstream.v1.block_elements import BLOCK_ELEMENTS
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.block_syntax import BlockCoder
from bitstream.v1.observer import Observer
from bitstream.v1.symbol_coder import SymbolWriter

from ..synthetic import synthetic_tables

PRIORS = synthetic_tables().block_priors
STORED_PRIORS = {BLOCK_ELEMENTS[name].stored_name: table for name, table in PRIORS.items()}
ONE = FrameReference(0, 0, None)  # a chain of one frame
LAST, MIDDLE = coding_order(Structure.HIERARCHY, 2)


def still(
    height: int, width: int, distances: tuple[int, ...] = (), modes: object = Mode.SKIP
) -> CodedBlocks:
    """A frame without motion."""
    fields = BlockFields.blank(height, width, Mode.SKIP)
    fields.modes[:] = modes
    return CodedBlocks(
        fields, distances, np.zeros((len(distances), height, width, 2), dtype=np.int64)
    )


def between(
    height: int, width: int, past: CodedBlocks | None = None, future: CodedBlocks | None = None
) -> BlockCoder:
    """Before ``MIDDLE``: a coder that knows the frames around it."""
    coder = BlockCoder(PRIORS, height, width)
    coder.known = {0: past or still(height, width), 2: future or still(height, width, (-2,))}
    return coder


class Recorder(Observer):
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int], list[int]]] = []

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        self.calls.append((tables.name, ids.tolist(), symbols.tolist()))


def recorded(
    fields: BlockFields, coder: BlockCoder | None = None, entry: FrameReference = ONE
) -> list[tuple[str, list[int], list[int]]]:
    """(table set, tables, symbols) of every call that codes something; directly after a keyframe if
    no coder says otherwise.
    """
    recorder = Recorder()
    (coder or BlockCoder(PRIORS, *fields.modes.shape)).code(SymbolWriter(recorder), fields, entry)
    return recorder.calls


def after(past: CodedBlocks) -> BlockCoder:
    """Before ``ONE``: a coder that knows the anchor."""
    coder = BlockCoder(PRIORS, *past.fields.modes.shape)
    coder.known = {0: past}
    return coder


def vector_calls(
    fields: BlockFields, coder: BlockCoder | None = None, entry: FrameReference = ONE
) -> list[tuple]:
    return [call for call in recorded(fields, coder, entry) if call[0].startswith("vector")]
