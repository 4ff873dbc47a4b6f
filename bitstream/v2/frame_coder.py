"""A keyframe from syntax to latents.  Frames that refer to others are still to come."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedVersionError
from ..group_structure import FrameReference
from ..v1.block_fields import BlockFields, Mode
from ..v1.frame_coder import LatentFrame
from ..v1.observer import Observer
from ..v1.prediction import ReferenceFrame
from ..v1.quantiser import STEP_FRACTION_BITS, clamp_latents, log2_step_eighths, step_fixed
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from .context_network import VALUE_BITS
from .level_syntax import LevelChooser, LevelCoder
from .tables import LevelTables

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader


def to_latents(values: npt.NDArray[np.int64], quantiser: int) -> npt.NDArray[np.int16]:
    """Values in sixteenths of the step → latents in 1/64 of a scaled latent, rounding half up."""
    shift = STEP_FRACTION_BITS + VALUE_BITS
    latents = (values * step_fixed(quantiser) + (1 << (shift - 1))) >> shift
    return clamp_latents(latents).astype(np.int16)


class FrameCoder:
    """Codes the frames between two keyframes, keyframe included.  Make a new one at every
    keyframe.
    """

    def __init__(
        self, tables: LevelTables, latent_height: int, latent_width: int, block: int
    ) -> None:
        self.tables = tables
        self._blocks = latent_height // block, latent_width // block
        self.levels = LevelCoder(tables, latent_height, latent_width)

    @classmethod
    def for_header(cls, tables: LevelTables, header: SequenceHeader) -> FrameCoder:
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
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.levels = self.levels.copy()
        return other

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit."""

    def code_keyframe(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        choose: LevelChooser | None = None,
        slice_count: int | None = None,
    ) -> LatentFrame:
        """A frame that refers to no other.

        ``choose`` and ``slice_count`` (all of them by default) are the encoder's.
        """
        count = len(self.tables.slices) if slice_count is None else slice_count
        bits_before = io.bits
        values = self.levels.code(io, log2_step_eighths(quantiser), choose, count)
        latents = to_latents(values, quantiser)
        fields = BlockFields.blank(*self._blocks, Mode.INTRA)
        return LatentFrame(latents, fields, quantiser, 0.0, io.bits - bits_before)

    def code_inter(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        entry: FrameReference,
        references: tuple[ReferenceFrame, ...],
    ) -> LatentFrame:
        """Not specified yet: raises ``UnsupportedVersionError``."""
        raise UnsupportedVersionError(
            "format version 2 is a draft that has keyframes alone: upgrade videocodec"
        )
