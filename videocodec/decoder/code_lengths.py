"""What every part of a frame cost, in bits: for looking at a stream, not for decoding it.

No torch.

A symbol costs -log2 of its probability in the tables that decode it; an escape also its own bits.
Levels belong to their latent position, a local offset to the first position of its square.  What
is said of a block (mode, direction, vectors, whether blocks are merged or have derived motion, its
last slice) is spread evenly over the positions that it speaks for: a mode and a last slice over its
block, the rest over the whole merged block; what speaks for the whole frame over all of it.  So the
sum over a frame is the ideal code length of the frame, which ``LatentFrame`` knows as ``block_bits
+ level_bits``; the bytes of an access unit are those of its frames, its header, and the few bits by
which a range coder misses the ideal.
"""

from __future__ import annotations

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.coder import Tables
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1 import block_elements as first
from bitstream.v1.adaptive_tables import TableSet
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import BlockFields
from bitstream.v1.context_layouts import ContextLayout
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.merged_blocks import MERGE_SIDES as FIRST_SIDES
from bitstream.v1.merged_blocks import leaders, merge_grid
from bitstream.v1.observer import Observer
from bitstream.v1.symbol_coder import escape_bits
from bitstream.v2 import block_elements as second

_OF_BLOCKS = ("last_slice",)  # elements that come with the levels and speak for blocks
_Squares = dict[str, tuple[ContextLayout, tuple[int, ...]]]
_FIRST_SQUARES: _Squares = {"block_merge": (first.BLOCK_MERGE, FIRST_SIDES)}
_SECOND_SQUARES: _Squares = {
    "derived": (second.DERIVED, second.DERIVED_SIDES),
    "block_merge": (second.BLOCK_MERGE, second.MERGE_SIDES),
    "square": (second.SQUARE, second.MERGE_SIDES),
}
# Elements that speak for squares, whether or not these move as one: their contexts, whose digit
# ``depth`` is the place of the side in the list.
_OF_SQUARES: dict[int, _Squares] = {
    1: _FIRST_SQUARES,
    2: _SECOND_SQUARES,
}


class _Meter(Observer):
    """Bits of what is coded, by place.

    frames: (h, w) float32 of every frame since it was last emptied, in coding order.
    """

    def __init__(self, format_version: int) -> None:
        self._of_squares = _OF_SQUARES[format_version]
        self.frames: list[np.ndarray] = []
        self._calls: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = []
        self._of_all = 0.0  # bits that speak for the whole frame
        self._blocks: np.ndarray | None = None  # (bh, bw) of the frame whose levels come next

    def coded(
        self,
        tables: TableSet,
        ids: np.ndarray,
        symbols: np.ndarray,
        places: np.ndarray | None,
    ) -> None:
        bits = tables.costs[ids, symbols]
        if places is None:
            self._of_all += float(bits.sum())
        else:
            self._calls.append((tables.name, ids, places, bits))

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray | None) -> None:
        bits = escape_bits(values)
        if places is None:
            self._of_all += float(bits.sum())
        else:
            self._calls.append((tables.name, np.zeros_like(places), places, bits))

    def blocks_coded(self, context: BlockContext, fields: BlockFields) -> None:
        blocks = np.zeros(fields.modes.size)
        of_leaders = np.zeros_like(blocks)
        for name, ids, places, bits in self._calls:
            if name in self._of_squares:
                layout, sides = self._of_squares[name]
                side = sides[int(layout.digits(ids[0])["depth"])]
                grid = merge_grid(*fields.modes.shape, side)
                squares = grid.square_of[places]
                per_block = np.zeros(len(grid.size))
                per_block[squares] = bits / grid.size[squares]
                blocks += per_block[grid.square_of]
            else:
                np.add.at(blocks if name == "mode" else of_leaders, places, bits)
        leader_of = leaders(fields.sides)
        followers = np.bincount(leader_of, minlength=len(leader_of))
        blocks += (of_leaders / np.maximum(followers, 1))[leader_of]
        self._blocks = blocks.reshape(fields.modes.shape)
        self._calls.clear()

    def frame_coded(self, height: int, width: int) -> None:
        bits = np.full(height * width, self._of_all / (height * width))
        for name, _, places, spent in self._calls:
            if name in _OF_BLOCKS and self._blocks is not None:
                np.add.at(self._blocks.reshape(-1), places, spent)
            else:
                np.add.at(bits, places, spent)
        plane = bits.reshape(height, width)
        if self._blocks is not None:
            block = height // len(self._blocks)
            plane += to_positions(self._blocks / block**2, block)
        self.frames.append(plane.astype(np.float32))
        self.forget()

    def forget(self) -> None:
        """Drop what was seen of a frame that is not complete."""
        self._calls.clear()
        self._of_all = 0.0
        self._blocks = None


class CodeLengths:
    """Decodes access units in order, from a keyframe on, for what their parts cost."""

    def __init__(self, tables: Tables) -> None:
        self._meter = _Meter(tables.format_version)
        self._decoder = LatentDecoder(tables, observer=self._meter)

    def of(self, unit: AccessUnit) -> list[np.ndarray]:
        """(h, w) float32 for every frame of a unit, in display order: the bits of every latent
        position, block layer and levels.

        Raises ``BitstreamError`` for a damaged unit, and for one whose keyframe did not come before
        it.
        """
        self._meter.forget()
        self._meter.frames.clear()
        self._decoder.decode(unit)
        in_display_order = sorted(
            zip(unit.references, self._meter.frames, strict=True),
            key=lambda pair: pair[0].display_index,
        )
        return [bits for _, bits in in_display_order]
