"""Looking at what is coded while it is coded: for statistics, calibration and tests, never for
decoding.

A ``SymbolWriter`` or ``SymbolReader`` that is given an observer tells it of every call.  The coders
above tell it, by way of the same writer or reader, of the layers that they have finished.  So the
order of the syntax stays where it is written, in the coders alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .adaptive_tables import TableSet
from .block_context import BlockContext
from .block_fields import BlockFields
from .context_model import SliceNetwork


@dataclass(frozen=True)
class CodedLevels:
    """The level layer of one frame, as it was coded.

    levels (C, h, w) int64, 0 where nothing is coded; log2_step: of the quantiser, in eighths;
    coded, intra (h, w) bool: positions with levels, and those of intra blocks; prediction (C, h,
    w): |the prediction| in levels, None in a keyframe; previous (C, h, w) int64: levels of the
    frame coded before, 0 after a keyframe.
    """

    levels: np.ndarray
    log2_step: int
    coded: np.ndarray
    intra: np.ndarray
    prediction: np.ndarray | None
    previous: np.ndarray


class Observer:
    """What the coder tells; every method does nothing here, and may be overridden.

    Arrays belong to the coder: look at them, or copy them, and do not change them.
    """

    def coded(
        self, tables: TableSet, ids: np.ndarray, symbols: np.ndarray, places: np.ndarray | None
    ) -> None:
        """One call of n >= 1 symbols: each under the table in ``ids`` (n,) of a set, whose
        frequencies are still those that it was coded under.

        places (n,): in the block layer, the flat index of the block that a symbol speaks for; for
        a merged block, or a square that might be one, that is the leader.  In the level layer, the
        flat index of the latent position.  None where symbols speak for the whole frame.
        """

    def escaped(self, tables: TableSet, values: np.ndarray, places: np.ndarray | None) -> None:
        """One call of n >= 1 escapes, which belong to symbols of the call before."""

    def evaluated(self, network: SliceNetwork, features: np.ndarray) -> None:
        """A context network is about to see features (n, 9 · planes) float64."""

    def blocks_coded(self, context: BlockContext, fields: BlockFields) -> None:
        """The block layer of an inter frame is complete; its level layer comes next."""

    def levels_coded(self, layer: CodedLevels) -> None:
        """The level layer of a frame of version 1 is complete."""

    def frame_coded(self, height: int, width: int) -> None:
        """A frame of so many latent positions is complete."""
