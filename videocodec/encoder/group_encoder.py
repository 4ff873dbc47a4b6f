"""From scaled latents to access units: the coding loop of one stream, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.block_syntax import BlockFields, Mode
from bitstream.frame_coder import FrameCoder, LatentFrame
from bitstream.group_structure import Structure
from bitstream.latent_decoder import latent_checksum
from bitstream.prediction import ReferenceFrame
from bitstream.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.sequence_header import SequenceHeader
from bitstream.symbol_coder import SymbolWriter
from bitstream.tables import CodecTables

from .decisions import BlockDecider, looks_like_cut
from .quantisation import RateDistortionQuantiser
from .settings import EncoderSettings

_SHORTEST_GOP = 8  # frames from a keyframe to one that a scene cut asks for


@dataclass(frozen=True)
class EncoderFrame:
    """A frame to code: scaled latents (C, h, w) float32, timestamps in ticks, and vector fields (bh, bw, 2) worth trying."""

    latents: np.ndarray
    pts: int
    duration: int
    candidates: list[np.ndarray]


class GroupEncoder:
    """Codes frames in order; ``push`` and ``finish`` give the access units that are complete.

    A keyframe is its own unit; the frames after it are chained in units of up to ``settings.group_size``.
    ``new_writer`` and ``new_coder`` let calibration count and record what is coded.
    """

    def __init__(
        self,
        tables: CodecTables,
        header: SequenceHeader,
        settings: EncoderSettings,
        new_writer: Callable[[], SymbolWriter] = SymbolWriter,
        new_coder: Callable[[CodecTables, int, int, int], FrameCoder] = FrameCoder,
    ) -> None:
        self._tables, self._header, self._settings = tables, header, settings
        self._new_writer, self._new_coder = new_writer, new_coder
        self._block = 1 << header.block_log2
        self._decider = BlockDecider(tables, self._block, settings.lagrangian)
        self._coder: FrameCoder | None = None
        self._anchor: ReferenceFrame | None = None
        self._since_keyframe = 0
        self._start_group()

    def push(self, frame: EncoderFrame) -> list[AccessUnit]:
        """Code one frame → the access units finished by it, none, one or two."""
        if self._coder is None or self._since_keyframe >= self._settings.gop_size:
            return [*self.finish(), self._keyframe(frame)]
        quantiser = self._settings.inter_quantiser
        previous = self._coder.blocks.previous.vectors[0]
        decision = self._decider.decide(frame.latents, self._anchor, frame.candidates, previous, quantiser)
        # Camera flashes look like cuts twice in a row; intra blocks carry them at less cost than two keyframes.
        if self._since_keyframe >= _SHORTEST_GOP and looks_like_cut(frame.latents, decision.prediction):
            return [*self.finish(), self._keyframe(frame)]
        target = (frame.latents - decision.prediction / UNITS_PER_LATENT) / step_latent(quantiser)
        intra = self._intra_positions(decision.fields)
        target[:, intra] = frame.latents[:, intra] / step_latent(quantiser)
        choose = RateDistortionQuantiser(target, self._settings.lagrangian)
        coded = self._coder.code_inter(self._writer, quantiser, (self._anchor, None), decision.fields, choose)
        self._keep(coded, frame)
        self._anchor = ReferenceFrame(coded.latents.astype(np.int32))
        return self.finish() if len(self._frames) == self._settings.group_size else []

    def finish(self) -> list[AccessUnit]:
        """Close the group under way, if there is one."""
        if not self._frames:
            return []
        unit = self._unit(Structure.CHAIN, None)
        self._start_group()
        return [unit]

    def _start_group(self) -> None:
        self._writer = self._new_writer()
        self._frames: list[LatentFrame] = []
        self._times: list[tuple[int, int]] = []

    def _keep(self, coded: LatentFrame, frame: EncoderFrame) -> None:
        self._frames.append(coded)
        self._times.append((frame.pts, frame.duration))
        self._since_keyframe += 1

    def _keyframe(self, frame: EncoderFrame) -> AccessUnit:
        quantiser = self._settings.keyframe_quantiser
        self._coder = self._new_coder(self._tables, self._header.latent_height, self._header.latent_width, self._block)
        choose = RateDistortionQuantiser(frame.latents / step_latent(quantiser), self._settings.lagrangian)
        coded = self._coder.code_keyframe(self._writer, quantiser, choose)
        self._since_keyframe = 0
        self._keep(coded, frame)
        self._anchor = ReferenceFrame(coded.latents.astype(np.int32))
        unit = self._unit(Structure.KEYFRAME, self._header)
        self._start_group()
        return unit

    def _intra_positions(self, fields: BlockFields) -> np.ndarray:
        return (fields.modes == Mode.INTRA).repeat(self._block, 0).repeat(self._block, 1)

    def _unit(self, structure: Structure, header: SequenceHeader | None) -> AccessUnit:
        return AccessUnit(
            structure=structure,
            header=header,
            first_pts=self._times[0][0],
            durations=tuple(duration for _, duration in self._times),
            quantisers=tuple(frame.quantiser for frame in self._frames),
            latent_checksum=latent_checksum(tuple(self._frames)),
            payload=self._writer.finish(),
        )
