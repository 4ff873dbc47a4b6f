"""Pictures of times between coded frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import numpy as np
import torch

from bitstream.formats import format_of, motion_tables
from bitstream.sequence_header import PIXELS_PER_LATENT

from ..decoded import DecodedLatents, FrameKind
from ..decoder.frame import Frame
from ..decoder.frames import PictureDecoder
from ..decoder.latents import LatentStream
from ..provenance import generated_map
from ..restoration.base import AutoencoderInput
from .between import LatentsBetween
from .clock import EvenTimes
from .coded_motion import Motion, bridgeable
from .picture_motion import LARGEST_REST, BlockMotion, PicturesBetween


class Between(Protocol):
    """What makes pictures of times between two frames."""

    def at(self, share: float) -> np.ndarray:
        """The picture (H, W, 3) uint8, as it is shown, of the time that is ``share`` (0..1) of the
        way from the one to the other.
        """


@dataclass(eq=False)
class CodedFrame:
    """A frame with what its picture is made of.

    restored: of this frame alone, None for a concealed one, and where its picture is at hand or
    exact.
    picture: None until it was made.
    """

    latents: DecodedLatents
    restored: AutoencoderInput | None
    picture: Frame | None = None


class FramesBetween:
    """Makes pictures of times between adjacent frames of a stream: of both pictures where its
    format moves pictures, otherwise of both frames' latents.

    decoder: makes the pictures, and restores what they are made of.
    time_base: seconds of a tick of the stream.
    of_pictures: whether the pictures of both frames are needed.
    """

    def __init__(self, stream: LatentStream, decoder: PictureDecoder) -> None:
        self._header, self._decoder = stream.header, decoder
        self.time_base, self._tables = stream.header.time_base, stream.bundle.tables
        self.of_pictures = format_of(stream.header.format_version).moves_pictures
        self._pair: tuple[int, int] | None = None
        self._between: Between | None = None

    def coded_frames(
        self, first: int = 0, stop: int | None = None, *, conceal: bool = False
    ) -> Iterator[CodedFrame]:
        """Frames ``first`` to ``stop`` (excluded; None: the end) in display order."""
        for batch in self._decoder.batches(first, stop, conceal=conceal):
            chosen = batch.window[batch.places.start : batch.places.stop]
            restored = None
            if chosen[0].kind != FrameKind.CONCEALED and not self._decoder.decodes_exactly:
                restored = self._decoder.restored(batch.window, batch.places)
            for place, latents in enumerate(chosen):
                if first <= latents.index and (stop is None or latents.index < stop):
                    yield CodedFrame(latents, restored and row_of(restored, place))

    def picture(
        self, before: CodedFrame, after: CodedFrame | None, seconds: Fraction
    ) -> Frame | None:
        """The frame of a time after ``before`` begins and before ``after`` does, seconds of the
        stream's clock; None where nothing may be made up between them (``bridgeable``, and where
        their pictures show different things).

        ``after`` is None where there is no frame any more.
        """
        between = None if after is None else self._made_once(before, after)
        if after is None or between is None:
            return None
        base = self._header.time_base
        ticks = seconds / base
        share = float((ticks - before.latents.pts) / (after.latents.pts - before.latents.pts))
        return Frame(
            data=between.at(share).transpose(2, 0, 1),
            pts_seconds=float(seconds),
            duration_seconds=float(after.latents.pts * base - seconds),
            kind=FrameKind.INTERPOLATED,
            bytes=0,
            provenance=generated_map(self._decoder.shown),
            index=before.latents.index,
            pts=int(ticks),
            duration=after.latents.pts - int(ticks),
        )

    def coded_picture(self, frame: CodedFrame) -> Frame:
        """The picture of a coded frame itself."""
        if frame.picture is None:
            frame.picture = self._decoder.frame_of(frame.latents, frame.restored)
        return frame.picture

    def _made_once(self, before: CodedFrame, after: CodedFrame) -> Between | None:
        """For all times between two frames, which their numbers tell from others."""
        pair = before.latents.index, after.latents.index
        if self._pair != pair:
            self._pair, self._between = None, self._made(before, after)
            self._pair = pair
        return self._between

    def _made(self, before: CodedFrame, after: CodedFrame) -> Between | None:
        if self.of_pictures:
            return self._made_of_pictures(before, after)
        motion = bridgeable(before.latents, after.latents)
        if motion is None or before.restored is None or after.restored is None:
            return None
        latents = LatentsBetween(
            motion_tables(self._tables),
            self._header.block_latents,
            motion,
            _array(before.restored.latents),
            _array(after.restored.latents),
        )
        return _DecodedBetween(self._decoder, latents, before.restored.steps, after.restored.steps)

    def _made_of_pictures(self, before: CodedFrame, after: CodedFrame) -> Between | None:
        # Pictures say more than the share of blocks whether they show the same things.
        motion = bridgeable(before.latents, after.latents, least_linked=0)
        if motion is None:
            return None
        first, second = (
            np.ascontiguousarray(self.coded_picture(frame).data.transpose(1, 2, 0))
            for frame in (before, after)
        )
        made = PicturesBetween(first, second, self._shown(motion))
        return made if made.rest < LARGEST_REST else None

    def _shown(self, motion: Motion) -> BlockMotion:
        """Coded motion in px of the pictures as they are shown."""
        header, shown = self._header, self._decoder.shown
        scale = shown.width / header.width, shown.height / header.height
        units = 1 << format_of(header.format_version).vector_fraction_bits
        displacements = motion.displacements[..., ::-1] / units * scale
        block = PIXELS_PER_LATENT * header.block_latents
        return BlockMotion(displacements.astype(np.float32), block * scale[1], block * scale[0])


class _DecodedBetween:
    """Pictures of latents between two frames.  steps: quantiser steps of both (1, h, w)."""

    def __init__(
        self, decoder: PictureDecoder, latents: LatentsBetween, *steps: torch.Tensor
    ) -> None:
        self._decoder, self._latents, self._steps = decoder, latents, steps

    def at(self, share: float) -> np.ndarray:
        """See ``Between``."""
        steps = (1 - share) * self._steps[0] + share * self._steps[1]
        made = torch.from_numpy(self._latents.at(share)[None]).to(steps.device)
        picture: np.ndarray = self._decoder.decoded(AutoencoderInput(made, steps))[0]
        return picture


def row_of(restored: AutoencoderInput, place: int) -> AutoencoderInput:
    """What one picture of a batch is made of."""
    return AutoencoderInput(*(part[place : place + 1] for part in restored))


def _array(latents: torch.Tensor) -> np.ndarray:
    array: np.ndarray = latents[0].cpu().numpy()
    return array


def frames_at(
    between: FramesBetween, times: EvenTimes, frames: range, *, conceal: bool = False
) -> Iterator[Frame]:
    """A frame for every one of ``times``, with pts and duration in ticks of their time base.

    Where nothing may be made up it is the coded frame that is shown then, which takes its bytes
    only once.  frames: those that are shown at the times, and the one after them, if there is one.
    """
    coded = between.coded_frames(frames.start, frames.stop, conceal=conceal)
    before, after = next(coded), next(coded, None)
    shown: Frame | None = None
    base = between.time_base
    for seconds in times:
        while after is not None and after.latents.pts * base <= seconds:
            before, after, shown = after, next(coded, None), None
        made = None
        if before.latents.pts * base < seconds:
            made = between.picture(before, after, seconds)
        if made is None:
            made = shown = replace(shown, bytes=0) if shown else between.coded_picture(before)
        yield replace(
            made,
            pts_seconds=float(seconds),
            duration_seconds=float(1 / times.rate),
            pts=times.ticks(seconds),
            duration=times.duration,
        )
