"""Frames in format version 2: decisions as in version 1, levels around the conditional
mean, and as many slices a block as pay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from bitstream.blas_threads import one_blas_thread
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import CodecTables
from bitstream.v2.block_syntax import PricedContext
from bitstream.v2.frame_coder import FrameCoder, InterChoices
from bitstream.v2.inter_levels import InterScene
from bitstream.v2.local_quantisers import FACTOR_BITS, factors, of_positions
from bitstream.v2.reading import update_tables
from bitstream.v2.tables import LevelTables

from .aiming import CodedVersion
from .block_costs import RateEstimates
from .conditional_quantiser import ConditionalQuantiser
from .decisions import BlockDecider, Decision
from .frame_choices import Choices
from .frame_encoder import EncoderHelpers, FrameEncoder
from .frame_plan import EncoderFrame, FramePlan
from .picture_search import PictureBlockDecider, loop_picture
from .settings import EncoderSettings
from .shown_motion import shown_motion
from .slice_gains import estimated_gains, gains_of_trial, most_slices, worth_coding

# How far a frame follows its keyframe where nothing changes, and what of the logarithm of that a
# mean squared step of change takes away.
_FOLLOWED, _SHARPNESS = 0.5, 8.0
BLOCK_LOG2 = 0  # of the side of a block, in latents: where pictures move, small ones pay


def block_log2(tables: CodecTables | LevelTables) -> int:
    """Of the side of a block in latents, in streams of a model."""
    return BLOCK_LOG2 if isinstance(tables, LevelTables) else SequenceHeader.block_log2


def frame_encoder(
    tables: CodecTables | LevelTables,
    header: SequenceHeader,
    settings: EncoderSettings,
    helpers: EncoderHelpers,
) -> FrameEncoder:
    """The encoder of frames for the version of the tables.  Raises ``ValueError`` for tables of
    keyframes alone.
    """
    if isinstance(tables, LevelTables):
        return SecondFrameEncoder(tables, header, settings, helpers)
    return FrameEncoder(tables, header, settings, helpers)


class SecondFrameEncoder(FrameEncoder):
    """Codes single frames by plans, in format version 2."""

    # Slices that are not sent cost nothing, so that zeros are cheaper than in version 1.
    # Every motion more takes about 5 bits in all that is said of it (docs/decisions/018).
    _RATES: ClassVar[RateEstimates] = RateEstimates(
        levels=(0.08, 3.2, 2.0), intra_levels=(0.08, 2.6, 1.2), any_direction=5.0
    )
    _DECIDER: ClassVar[type[BlockDecider]] = PictureBlockDecider

    def __init__(
        self,
        tables: LevelTables,
        header: SequenceHeader,
        settings: EncoderSettings,
        helpers: EncoderHelpers,
    ) -> None:
        if tables.inter is None:
            raise ValueError("the tables are for keyframes alone")
        self._level_tables, self._residuals = tables, helpers.residuals
        self._complete = helpers.complete
        # A guard asks frames to be better than their keyframe, which they then cannot follow.
        self._follows = settings.guard is None
        self._keyframes_source = self._keyframes_error = np.zeros(0)
        super().__init__(tables.inter, header, settings, helpers)
        self._bare_decider = self._decider
        if isinstance(self._decider, PictureBlockDecider):
            self._bare_decider = self._decider.of_motion_alone()

    def _channel_weights(
        self, helpers: EncoderHelpers
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The same in all frames: predictions are made of pictures."""
        assert self._level_tables.inter is not None  # says the constructor
        weights = self._level_tables.inter.error_weights
        return weights, weights

    def code(
        self,
        coder: Any,
        writer: SymbolWriter,
        frame: EncoderFrame,
        plan: FramePlan,
        choices: Choices | None = None,
    ) -> tuple[Any, CodedVersion]:
        """As for any frame, which comes with its picture.  Keyframes come before the frames that
        follow them.
        """
        if choices is not None:
            return self._write(coder.copy(), writer, choices)
        if not plan.references:
            frame = self._complete(frame)
            coded = super().code(coder, writer, frame, plan)
            self._keyframes_source = frame.latents
            self._keyframes_error = coded[1].frame.latents / UNITS_PER_LATENT - frame.latents
            return coded
        return super().code(coder, writer, *self._seen(frame, plan))

    def prices(self, coder: FrameCoder) -> FrameCoder | None:
        """As for any; None where a judge looks at frames, which are coded again then."""
        if self._judge is not None and self._looks.others:
            return None
        prices = coder.copy()
        update_tables(*prices.inter.blocks.tables.values())
        return prices

    def choices(self, prices: FrameCoder, frame: EncoderFrame, plan: FramePlan) -> Choices:
        """As for any."""
        with one_blas_thread():
            frame, plan = self._seen(frame, plan)
            plan = replace(plan, certainty=frame.certainty)
            return self._chosen(prices, frame.latents, plan)

    def _seen(self, frame: EncoderFrame, plan: FramePlan) -> tuple[EncoderFrame, FramePlan]:
        """A frame with the latents that it is to have, and a plan with its picture."""
        if frame.picture is None:
            raise ValueError("frames whose pictures move come with them")
        size = self._header.padded_height, self._header.padded_width
        plan = replace(plan, picture=loop_picture(frame.picture, *size))
        if not plan.is_bare:
            frame = self._complete(frame)
            if self._follows:
                frame = replace(frame, latents=self._following(frame.latents, plan))
        return frame, plan

    def _following(self, latents: np.ndarray, plan: FramePlan) -> np.ndarray:
        """What a frame is to have, (C, h, w) float32: where its source is that of the keyframe,
        half way from that to what was coded of it.

        The keyframe is the finest of its group and was aimed at pictures: what it lacks of the
        source's latents is seldom worth being sent after it, and some of it was left out by choice.
        """
        change = (latents - self._keyframes_source) / step_latent(plan.quantiser)
        coarser = self._coarser(plan)
        if coarser is not None:
            change = (change / coarser).astype(np.float32)
        assert self._referred_weights is not None  # the same in all frames
        counted = self._referred_weights[:, None, None] * np.square(change)
        share = _FOLLOWED * np.exp(-_SHARPNESS * counted.mean(0))
        followed: np.ndarray = (latents + share * self._keyframes_error).astype(np.float32)
        return followed

    def _keyframe(
        self, writer: SymbolWriter, aim: np.ndarray, plan: FramePlan
    ) -> tuple[FrameCoder, CodedVersion]:
        coder = FrameCoder.for_header(self._level_tables, self._header)
        choose = self._conditional(aim / step_latent(plan.quantiser), plan)
        latent = coder.code_keyframe(writer, plan.quantiser, choose, offsets=plan.offsets)
        sent = to_positions(latent.fields.coded, self._block)
        return coder, CodedVersion(latent, self._maps.of_frame(latent), sent)

    def _inter(
        self, coder: FrameCoder, writer: SymbolWriter, aim: np.ndarray, plan: FramePlan
    ) -> tuple[FrameCoder, CodedVersion]:
        return self._write(coder, writer, self._chosen(coder, aim, plan))

    def _chosen(self, coder: FrameCoder, aim: np.ndarray, plan: FramePlan) -> Choices:
        """What is to be coded of an inter frame; the coder stays as it is."""
        context = coder.inter.blocks.context(plan.entry)
        if plan.is_bare:
            return self._bare(context, plan)
        decision = self._decide(context, aim, plan)
        intra = to_positions(decision.fields.modes == Mode.INTRA, self._block)
        predicted = np.where(intra, 0, decision.prediction)
        target = (aim - predicted / UNITS_PER_LATENT) / step_latent(plan.quantiser)
        last = self._last_slices(coder, decision, predicted, target, plan)
        return Choices(plan, decision, predicted.astype(np.int32), target, last)

    def _write(
        self, coder: FrameCoder, writer: SymbolWriter, choices: Choices
    ) -> tuple[FrameCoder, CodedVersion]:
        """Write an inter frame; the coder may be changed."""
        plan, decision = choices.plan, choices.decision
        latent = coder.code_inter(
            writer,
            plan.quantiser,
            plan.entry,
            tuple(known.frame for known, _ in plan.references),
            InterChoices(
                decision.fields,
                self._conditional(choices.target, plan),
                choices.last,
                None if plan.is_bare else plan.offsets,
                choices.predicted,
                decision.derived,
            ),
        )
        if self._residuals is not None and choices.last.any():
            self._residuals(choices.residuals(latent, self._block))
        return coder, self._version(latent, decision, plan)

    def _decider_of(self, plan: FramePlan) -> BlockDecider:
        return self._bare_decider if plan.is_bare else super()._decider_of(plan)

    def _bare(self, context: PricedContext, plan: FramePlan) -> Choices:
        """A frame of motion alone.  What its own latents are does not matter to what motion costs:
        a candidate is told by what its pixels lack.
        """
        size = self._header.latent_height, self._header.latent_width
        nothing = np.zeros((self._level_tables.latent_channels, *size), dtype=np.float32)
        decision = None
        if plan.is_shown and isinstance(self._bare_decider, PictureBlockDecider):
            decision, plan = shown_motion(self._bare_decider, context, plan)
        decision = decision or self._decide(context, nothing, plan)
        last = np.zeros(decision.fields.modes.shape, dtype=np.int64)
        return Choices(plan, decision, decision.prediction, nothing, last)

    def _last_slices(
        self,
        coder: FrameCoder,
        decision: Decision,
        predicted: np.ndarray,
        target: np.ndarray,
        plan: FramePlan,
    ) -> np.ndarray:
        """How many slices pay in every block, (bh, bw): they are coded on trial, or what they are
        worth is estimated.  Blocks in which none pays are skipped from now on.
        """
        coded, slices = decision.fields.coded, self._level_tables.slices
        if not coded.any():
            return np.zeros(coded.shape, dtype=np.int64)
        most = np.full(coded.shape, len(slices))
        if self._effort.blocks.trials:
            trial = self._conditional(target, plan)
            intra = decision.fields.modes == Mode.INTRA
            scene = InterScene(
                coded, intra, predicted.astype(np.int32), plan.quantiser, self._block
            )
            most = np.where(intra, len(slices), most_slices(target, slices, self._block))
            samples: np.ndarray = gains_of_trial(coder, scene, trial, most, plan.offsets)
        else:
            counted = self._conditional(target, plan).counted
            samples = estimated_gains(target, counted, self._lagrangian, self._RATES)
            samples[:, ~to_positions(coded, self._block)] = 0
        height, width = coded.shape
        by_block = samples.reshape(-1, height, self._block, width, self._block).sum((2, 4))
        gains = np.add.reduceat(by_block, np.cumsum([0, *slices[:-1]]), axis=0)
        total = np.concatenate([np.zeros((1, height, width)), gains.cumsum(0)])
        total[np.arange(len(total))[:, None, None] > most] = -np.inf
        context = coder.inter.blocks.context(plan.entry)
        return worth_coding(coder.inter, context, decision.fields, total, self._lagrangian)

    def _conditional(self, target: np.ndarray, plan: FramePlan) -> ConditionalQuantiser:
        weights, places, certainty = self._error_weights(plan)
        coarser = self._coarser(plan)
        if coarser is not None:  # errors are counted in steps of the frame, λ is for local ones
            places = places / np.square(coarser)
        return ConditionalQuantiser(target, self._lagrangian, weights, places, certainty)

    def _coarser(self, plan: FramePlan) -> np.ndarray | None:
        if plan.offsets is None or not plan.offsets.any():
            return None
        size = self._header.latent_height, self._header.latent_width
        return np.ldexp(factors(of_positions(plan.offsets, *size)), -FACTOR_BITS)
