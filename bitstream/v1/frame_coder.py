"""One frame from syntax to latents: the state that encoder and decoder share and the reconstruction
both run.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..group_structure import FrameReference
from .block_fields import BlockFields, Direction, Mode
from .block_syntax import BlockCoder
from .level_syntax import LevelChooser, LevelCoder
from .observer import Observer
from .prediction import MotionTables, ReferenceFrame, average
from .quantiser import clamp_latents, dequantise, log2_step_eighths, step_fixed
from .symbol_coder import SymbolReader, SymbolWriter
from .tables import CodecTables

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader


@dataclass(frozen=True)
class LatentFrame:
    """A reconstructed frame.

    latents (C, h, w) int16 in latent units (1/64 of a scaled latent); fields: the block layer;
    quantiser 0..127; bits: ideal code length of its blocks and of its levels.
    """

    latents: np.ndarray
    fields: BlockFields
    quantiser: int
    block_bits: float
    level_bits: float


def to_positions(blocks: np.ndarray, block: int) -> np.ndarray:
    """Repeat a block grid (bh, bw, …) to the latent grid (bh·block, bw·block, …)."""
    return blocks.repeat(block, 0).repeat(block, 1)


@lru_cache(maxsize=4)
def _positions(rows: int, columns: int, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, column and flat index of the block of every latent position, for a grid of rows ×
    columns blocks.  Shared: read-only.
    """
    y, x = (plane.reshape(-1) for plane in np.mgrid[: rows * block, : columns * block])
    arrays = y, x, y // block * columns + x // block
    for array in arrays:
        array.flags.writeable = False
    return arrays


def predict_frame(
    tables: MotionTables,
    fields: BlockFields,
    references: tuple[ReferenceFrame, ...],
    block: int,
    wanted_blocks: np.ndarray | None = None,
) -> np.ndarray:
    """Motion-compensated prediction (C, h, w) int32 of every block, zero for intra blocks and
    outside ``wanted_blocks`` (bh, bw).
    """
    bh, bw = fields.modes.shape
    rows, columns, block_of = _positions(bh, bw, block)
    out = np.zeros((len(rows), tables.latent_channels), dtype=np.int32)
    predicted = fields.modes != Mode.INTRA
    if wanted_blocks is not None:
        predicted = predicted & wanted_blocks
    for index, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        flat = np.flatnonzero((predicted & (fields.directions != unused)).reshape(-1)[block_of])
        if not len(flat):
            continue
        blocks = block_of[flat]
        values = references[index].predict(
            tables.phase_filters,
            rows[flat],
            columns[flat],
            fields.vectors[index].reshape(-1, 2)[blocks],
        )
        if index:
            averaged = np.flatnonzero(fields.directions.reshape(-1)[blocks] == Direction.AVERAGE)
            values[averaged] = average(out[flat[averaged]], values[averaged])
        out[flat] = values
    return out.T.reshape(tables.latent_channels, bh * block, bw * block)


class FrameCoder:
    """Codes the frames between two keyframes, keyframe included.  Make a new one at every
    keyframe.
    """

    def __init__(
        self, tables: CodecTables, latent_height: int, latent_width: int, block: int
    ) -> None:
        self.tables, self.block = tables, block
        self.blocks = BlockCoder(tables.block_priors, latent_height // block, latent_width // block)
        self.levels = LevelCoder(tables, latent_height, latent_width)

    @classmethod
    def for_header(cls, tables: CodecTables, header: SequenceHeader) -> FrameCoder:
        """The state with which a keyframe of that header begins."""
        return cls(tables, header.latent_height, header.latent_width, header.block_latents)

    @staticmethod
    def reader(payload: bytes, observer: Observer | None = None) -> SymbolReader:
        """What reads the payload of an access unit, and tells an observer of it.  Raises
        ``TruncatedStreamError``.
        """
        return SymbolReader(payload, observer)

    @staticmethod
    def reference(frame: LatentFrame) -> ReferenceFrame:
        """A reconstructed frame as later ones refer to it."""
        return ReferenceFrame(frame.latents.astype(np.int32))

    def copy(self) -> FrameCoder:
        """An independent copy of the state between two frames, for encoders that try and take
        back.
        """
        other = copy(self)
        other.blocks, other.levels = self.blocks.copy(), self.levels.copy()
        return other

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit."""
        self.blocks.start_unit()

    def code_keyframe(
        self, io: SymbolWriter | SymbolReader, quantiser: int, choose: LevelChooser | None = None
    ) -> LatentFrame:
        """A frame of intra blocks alone; its block layer costs nothing."""
        fields = BlockFields.blank(*self.blocks.grid, Mode.INTRA)
        return self._code_levels(io, fields, None, quantiser, choose, 0.0)

    def code_inter(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        entry: FrameReference,
        references: tuple[ReferenceFrame, ...],
        fields: BlockFields | None = None,
        choose: LevelChooser | None = None,
    ) -> LatentFrame:
        """A frame predicted from a past and perhaps a future reference, those that ``entry`` names.

        ``fields`` and ``choose`` are the encoder's.
        """
        if fields is None:
            fields = BlockFields.blank(*self.blocks.grid, Mode.SKIP)
        bits_before = io.bits
        fields = self.blocks.code(io, fields, entry)
        block_bits = io.bits - bits_before
        prediction = predict_frame(self.tables, fields, references, self.block)
        return self._code_levels(io, fields, prediction, quantiser, choose, block_bits)

    def _code_levels(
        self,
        io: SymbolWriter | SymbolReader,
        fields: BlockFields,
        prediction: np.ndarray | None,
        quantiser: int,
        choose: LevelChooser | None,
        block_bits: float,
    ) -> LatentFrame:
        coded = to_positions(fields.coded, self.block)
        intra = to_positions(fields.modes == Mode.INTRA, self.block)
        in_levels = None
        if prediction is not None:
            # Exact: a quotient of integers below 2^24 and 2^21 that is no integer lies further from
            # one than float64 rounds.
            in_levels = np.floor(np.abs(prediction) * 256.0 / step_fixed(quantiser))
        bits_before = io.bits
        levels = self.levels.code(io, log2_step_eighths(quantiser), coded, intra, in_levels, choose)
        if io.observer is not None:
            io.observer.frame_coded(*coded.shape)
        latents = dequantise(levels, quantiser)
        if prediction is not None:
            latents += prediction
        return LatentFrame(
            clamp_latents(latents).astype(np.int16),
            fields,
            quantiser,
            block_bits,
            io.bits - bits_before,
        )
