"""From packets to decoded frames, past what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from bitstream.container import Clock

from ..errors import InputError

_SAME_SHAPE = 0.01  # of the aspect ratio of the picture, relative


@dataclass
class Losses:
    """What of a video could not be read, so far.

    packets: how many could not be decoded; after_frame: how many frames there were before the
    first of them.
    broken: frames of which the decoder says that it made up a part.
    end: why the file could not be read to its end, None if it could.
    """

    packets: int = 0
    after_frame: int = 0
    broken: int = 0
    end: str | None = None

    def lines(self) -> list[str]:
        """One for each kind of loss."""
        lines = []
        if self.packets:
            packets = "1 packet" if self.packets == 1 else f"{self.packets} packets"
            lines.append(
                f"{packets} of the video cannot be decoded, the first after frame"
                f" {self.after_frame}: left out"
            )
        if self.broken:
            frames = "1 frame is" if self.broken == 1 else f"{self.broken} frames are"
            lines.append(f"{frames} broken: taken as the decoder patched them")
        if self.end:
            lines.append(self.end)
        return lines


class FrameDecoder:
    """Decodes one stream from its beginning to its end.

    A decoding error before the first frame is no damage: recordings that begin in the middle of a
    group of pictures begin with undecodable packets.  Later ones are an ``InputError`` with
    ``strict``; without, they are counted in ``losses``, and decoding goes on.
    """

    def __init__(
        self,
        path: Path,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        clock: Clock,
        *,
        strict: bool,
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._clock, self._strict = clock, strict
        self.frame_count = 0
        self.notes: list[str] = []
        self._first_shape: tuple[Fraction, Fraction] | None = None
        self.losses = Losses()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Every frame of the stream, in display order.  To be called once."""
        # Broadcast recordings have the odd bad packet, and the decoder conceals it; elsewhere it is
        # where the file was cut.
        tolerant, whole = self._container.format.name == "mpegts", False
        unmarked = False
        # whether the stream begins without a keyframe and becomes whole little by little
        gradual: bool | None = None
        for packet in self._packets():
            if packet.is_corrupt and not tolerant and self._strict:
                raise self._damaged("its data end here")
            if gradual is None:
                gradual = not packet.is_keyframe
            for frame in self._decode(packet):
                # A stream of gradual refresh is "corrupt" until it is whole; one that was whole
                # before is damaged.
                if frame.is_corrupt and (whole or not gradual) and not tolerant:
                    if self._strict:
                        raise self._damaged("its data are broken here")
                    # Fragments may begin with what is called a keyframe and is none; decoders
                    # never call such a stream whole, and players show it.
                    unmarked = unmarked or self.frame_count == 0
                    self.losses.broken += not unmarked
                whole = whole or not frame.is_corrupt
                self._watch_shape(frame)
                self.frame_count += 1
                yield frame

    def _watch_shape(self, frame: av.VideoFrame) -> None:
        """Take note of pixels that get another aspect ratio, by which the picture gets another
        shape; an ``InputError`` with ``strict``.
        """
        # the decoder's, which may be a few frames ahead of the frame
        pixel = Fraction(self._stream.codec_context.sample_aspect_ratio or 1)
        shape = pixel * frame.width / frame.height
        first_pixel, first = self._first_shape = self._first_shape or (pixel, shape)
        if self.notes or pixel == first_pixel or abs(shape / first - 1) < _SAME_SHAPE:
            return
        change = (
            f"the aspect ratio of the pixels changes from {_ratio(first_pixel)} to"
            f" {_ratio(pixel)} at about frame {self.frame_count}"
        )
        if self._strict:
            raise InputError(f"{self._path}: {change}: split the video there")
        self.notes.append(f"{change}: all are shown with the first")

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        packets = self._clock.repaired(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except av.FFmpegError as error:
                if self._strict or not self.frame_count:
                    raise self._damaged(error.strerror or "it cannot be read") from error
                self.losses.end = (
                    f"it cannot be read after frame {self.frame_count} ({error.strerror})"
                )
                return
            if packet is None:
                return
            yield packet

    def _decode(self, packet: av.Packet[av.VideoStream]) -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except EOFError:
            return []
        except MemoryError:
            raise
        except av.FFmpegError as error:
            if self.frame_count and self._strict:
                raise self._damaged(error.strerror or "it cannot be decoded") from error
            if self.frame_count:
                if not self.losses.packets:
                    self.losses.after_frame = self.frame_count
                self.losses.packets += 1
            return []

    def _damaged(self, reason: str) -> InputError:
        place = (
            f"damaged after frame {self.frame_count}"
            if self.frame_count
            else "damaged before its first frame"
        )
        return InputError(f"{self._path}: {place} ({reason}): copy or download it again")


def _ratio(pixel: Fraction) -> str:
    return f"{pixel.numerator}:{pixel.denominator}"
