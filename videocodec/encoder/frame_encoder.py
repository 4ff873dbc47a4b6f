"""One frame from scaled latents to syntax: decisions, quantisation, and looks at what comes of it.

Nothing here has a state: coding takes a coder as it is before the frame and gives another one as it
is after it, so that a frame may be tried as often as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_context import BlockContext
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import FrameCoder, LatentFrame, to_positions
from bitstream.v1.observer import Observer
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.v1.symbol_coder import SymbolWriter

from ..decoded import QuantiserMaps
from .aiming import CodedVersion, PictureJudge, better_aim
from .block_costs import ErrorWeights, RateEstimates
from .candidates import MotionSource
from .coded_residuals import CodedResiduals
from .crew import ALONE, Crew
from .decisions import BlockDecider, Decision
from .frame_plan import EncoderFrame, FramePlan
from .generation import GenerateChooser, LatentRestorer, choosers
from .importance import WEIGHTS
from .quantisation import RateDistortionQuantiser
from .settings import EncoderSettings, Looks
from .symbol_counter import SymbolCounter


@dataclass(frozen=True)
class EncoderHelpers:
    """What an encoder can do without.

    weights (C,): what an error in each channel counts in frames that no other refers to.
    restorer: runs the restoration, for presets that ask it what to leave out.
    judge: looks at what becomes of frames, which then are coded for its eyes.
    looks: how often; None for as often as the preset says of judges with weights from outside.
    decider: chooses what is coded in every block, in place of the preset's own.
    observer: is told of everything that is written.
    crew: threads that may share work.
    complete: makes the latents of frames that come without them, when they are wanted.
    residuals: is handed what every inter frame of format version 2 lacked in its prediction.
    """

    weights: np.ndarray | None = None
    restorer: LatentRestorer | None = None
    judge: PictureJudge | None = None
    looks: Looks | None = None
    decider: BlockDecider | None = None
    observer: Observer | None = None
    residuals: Callable[[CodedResiduals], None] | None = None
    crew: Crew = ALONE
    complete: Callable[[EncoderFrame], EncoderFrame] = lambda frame: frame


class FrameEncoder:
    """Codes single frames by plans, in format version 1.

    Coders are those of the format's version: encoders of other versions override what is special
    about them.
    """

    _RATES: ClassVar[RateEstimates] = RateEstimates()
    _DECIDER: ClassVar[type[BlockDecider]] = BlockDecider

    def __init__(
        self,
        tables: Any,
        header: SequenceHeader,
        settings: EncoderSettings,
        helpers: EncoderHelpers,
    ) -> None:
        self._effort, self._lagrangian = settings.effort, settings.lagrangian
        self._judge, self._looks = helpers.judge, helpers.looks or settings.effort.looks
        fraction_bits = format_of(header.format_version).vector_fraction_bits
        self._block = header.block_latents
        self._maps = QuantiserMaps(header.block_latents, fraction_bits)
        self._header = header
        self._tables: Any = tables  # of the version

        def decider(weights: np.ndarray | None, generate: GenerateChooser | None) -> BlockDecider:
            made = helpers.decider or self._DECIDER(
                tables,
                self._block,
                self._lagrangian,
                self._effort.blocks,
                generate=generate,
                weights=weights,
                rates=self._RATES,
            )
            made.crew = helpers.crew
            return made

        generate, leaf_generate = choosers(settings, helpers.restorer)
        self._referred_weights, self._leaf_weights = self._channel_weights(helpers)
        self._decider = decider(self._referred_weights, generate)
        alike = self._leaf_weights is self._referred_weights and leaf_generate is generate
        self._leaf_decider = self._decider if alike else decider(self._leaf_weights, leaf_generate)

    def _channel_weights(
        self, helpers: EncoderHelpers
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """What errors in every channel count, (C,), None for all alike: in frames that others refer
        to, and in leaves.
        """
        # Errors in the former live on in predictions of latents, where all channels count alike:
        # weighted, they cost bits.
        return None, helpers.weights

    def code(
        self,
        coder: Any,
        writer: SymbolWriter,
        frame: EncoderFrame,
        plan: FramePlan,
        choices: Any | None = None,
    ) -> tuple[Any, CodedVersion]:
        """Write a frame → the coder after it, and what a decoder gets.  ``coder``: as it is before
        the frame, and stays; None before a keyframe.  ``choices``: of the frame, where they are
        made.
        """
        plan = replace(plan, certainty=frame.certainty)
        return self._coded(coder, writer, self._aim(coder, frame, plan), plan)

    def prices(self, coder: Any) -> Any | None:
        """What ``choices`` are made by in frames that come next, of the coder before them, and
        independent of it; None where they are made with the coder before the frame itself.
        """
        return None

    def choices(self, prices: Any, frame: EncoderFrame, plan: FramePlan) -> Any:
        """What is coded of a frame, by ``prices``; several threads may ask at the same time."""
        raise NotImplementedError

    def _aim(self, coder: Any, frame: EncoderFrame, plan: FramePlan) -> np.ndarray:
        """The latents of a frame, or better ones where a judge looks at what comes of them."""
        rounds = self._looks.others if plan.references else self._looks.keyframes
        if self._judge is None or not rounds:
            return frame.latents
        if frame.picture is None:
            raise ValueError("frames that are judged come with their pictures")
        return better_aim(
            frame.latents,
            frame.picture,
            rounds,
            lambda aim: self._coded(coder, SymbolCounter(), aim, plan)[1],
            self._judge,
        )

    def _coded(
        self, coder: Any, writer: SymbolWriter, aim: np.ndarray, plan: FramePlan
    ) -> tuple[Any, CodedVersion]:
        """Code a frame so that latents ``aim`` come of it."""
        if coder is None:
            return self._keyframe(writer, aim, plan)
        return self._inter(coder.copy(), writer, aim, plan)

    def _keyframe(
        self, writer: SymbolWriter, aim: np.ndarray, plan: FramePlan
    ) -> tuple[Any, CodedVersion]:
        """The coder after a keyframe, and what a decoder gets."""
        coder = FrameCoder.for_header(self._tables, self._header)
        levels = self._levels(aim / step_latent(plan.quantiser), plan)
        latent = coder.code_keyframe(writer, plan.quantiser, levels)
        sent = to_positions(latent.fields.coded, self._block)
        return coder, CodedVersion(latent, self._maps.of_frame(latent), sent)

    def _decide(self, context: BlockContext, aim: np.ndarray, plan: FramePlan) -> Decision:
        """What is to be coded for an inter frame."""
        sources = [MotionSource(known.frame, fields) for known, fields in plan.references]
        return self._decider_of(plan).decide(
            aim,
            sources,
            context,
            plan.quantiser,
            ErrorWeights(plan.classes, self._coarser(plan), plan.certainty),
            picture=plan.picture,
        )

    def _decider_of(self, plan: FramePlan) -> BlockDecider:
        """Who decides about a frame."""
        return self._leaf_decider if plan.is_leaf else self._decider

    def _coarser(self, plan: FramePlan) -> np.ndarray | None:
        """By what the step of every position is larger than that of the frame (h, w), None for
        nowhere.
        """
        return None

    def _inter(
        self, coder: Any, writer: SymbolWriter, aim: np.ndarray, plan: FramePlan
    ) -> tuple[Any, CodedVersion]:
        """The coder, which may be changed, after an inter frame, and what a decoder gets."""
        decision = self._decide(coder.blocks.context(plan.entry), aim, plan)
        step = step_latent(plan.quantiser)
        target = (aim - decision.prediction / UNITS_PER_LATENT) / step
        intra = to_positions(decision.fields.modes == Mode.INTRA, self._block)
        target[:, intra] = aim[:, intra] / step
        latent = coder.code_inter(
            writer,
            plan.quantiser,
            plan.entry,
            tuple(known.frame for known, _ in plan.references),
            decision.fields,
            self._levels(target, plan),
        )
        return coder, self._version(latent, decision, plan)

    def _version(self, latent: LatentFrame, decision: Decision, plan: FramePlan) -> CodedVersion:
        """What a decoder gets of an inter frame."""
        quantisers = self._maps.of_frame(
            latent, *(known.quantisers for known, _ in plan.references)
        )
        sent = to_positions(latent.fields.coded, self._block)
        return CodedVersion(latent, quantisers, sent, decision.prediction)

    def _levels(self, target: np.ndarray, plan: FramePlan) -> RateDistortionQuantiser:
        return RateDistortionQuantiser(target, self._lagrangian, *self._error_weights(plan))

    def _error_weights(
        self, plan: FramePlan
    ) -> tuple[np.ndarray | None, np.ndarray, np.ndarray | None]:
        """What errors count in every channel (C,), position (h, w) and sample (C, h, w), None for
        all alike.
        """
        weights = self._leaf_weights if plan.is_leaf else self._referred_weights
        return weights, to_positions(WEIGHTS[plan.classes], self._block), plan.certainty
