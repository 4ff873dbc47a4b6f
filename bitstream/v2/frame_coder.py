"""One frame of version 2 from syntax to latents."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedVersionError
from ..group_structure import FrameReference
from ..v1.block_fields import BlockFields, Mode
from ..v1.frame_coder import LatentFrame
from ..v1.observer import Observer
from ..v1.symbol_coder import SymbolReader, SymbolWriter
from . import compiled
from .block_syntax import BlockCoder
from .derived_blocks import DerivableFields
from .derived_motion import Mask, derived_motion
from .inter_levels import InterLevelCoder, InterScene, UnpredictedScene
from .inter_tables import InterTables
from .level_syntax import LevelCoder
from .line_matching import Vectors
from .local_quantisers import OffsetCoder, Offsets
from .pass_coder import LevelChooser
from .prediction import PictureReference
from .tables import LevelTables
from .unmade_frames import UnmadeFrame
from .values import to_latents

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader

# A keyframe of so many pixels takes NumPy longer than kernels take to be loaded; where they have to
# be compiled first, that takes far longer, and nobody should wait for more than so many seconds.
_LARGE, _PATIENCE = 1 << 19, 2.0


@dataclass(frozen=True)
class RefinedFrame(LatentFrame):
    """A reconstructed frame, and the quantiser that last refined each of its positions.

    quantiser_map (h, w) uint8.
    """

    quantiser_map: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class InterChoices:
    """What an encoder chooses of an inter frame.

    fields: of its blocks.  choose: its quantiser of levels.  last (bh, bw): how many slices each
    block has.  offsets: of the quantiser by squares, None for none.  prediction (C, h, w) int32:
    what ``predict_frame`` makes of the fields; derived: ``derived_motion`` of the frame; None to
    have them made.
    """

    fields: BlockFields
    choose: LevelChooser
    last: npt.NDArray[np.int64]
    offsets: Offsets | None = None
    prediction: npt.NDArray[np.int32] | None = None
    derived: Vectors | None = None


class InterState:
    """What the inter frames between two keyframes share."""

    def __init__(
        self, tables: LevelTables, inter: InterTables, block_rows: int, block_columns: int
    ) -> None:
        self.tables = inter
        self.blocks = BlockCoder(inter.block_priors, block_rows, block_columns)
        self.levels = InterLevelCoder(inter, tables.slices, tables.level_sizes)

    def copy(self) -> InterState:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.blocks, other.levels = self.blocks.copy(), self.levels.copy()
        return other


class FrameCoder:
    """Codes the frames between two keyframes, keyframe included.  Make a new one at every
    keyframe.
    """

    def __init__(
        self, tables: LevelTables, latent_height: int, latent_width: int, block: int
    ) -> None:
        self.tables, self.block = tables, block
        self._blocks = latent_height // block, latent_width // block
        self.levels = LevelCoder(tables, latent_height, latent_width)
        self.offsets = OffsetCoder(latent_height, latent_width)
        self._inter: InterState | None = None
        if tables.inter is not None:
            self._inter = InterState(tables, tables.inter, *self._blocks)

    @classmethod
    def for_header(cls, tables: LevelTables, header: SequenceHeader) -> FrameCoder:
        """The state with which a keyframe of that header begins.

        Before a large one kernels that are being loaded are waited for.
        """
        if header.width * header.height >= _LARGE:
            compiled.await_kernels(_PATIENCE)
        return cls(tables, header.latent_height, header.latent_width, header.block_latents)

    @staticmethod
    def reader(payload: bytes, observer: Observer | None = None) -> SymbolReader:
        """What reads the payload of an access unit, and tells an observer of it.  Raises
        ``TruncatedStreamError``.
        """
        kernels = compiled.kernels()
        if kernels is not None and observer is None:
            reader: SymbolReader = kernels.CompiledReader(payload)
            return reader
        return SymbolReader(payload, observer)

    def reference(self, frame: RefinedFrame) -> PictureReference:
        """A reconstructed frame as later ones refer to it."""
        networks = None if self._inter is None else self._inter.tables.loop
        return PictureReference(networks, frame.latents.astype(np.int32), frame.quantiser_map)

    def copy(self) -> FrameCoder:
        """An independent copy of the state between two frames."""
        other = copy(self)
        other.levels, other.offsets = self.levels.copy(), self.offsets.copy()
        other._inter = self._inter and self._inter.copy()
        return other

    @property
    def inter(self) -> InterState:
        """Raises ``UnsupportedVersionError`` where the model has no tables for inter frames."""
        if self._inter is None:
            raise UnsupportedVersionError(
                "the model's tables of format version 2 are for keyframes alone"
            )
        return self._inter

    def start_unit(self) -> None:
        """To be called before the first inter frame of an access unit."""
        self.inter.blocks.start_unit()

    def code_keyframe(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        choose: LevelChooser | None = None,
        slice_count: int | None = None,
        offsets: Offsets | None = None,
    ) -> RefinedFrame:
        """A frame that refers to no other.

        ``choose``, ``slice_count`` (all of them by default) and ``offsets`` of the quantiser by
        squares are the encoder's.
        """
        count = len(self.tables.slices) if slice_count is None else slice_count
        bits_before = io.bits
        values, local = self.levels.code(io, quantiser, self.offsets, choose, count, offsets)
        if io.observer is not None:
            io.observer.frame_coded(*values.shape[1:])
        latents = to_latents(values, quantiser)
        fields = BlockFields.blank(*self._blocks, Mode.INTRA)
        refined = (quantiser + local).astype(np.uint8)
        return RefinedFrame(latents, fields, quantiser, 0.0, io.bits - bits_before, refined)

    def code_inter(
        self,
        io: SymbolWriter | SymbolReader,
        quantiser: int,
        entry: FrameReference,
        references: tuple[PictureReference, ...],
        chosen: InterChoices | None = None,
    ) -> RefinedFrame:
        """A frame predicted from a past and perhaps a future reference, those that ``entry`` names.

        chosen: by the encoder; None for a reader.
        """
        state, bits_at_start = self.inter, io.bits
        fields = self._code_blocks(io, entry, references, chosen)
        bits_before = io.bits
        predicted = None if chosen is None else chosen.prediction
        frame = UnmadeFrame(fields, quantiser, references, self.block, predicted)
        if fields.coded.any():
            intra = fields.modes == Mode.INTRA
            scene = InterScene(fields.coded, intra, frame.predict(), quantiser, self.block)
            by_encoder = (chosen.choose, chosen.last, chosen.offsets) if chosen else ()
            frame.levels = state.levels.code(io, self.offsets, scene, *by_encoder)
        latents, refined = frame.made()
        if io.observer is not None:
            io.observer.frame_coded(*latents.shape[1:])
        return RefinedFrame(
            latents,
            fields,
            quantiser,
            bits_before - bits_at_start,
            io.bits - bits_before,
            refined,
        )

    def pass_inter(
        self,
        io: SymbolReader,
        quantiser: int,
        entry: FrameReference,
        references: tuple[PictureReference, ...],
    ) -> PictureReference:
        """Go over a frame that may not be wanted: its symbols are read, and the rest is made when a
        later frame refers to it.
        """
        fields = self._code_blocks(io, entry, references, None)
        frame = UnmadeFrame(fields, quantiser, references, self.block)
        if fields.coded.any():
            # Nothing refers to a frame whose references are next to it.
            predict = frame.predict_some if entry.is_between_next_ones else frame.predict
            intra = fields.modes == Mode.INTRA
            scene = UnpredictedScene(fields.coded, intra, predict, quantiser, self.block)
            frame.levels = self.inter.levels.code(io, self.offsets, scene)
        return PictureReference.when_wanted(self.inter.tables.loop, frame.made)

    def _code_blocks(
        self,
        io: SymbolWriter | SymbolReader,
        entry: FrameReference,
        references: tuple[PictureReference, ...],
        chosen: InterChoices | None,
    ) -> DerivableFields:
        """The block layer of a frame."""
        blank = DerivableFields.blank(*self._blocks, Mode.SKIP)

        def derive(temporal: Vectors, wanted: Mask) -> Vectors:
            if chosen is not None and chosen.derived is not None:
                return chosen.derived
            assert entry.past is not None and entry.future is not None  # else nothing is derived
            past, future = (known.picture for known in references)
            distances = entry.past - entry.number, entry.future - entry.number
            return derived_motion((past, future), distances, self.block, temporal, wanted)

        return self.inter.blocks.code(io, chosen.fields if chosen else blank, entry, derive)
