"""From scaled latents to access units: groups of up to 16 frames, hierarchical where motion allows, else chained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

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

# Novelty (MotionSearch.novelty) measured on the dev clips; motion has 0.1 to 2.7.
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


class Pace(Protocol):
    """Chooses the crf of every access unit of a chunk as it comes, from what the units before it took."""

    def crf(self, frames: int) -> int:
        """crf 0..63 at which to code the next unit, of so many frames."""

    def accepts(self, unit: AccessUnit) -> bool:
        """Take note of a coded unit; False to have the same frames coded again, at the crf that is asked for then."""


class GroupEncoder:
    """Codes the frames of one chunk in order; ``push`` and ``finish`` give the access units that are complete.

    The first frame is the keyframe and its own unit; the frames after it wait, up to ``settings.group_size`` of them, and
    are coded in groups whose structure and size follow from how much is new in them.  ``pace`` may choose another crf for
    every unit than that of the settings.
    ``new_writer`` and ``new_coder`` let calibration count and record what is coded.
    """

    def __init__(
        self,
        tables: CodecTables,
        header: SequenceHeader,
        settings: EncoderSettings,
        search: MotionSearch,
        new_writer: Callable[[], SymbolWriter] = SymbolWriter,
        new_coder: Callable[[CodecTables, int, int, int], FrameCoder] = FrameCoder,
        pace: Pace | None = None,
    ) -> None:
        self._tables, self._header, self._settings, self._search = tables, header, settings, search
        self._new_writer, self._new_coder, self._pace = new_writer, new_coder, pace
        self._block = 1 << header.block_log2
        self._decider = BlockDecider(tables, self._block, settings.lagrangian)
        self._coder: FrameCoder | None = None
        self._anchor: tuple[ReferenceFrame, np.ndarray] | None = None
        self._waiting: list[EncoderFrame] = []

    def push(self, frame: EncoderFrame) -> list[AccessUnit]:
        """Take one frame → the access units finished by it."""
        if self._coder is None:
            return [self._paced(1, lambda: self._keyframe(frame))]
        self._waiting.append(frame)
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
        return self._paced(size, lambda: self._group(structure, frames))

    def _paced(self, frames: int, code: Callable[[], AccessUnit]) -> AccessUnit:
        """Code a unit at the crf that the pace names, and again from the same state as long as it does not accept it."""
        if self._pace is None:
            return code()
        coder, anchor = self._coder, self._anchor
        while True:
            self._coder, self._anchor = coder and coder.copy(), anchor
            self._settings = replace(self._settings, crf=self._pace.crf(frames))
            unit = code()
            if self._pace.accepts(unit):
                return unit

    def _group(self, structure: Structure, frames: list[EncoderFrame]) -> AccessUnit:
        size = len(frames)
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
            self._coder.blocks.fallback(two_references=future is not None),
            quantiser,
            None if future is None else (future[0], self._candidates(frame.luma, future[1])),
        )
        target = (frame.latents - decision.prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        intra = (decision.fields.modes == Mode.INTRA).repeat(self._block, 0).repeat(self._block, 1)
        target[:, intra] = frame.latents[:, intra] / step_latent(quantiser)
        choose = RateDistortionQuantiser(target, self._settings.lagrangian)
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
        choose = RateDistortionQuantiser(frame.latents / step_latent(quantiser), self._settings.lagrangian)
        with one_blas_thread():
            latent = self._coder.code_keyframe(writer, quantiser, choose)
        self._anchor = (ReferenceFrame(latent.latents.astype(np.int32)), frame.luma)
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
