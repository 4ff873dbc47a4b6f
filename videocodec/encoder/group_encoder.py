"""From scaled latents to access units: groups of up to 16 frames, hierarchical where motion allows, else chained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.blas_threads import one_blas_thread
from bitstream.block_syntax import Mode
from bitstream.frame_coder import FrameCoder, LatentFrame
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.latent_decoder import latent_checksum
from bitstream.prediction import ReferenceFrame
from bitstream.quantiser import QUANTISER_COUNT, UNITS_PER_LATENT, step_latent
from bitstream.sequence_header import SequenceHeader
from bitstream.symbol_coder import SymbolWriter
from bitstream.tables import CodecTables

from .decisions import BlockDecider
from .motion import MotionSearch
from .quantisation import RateDistortionQuantiser
from .settings import EncoderSettings

_SHORTEST_GOP = 8  # frames from a keyframe to one that a scene cut asks for
# Novelty (MotionSearch.novelty) measured on the dev clips: two unrelated pictures have 3.0 to 15, the fastest sports 2.7.
_CUT_NOVELTY = 2.9
_FAR_NOVELTY = 1.0  # larger groups win below this between their ends, smaller ones above
_NEAR_NOVELTY = 2.0  # above this between the ends of the smallest group, a chain wins
_GROUP_SIZES = (8, 4)
_CHAIN_SIZE = 8


@dataclass(frozen=True)
class EncoderFrame:
    """A frame to code: scaled latents (C, h, w) float32, padded luma (H, W) uint8, timestamps in ticks."""

    latents: np.ndarray
    luma: np.ndarray
    pts: int
    duration: int


def frame_levels(order: tuple[FrameReference, ...]) -> list[int]:
    """Level of every frame in coding order: 0 for the last frame of the group, one more for every split of a gap."""
    level = {0: 0}
    levels = []
    for entry in order:
        above = [level[entry.past]] if entry.future is None else [level[entry.past], level[entry.future]]
        levels.append(0 if entry.future is None else max(above) + 1)
        level[entry.display_index + 1] = levels[-1]
    return levels


class GroupEncoder:
    """Codes frames in order; ``push`` and ``finish`` give the access units that are complete.

    A keyframe is its own unit; the frames after it wait, up to ``settings.group_size`` of them, and are coded in groups
    whose structure and size follow from how much is new in them.
    ``weights`` (C,): what an error in each channel counts.  ``new_writer`` and ``new_coder`` let calibration count and record
    what is coded.
    """

    def __init__(
        self,
        tables: CodecTables,
        header: SequenceHeader,
        settings: EncoderSettings,
        search: MotionSearch,
        new_writer: Callable[[], SymbolWriter] = SymbolWriter,
        new_coder: Callable[[CodecTables, int, int, int], FrameCoder] = FrameCoder,
        weights: np.ndarray | None = None,
    ) -> None:
        self._tables, self._header, self._settings, self._search = tables, header, settings, search
        self._new_writer, self._new_coder = new_writer, new_coder
        self._block = 1 << header.block_log2
        effort = settings.effort
        self._weights = weights
        self._decider = BlockDecider(
            tables, self._block, settings.lagrangian,
            refinements=effort.refinements, units=effort.units, merges=effort.merges, weights=weights,
        )  # fmt: skip
        self._coder: FrameCoder | None = None
        self._anchor: tuple[ReferenceFrame, np.ndarray] | None = None
        self._waiting: list[EncoderFrame] = []
        self._since_keyframe = 0

    def push(self, frame: EncoderFrame) -> list[AccessUnit]:
        """Take one frame → the access units finished by it."""
        first = self._coder is None
        before = None if first else self._waiting[-1].luma if self._waiting else self._anchor[1]
        # Camera flashes look like cuts twice in a row; intra blocks carry them at less cost than two keyframes.
        cut = not first and self._since_keyframe >= _SHORTEST_GOP and self._search.novelty(frame.luma, before) > _CUT_NOVELTY
        if first or cut or self._since_keyframe >= self._settings.gop_size:
            return [*self.finish(), self._keyframe(frame)]
        self._waiting.append(frame)
        self._since_keyframe += 1
        return [self._next_group()] if len(self._waiting) == self._settings.group_size else []

    def finish(self) -> list[AccessUnit]:
        """Code all frames that wait."""
        units = []
        while self._waiting:
            units.append(self._next_group())
        return units

    def _next_group(self) -> AccessUnit:
        """Code the frames at the front of those that wait: as many as the motion allows, the fewer the more is new."""
        structure, size = self._shape()
        frames, self._waiting = self._waiting[:size], self._waiting[size:]
        order = coding_order(structure, size)
        writer = self._new_writer()
        known = {0: self._anchor}
        coded: dict[int, LatentFrame] = {}
        for entry, level in zip(order, frame_levels(order)):
            frame = frames[entry.display_index]
            with one_blas_thread():
                latent = self._code(writer, frame, level, known[entry.past], None if entry.future is None else known[entry.future])
            coded[entry.display_index] = latent
            known[entry.display_index + 1] = (ReferenceFrame(latent.latents.astype(np.int32)), frame.luma)
        self._anchor = known[size]
        return self._unit(structure, frames, [coded[e.display_index] for e in order], coded, writer)

    def _shape(self) -> tuple[Structure, int]:
        """Structure and size of the next group: the largest whose last frame can still be predicted from the anchor."""
        limit = len(self._waiting)
        if not self._settings.effort.hierarchical:
            return Structure.CHAIN, limit
        for size in sorted({limit, *(s for s in _GROUP_SIZES if s < limit)}, reverse=True):
            novelty = self._search.novelty(self._waiting[size - 1].luma, self._anchor[1])
            if novelty < _FAR_NOVELTY:
                return Structure.HIERARCHY, size
            if size == min(limit, _GROUP_SIZES[-1]) and novelty < _NEAR_NOVELTY:
                return Structure.HIERARCHY, size
        return Structure.CHAIN, min(limit, _CHAIN_SIZE)

    def _code(
        self,
        writer: SymbolWriter,
        frame: EncoderFrame,
        level: int,
        past: tuple[ReferenceFrame, np.ndarray],
        future: tuple[ReferenceFrame, np.ndarray] | None,
    ) -> LatentFrame:
        quantiser = min(QUANTISER_COUNT - 1, self._settings.inter_quantiser + self._settings.level_offset(level))
        decision = self._decider.decide(
            frame.latents,
            past[0],
            self._candidates(frame.luma, past[1]),
            self._coder.blocks.previous,
            quantiser,
            None if future is None else (future[0], self._candidates(frame.luma, future[1])),
        )
        target = (frame.latents - decision.prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        intra = (decision.fields.modes == Mode.INTRA).repeat(self._block, 0).repeat(self._block, 1)
        target[:, intra] = frame.latents[:, intra] / step_latent(quantiser)
        choose = RateDistortionQuantiser(target, self._settings.lagrangian, self._weights)
        references = (past[0], None if future is None else future[0])
        return self._coder.code_inter(writer, quantiser, references, decision.fields, choose)

    def _candidates(self, luma: np.ndarray, reference: np.ndarray) -> list[np.ndarray]:
        flow = self._search.vectors(luma, reference)
        pan = np.broadcast_to(np.median(flow.reshape(-1, 2), axis=0).astype(np.int64), flow.shape)
        return [flow, pan] if pan.any() else [flow]

    def _keyframe(self, frame: EncoderFrame) -> AccessUnit:
        quantiser = self._settings.keyframe_quantiser
        writer = self._new_writer()
        self._coder = self._new_coder(self._tables, self._header.latent_height, self._header.latent_width, self._block)
        choose = RateDistortionQuantiser(frame.latents / step_latent(quantiser), self._settings.lagrangian, self._weights)
        with one_blas_thread():
            latent = self._coder.code_keyframe(writer, quantiser, choose)
        self._anchor = (ReferenceFrame(latent.latents.astype(np.int32)), frame.luma)
        self._since_keyframe = 1
        return self._unit(Structure.KEYFRAME, [frame], [latent], {0: latent}, writer)

    def _unit(
        self,
        structure: Structure,
        frames: list[EncoderFrame],
        in_coding_order: list[LatentFrame],
        coded: dict[int, LatentFrame],
        writer: SymbolWriter,
    ) -> AccessUnit:
        return AccessUnit(
            structure=structure,
            header=self._header if structure == Structure.KEYFRAME else None,
            first_pts=frames[0].pts,
            durations=tuple(frame.duration for frame in frames),
            quantisers=tuple(latent.quantiser for latent in in_coding_order),
            latent_checksum=latent_checksum(tuple(coded[i] for i in range(len(frames)))),
            payload=writer.finish(),
        )
