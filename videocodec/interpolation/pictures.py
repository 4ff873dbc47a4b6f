"""Pictures of times between coded frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

from bitstream.formats import motion_tables

from ..decoded import DecodedLatents, FrameKind
from ..decoder.frames import Frame, PictureDecoder
from ..decoder.latents import LatentStream
from ..errors import InterpolationError
from ..provenance import generated_map
from ..restoration.base import AutoencoderInput
from .between import LatentsBetween, bridgeable, makes_frames_between
from .clock import EvenTimes


@dataclass(frozen=True, eq=False)
class CodedFrame:
    """A frame with what its picture is made of.

    restored: of this frame alone, None for a concealed one.
    """

    latents: DecodedLatents
    restored: AutoencoderInput | None


class FramesBetween:
    """Makes pictures of times between adjacent frames of a stream.

    decoder: makes the pictures, and restores what they are made of.
    time_base: seconds of a tick of the stream.

    Raises ``InterpolationError`` for streams whose motion it cannot follow.
    """

    def __init__(self, stream: LatentStream, decoder: PictureDecoder) -> None:
        self._header, self._decoder = stream.header, decoder
        self.time_base = stream.header.time_base
        if not makes_frames_between(stream.header):
            raise InterpolationError(
                f"{stream.path}: no frames can be made between those of format version"
                f" {stream.header.format_version}: decode it at its own times, or encode the source"
                " with --model embedded"
            )
        self._tables = motion_tables(stream.bundle.tables)
        self._pair: tuple[CodedFrame, CodedFrame] | None = None
        self._latents: LatentsBetween | None = None

    def coded_frames(
        self, first: int = 0, stop: int | None = None, *, conceal: bool = False
    ) -> Iterator[CodedFrame]:
        """Frames ``first`` to ``stop`` (excluded; None: the end) in display order."""
        for batch in self._decoder.batches(first, stop, conceal=conceal):
            chosen = batch.window[batch.places.start : batch.places.stop]
            restored = None
            if chosen[0].kind != FrameKind.CONCEALED:
                restored = self._decoder.restored(batch.window, batch.places)
            for place, latents in enumerate(chosen):
                if first <= latents.index and (stop is None or latents.index < stop):
                    yield CodedFrame(latents, restored and row_of(restored, place))

    def picture(
        self, before: CodedFrame, after: CodedFrame | None, seconds: Fraction
    ) -> Frame | None:
        """The frame of a time after ``before`` begins and before ``after`` does, seconds of the
        stream's clock; None where nothing may be made up between them (``bridgeable``).

        ``after`` is None where there is no frame any more.
        """
        latents = None if after is None else self._between(before, after)
        if after is None or latents is None or before.restored is None or after.restored is None:
            return None
        base = self._header.time_base
        ticks = seconds / base
        share = float((ticks - before.latents.pts) / (after.latents.pts - before.latents.pts))
        ends = before.restored.steps, after.restored.steps
        steps = (1 - share) * ends[0] + share * ends[1]
        made = torch.from_numpy(latents.at(share)[None]).to(steps.device)
        picture = self._decoder.decoded(AutoencoderInput(made, steps))[0]
        return Frame(
            data=picture.transpose(2, 0, 1),
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
        return self._decoder.frame_of(frame.latents, frame.restored)

    def _between(self, before: CodedFrame, after: CodedFrame) -> LatentsBetween | None:
        if self._pair is None or self._pair[0] is not before or self._pair[1] is not after:
            self._pair, self._latents = (before, after), self._made(before, after)
        return self._latents

    def _made(self, before: CodedFrame, after: CodedFrame) -> LatentsBetween | None:
        motion = bridgeable(before.latents, after.latents)
        if motion is None or before.restored is None or after.restored is None:
            return None
        ends = (_array(frame.latents) for frame in (before.restored, after.restored))
        return LatentsBetween(self._tables, self._header.block_latents, motion, *ends)


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
