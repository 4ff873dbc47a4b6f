"""From scaled latents to access units: groups of up to 16 frames, hierarchical where motion allows,
else chained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.blas_threads import one_blas_thread
from bitstream.group_structure import FrameReference, Structure, coding_order
from bitstream.latent_decoder import latent_checksum
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import FrameCoder, LatentFrame, to_positions
from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import QUANTISER_COUNT, UNITS_PER_LATENT, step_latent
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import CodecTables

from ..decoded import QuantiserMaps
from .aiming import KEYFRAME_REACH, REACH, CodedVersion, PictureJudge, better_aim
from .decisions import BlockDecider
from .generation import LatentRestorer, RestoredBlocks, UnpredictedTexture
from .importance import (
    USUAL_CLASS,
    WEIGHTS,
    GroupMotion,
    keyframe_offset,
    propagate,
    weight_classes,
)
from .motion import MotionSearch
from .quantisation import RateDistortionQuantiser
from .settings import USUAL_KEYFRAME_OFFSET, EncoderSettings

# Novelty (MotionSearch.novelty) measured on the dev clips; motion has 0.1 to 2.7.
_FAR_NOVELTY = 1.0  # larger groups win below this between their ends, smaller ones above
_NEAR_NOVELTY = 2.0  # above this between the ends of the smallest group, a chain wins
_GROUP_SIZES = (8, 4)
_CHAIN_SIZE = 8


@dataclass(frozen=True)
class EncoderFrame:
    """A frame to code: scaled latents (C, h, w) float32, padded luma (H, W) uint8, timestamps in
    ticks, and, where pictures are judged, the picture (H, W, 3) uint8.
    """

    latents: np.ndarray
    luma: np.ndarray
    pts: int
    duration: int
    picture: np.ndarray | None = None


@dataclass(frozen=True)
class _Known:
    """A coded frame as a reference.  quantisers (h, w) uint8: what last refined each position."""

    reference: ReferenceFrame
    quantisers: np.ndarray

    @classmethod
    def of(cls, coded: CodedVersion) -> _Known:
        return cls(ReferenceFrame(coded.frame.latents.astype(np.int32)), coded.quantisers)


@dataclass(frozen=True)
class _InterPlan:
    """How a frame between keyframes is to be coded.

    references: the past and perhaps a future one, and candidates for the vectors to each; classes
    (bh, bw): what errors count (``importance.WEIGHTS``); is_leaf: no other frame refers to it.
    """

    quantiser: int
    entry: FrameReference
    references: tuple[tuple[_Known, list[np.ndarray]], ...]
    classes: np.ndarray
    is_leaf: bool


def frame_levels(order: tuple[FrameReference, ...]) -> list[int]:
    """Level of every frame in coding order: 0 for the last frame of the group, one more for every
    split of a gap.
    """
    level = {0: 0}
    levels = []
    for entry in order:
        above = (
            [level[entry.past]]
            if entry.future is None
            else [level[entry.past], level[entry.future]]
        )
        levels.append(0 if entry.future is None else max(above) + 1)
        level[entry.display_index + 1] = levels[-1]
    return levels


class Pace(Protocol):
    """Chooses the crf of every access unit of a chunk as it comes, from what the units before it
    took.
    """

    def crf(self, frames: int) -> int:
        """crf 0..63 at which to code the next unit, of so many frames."""

    def accepts(self, unit: AccessUnit) -> bool:
        """Take note of a coded unit; False to have the same frames coded again, at the crf that is
        asked for then.
        """


class GroupEncoder:
    """Codes the frames of one chunk in order; ``push`` and ``finish`` give the access units that
    are complete.

    The first frame is the keyframe and its own unit; the frames after it wait, up to
    ``settings.group_size`` of them, and are coded in groups whose structure and size follow from
    how much is new in them.  ``pace`` may choose another crf for every unit than that of the
    settings.  ``weights`` (C,): what an error in each channel counts in frames that no other refers
    to.  ``restorer`` runs the restoration, for presets that ask it what to leave out.  ``judge``
    looks at what becomes of frames, which then are coded for its eyes as often as the preset says.
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
        weights: np.ndarray | None = None,
        pace: Pace | None = None,
        restorer: LatentRestorer | None = None,
        judge: PictureJudge | None = None,
    ) -> None:
        self._judge = judge
        self._tables, self._header, self._settings, self._search = tables, header, settings, search
        self._new_writer, self._new_coder, self._pace, self._weights = (
            new_writer,
            new_coder,
            pace,
            weights,
        )
        self._block = 1 << header.block_log2
        effort = settings.effort
        options = {
            "refinements": effort.refinements,
            "units": effort.units,
            "merges": effort.merges,
        }
        generate = leaf_generate = None
        if settings.generation is not None and settings.generation < 1:
            generate = leaf_generate = UnpredictedTexture(settings.generation)
        elif settings.generation is None and effort.restores and restorer is not None:
            leaf_generate = RestoredBlocks(restorer)
        self._decider = BlockDecider(
            tables, self._block, settings.lagrangian, generate=generate, **options
        )
        self._leaf_decider = BlockDecider(
            tables,
            self._block,
            settings.lagrangian,
            weights=weights,
            generate=leaf_generate,
            **options,
        )
        self._grid = (
            header.latent_height >> header.block_log2,
            header.latent_width >> header.block_log2,
        )
        self._keyframe: EncoderFrame | None = None
        self._coder: FrameCoder | None = None
        self._anchor: tuple[_Known, np.ndarray] | None = None
        self._maps = QuantiserMaps(self._block)
        self._waiting: list[EncoderFrame] = []

    def push(self, frame: EncoderFrame) -> list[AccessUnit]:
        """Take one frame → the access units finished by it."""
        if self._keyframe is None:
            self._keyframe = frame
            return []
        self._waiting.append(frame)
        return self._next_units() if len(self._waiting) == self._settings.group_size else []

    def finish(self) -> list[AccessUnit]:
        """Code all frames that wait."""
        units = []
        while self._waiting:
            units += self._next_units()
        return (
            units
            if self._coder or self._keyframe is None
            else [self._paced(1, lambda: self._code_keyframe(None))]
        )

    def _next_units(self) -> list[AccessUnit]:
        """Code the frames at the front of those that wait: as many as the motion allows, the fewer
        the more is new.  The keyframe comes with the first of them, since it depends on them how
        well it should be coded.
        """
        before = self._keyframe.luma if self._coder is None else self._anchor[1]
        structure, size = self._shape(before)
        frames, self._waiting = self._waiting[:size], self._waiting[size:]
        order = coding_order(structure, size)
        motion = GroupMotion(self._search, [before, *(frame.luma for frame in frames)])
        importance: dict[int, np.ndarray] = {}
        if self._settings.effort.importance:
            importance = propagate(
                motion, order, self._block << self._header.latent_stride_log2, self._grid
            )
        units = (
            [] if self._coder else [self._paced(1, lambda: self._code_keyframe(importance.get(0)))]
        )
        return [
            *units,
            self._paced(size, lambda: self._group(structure, frames, order, motion, importance)),
        ]

    def _paced(self, frames: int, code: Callable[[], AccessUnit]) -> AccessUnit:
        """Code a unit at the crf that the pace names, and again from the same state as long as it
        does not accept it.
        """
        if self._pace is None:
            return code()
        coder, anchor = self._coder, self._anchor
        while True:
            self._coder, self._anchor = coder and coder.copy(), anchor
            self._settings = replace(self._settings, crf=self._pace.crf(frames))
            unit = code()
            if self._pace.accepts(unit):
                return unit

    def _group(
        self,
        structure: Structure,
        frames: list[EncoderFrame],
        order: tuple[FrameReference, ...],
        motion: GroupMotion,
        importance: dict[int, np.ndarray],
    ) -> AccessUnit:
        writer = self._new_writer()
        self._coder.start_unit()
        known: dict[int, _Known] = {0: self._anchor[0]}
        referred = (
            {entry.past for entry in order} | {entry.future for entry in order} | {len(frames)}
        )
        coded: dict[int, LatentFrame] = {}
        for entry, level in zip(order, frame_levels(order)):
            number = entry.display_index + 1
            quantiser = min(
                QUANTISER_COUNT - 1,
                self._settings.inter_quantiser + self._settings.level_offset(level),
            )
            references = tuple(
                (known[r], self._candidates(motion, number, r))
                for r in (entry.past, entry.future)
                if r is not None
            )
            with one_blas_thread():
                plan = _InterPlan(
                    quantiser,
                    entry,
                    references,
                    self._classes(importance.get(number)),
                    number not in referred,
                )
                version = self._code(writer, self._aim(frames[entry.display_index], plan), plan)
            coded[entry.display_index] = version.frame
            known[number] = _Known.of(version)
        self._anchor = known[len(frames)], frames[-1].luma
        return self._unit(structure, frames, [coded[e.display_index] for e in order], coded, writer)

    def _shape(self, before: np.ndarray) -> tuple[Structure, int]:
        """Structure and size of the next group: the largest whose last frame can still be predicted
        from the frame before it.
        """
        limit = len(self._waiting)
        if not self._settings.effort.hierarchical:
            return Structure.CHAIN, limit
        for size in sorted({limit, *(s for s in _GROUP_SIZES if s < limit)}, reverse=True):
            novelty = self._search.novelty(self._waiting[size - 1].luma, before)
            if novelty < _FAR_NOVELTY:
                return Structure.HIERARCHY, size
            if size == min(limit, _GROUP_SIZES[-1]) and novelty < _NEAR_NOVELTY:
                return Structure.HIERARCHY, size
        return Structure.CHAIN, min(limit, _CHAIN_SIZE)

    def _classes(self, importance: np.ndarray | None) -> np.ndarray:
        """What errors of every block count, (bh, bw) classes of ``importance.WEIGHTS``."""
        return (
            np.full(self._grid, USUAL_CLASS) if importance is None else weight_classes(importance)
        )

    def _aim(self, frame: EncoderFrame, plan: _InterPlan) -> np.ndarray:
        """The latents of a frame, or better ones where a judge looks at what comes of them."""
        rounds, coder = self._settings.effort.looks, self._coder
        if self._judge is None or not rounds:
            return frame.latents

        def attempt(aim: np.ndarray) -> CodedVersion:
            self._coder = coder.copy()
            return self._code(SymbolWriter(), aim, plan)

        try:
            return better_aim(
                frame.latents,
                frame.picture,
                step_latent(plan.quantiser),
                REACH,
                rounds,
                attempt,
                self._judge,
            )
        finally:
            self._coder = coder

    def _code(self, writer: SymbolWriter, source: np.ndarray, plan: _InterPlan) -> CodedVersion:
        """Code a frame so that latents ``source`` come of it."""
        quantiser, references = (
            plan.quantiser,
            [(known.reference, candidates) for known, candidates in plan.references],
        )
        future = references[1] if len(references) == 2 else None
        context = self._coder.blocks.context(plan.entry)
        # Errors in frames that others refer to live on in predictions, where all channels count
        # alike: weighted, they cost bits.
        decider, weights = (
            (self._leaf_decider, self._weights) if plan.is_leaf else (self._decider, None)
        )
        decision = decider.decide(source, *references[0], context, quantiser, future, plan.classes)
        target = (source - decision.prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        intra = to_positions(decision.fields.modes == Mode.INTRA, self._block)
        target[:, intra] = source[:, intra] / step_latent(quantiser)
        choose = self._quantiser(target, plan.classes, weights)
        latent = self._coder.code_inter(
            writer,
            quantiser,
            plan.entry,
            tuple(reference for reference, _ in references),
            decision.fields,
            choose,
        )
        quantisers = self._maps.of_frame(
            latent, *(known.quantisers for known, _ in plan.references)
        )
        return CodedVersion(
            latent, quantisers, to_positions(latent.fields.coded, self._block), decision.prediction
        )

    def _quantiser(
        self, target: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None
    ) -> RateDistortionQuantiser:
        return RateDistortionQuantiser(
            target, self._settings.lagrangian, weights, to_positions(WEIGHTS[classes], self._block)
        )

    @staticmethod
    def _candidates(motion: GroupMotion, frame: int, reference: int) -> list[np.ndarray]:
        flow = motion.vectors(frame, reference)
        pan = np.broadcast_to(np.median(flow.reshape(-1, 2), axis=0).astype(np.int64), flow.shape)
        return [flow, pan] if pan.any() else [flow]

    def _code_keyframe(self, importance: np.ndarray | None) -> AccessUnit:
        frame = self._keyframe
        offset = self._settings.keyframe_offset
        if offset is None:
            offset = USUAL_KEYFRAME_OFFSET if importance is None else keyframe_offset(importance)
        quantiser = max(0, self._settings.inter_quantiser - offset)
        step, classes, aim = step_latent(quantiser), self._classes(importance), frame.latents

        def code(writer: SymbolWriter, aim: np.ndarray) -> tuple[FrameCoder, CodedVersion]:
            coder = self._new_coder(
                self._tables, self._header.latent_height, self._header.latent_width, self._block
            )
            latent = coder.code_keyframe(writer, quantiser, self._quantiser(aim / step, classes))
            return coder, CodedVersion(
                latent, self._maps.of_frame(latent), to_positions(latent.fields.coded, self._block)
            )

        writer, rounds = self._new_writer(), self._settings.effort.keyframe_looks
        with one_blas_thread():
            if self._judge is not None and rounds:
                attempt = lambda latents: code(SymbolWriter(), latents)[1]
                aim = better_aim(
                    aim, frame.picture, step, KEYFRAME_REACH, rounds, attempt, self._judge
                )
            self._coder, version = code(writer, aim)
        self._anchor = _Known.of(version), frame.luma
        return self._unit(Structure.KEYFRAME, [frame], [version.frame], {0: version.frame}, writer)

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
