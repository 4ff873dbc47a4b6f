"""Any video or picture PyAV can decode, as 8-bit RGB frames with exact timestamps, one frame in
memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from bitstream.sequence_header import ColourDescription

from ..errors import InputError
from .acceptance import (
    alpha_is_in_pixels,
    check_size,
    refuse_transparency,
    refuse_unsupported,
)
from .colour import RgbReader, describe
from .opening import open_container, open_stream
from .orientation import orientation
from .timing import TimestampRepair

_PICTURE_FORMATS = frozenset({"image2"})  # and every demuxer whose name ends in "_pipe"
_LARGEST_RATIO_TERM = 65535


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One frame: ``rgb`` uint8 height × width × 3, ``pts`` and ``duration`` (≥ 1) in ticks of the
    source's time base.
    """

    rgb: np.ndarray
    pts: int
    duration: int


@dataclass(frozen=True, eq=False)
class UnconvertedFrame:
    """One frame that is decoded but not yet RGB: ``pts`` and ``duration`` as in ``SourceFrame``,
    ``rgb()`` converts it.
    """

    pts: int
    duration: int
    rgb: Callable[[], np.ndarray]


class VideoSource:
    """A video or still picture, opened for reading its frames once, in display order.

    Iterating yields ``SourceFrame`` with strictly increasing ``pts`` (see ``TimestampRepair`` for
    what becomes of missing and repeated ones). The duration of a frame lasts up to the next frame;
    that of the last one is its own, or one frame at the nominal rate. Rotation is reported, not
    applied; a mirrored picture is un-mirrored, since the stream has no field for that. A still
    picture is one frame with pts 0, duration 1 and time base 1/25.

    ``skip`` goes past frames at the cost of decoding them alone.

    ``max_frames`` ends the iteration early; the frame after is still decoded, for the duration of
    the last.

    Raises ``InputError`` when the file is missing, no video, damaged, or without a picture, and
    ``UnsupportedInputError`` for alpha, HDR and more than 8 bits; both when opening where possible,
    else while iterating.

    Attributes:
        path: of the file.
        width, height: px.
        frame_rate: frames per second; None when unknown.
        time_base: seconds per tick.
        colour: as the source states it, see ``describe``.
        sample_aspect_ratio: width by height of a pixel; 0 when unknown.
        rotation: degrees counter-clockwise as ``av.VideoFrame.rotation`` reports them, rounded to
            quarter turns: -180 … 180.
        frame_count_hint: by the container's count, or else its duration; None when it states
            neither.
        is_still: whether it is a picture.
        is_mirrored: whether its pixels are mirrored left to right before they are delivered.
        pixel_format: FFmpeg's name.
        codec_name: FFmpeg's name of the decoder.

    """

    def __init__(self, path: str | Path, *, max_frames: int | None = None) -> None:
        self.path = Path(path)
        self._max_frames = max_frames
        self._decoded_count = 0
        self._container = open_container(self.path)
        self._frames = self._decode()
        try:
            self._stream = open_stream(self.path, self._container)
            self._first: av.VideoFrame | None = self._first_frame()
            self._describe(self._first)
            self._timed = self._with_times()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Iterating afterwards yields nothing more."""
        self._first = None
        self._frames.close()
        self._container.close()

    def __iter__(self) -> Iterator[SourceFrame]:
        return (self._deliver(*timed) for timed in self._timed)

    def unconverted(self) -> Iterator[UnconvertedFrame]:
        """The frames that iterating would yield, for those who need the picture of a few alone:
        converting costs more than decoding.
        """
        for frame, pts, duration in self._timed:
            yield UnconvertedFrame(pts, duration, partial(self._rgb, frame))

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Instead of iterating: the frames as the decoder gives them, in the source's own pixel
        format, not un-mirrored.
        """
        return (frame for frame, _, _ in self._timed)

    def skip(self, count: int) -> int:
        """Skip the next ``count`` frames, at most to the end, and return how many there were.

        They are decoded, which those after them need, but not converted to RGB, which costs more.
        """
        return sum(1 for _ in islice(self._timed, count))

    def _with_times(self) -> Iterator[tuple[av.VideoFrame, int, int]]:
        """Every frame to deliver, with its timestamp and duration."""
        if self._first is None:
            return
        frame, self._first = self._first, None
        pts = self._clock(frame.pts, frame.duration)
        for delivered, following in enumerate(self._frames, 1):
            self._refuse_change(following)
            following_pts = self._clock(following.pts, following.duration)
            yield frame, pts, following_pts - pts
            if delivered == self._max_frames:
                return
            frame, pts = following, following_pts
        yield frame, pts, self._clock.duration_or_nominal(frame.duration)

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        """Every frame of the stream.

        A decoding error is an ``InputError``, but not before the first frame: recordings that begin
        in the middle of a group of pictures begin with undecodable packets.
        """
        # Broadcast recordings have the odd bad packet, and the decoder conceals it; elsewhere it is
        # where the file was cut.
        tolerant, whole = self._container.format.name == "mpegts", False
        # whether the stream begins without a keyframe and becomes whole little by little
        gradual: bool | None = None
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt and not tolerant:
                    raise self._damaged("its data end here")
                if gradual is None:
                    gradual = not packet.is_keyframe
                try:
                    frames = packet.decode()
                except EOFError:
                    continue
                except av.error.FFmpegError as error:
                    if self._decoded_count == 0 and not isinstance(error, MemoryError):
                        continue
                    raise
                for frame in frames:
                    # A stream of gradual refresh is "corrupt" until it is whole; one that was whole
                    # before is damaged.
                    if frame.is_corrupt and (whole or not gradual) and not tolerant:
                        raise self._damaged("its data are broken here")
                    whole = whole or not frame.is_corrupt
                    self._decoded_count += 1
                    yield frame
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            raise self._damaged(error.strerror or "it cannot be decoded") from error

    def _damaged(self, reason: str) -> InputError:
        where = (
            f"damaged after frame {self._decoded_count}"
            if self._decoded_count
            else "damaged before its first frame"
        )
        return InputError(f"{self.path}: {where} ({reason}): copy or download it again")

    def _first_frame(self) -> av.VideoFrame:
        for frame in self._frames:
            return frame
        raise InputError(f"{self.path}: no frame can be decoded: it is empty or damaged")

    def _describe(self, frame: av.VideoFrame) -> None:
        stream, container = self._stream, self._container
        self.codec_name: str = stream.codec_context.name
        self.width: int = frame.width
        self.height: int = frame.height
        self.colour: ColourDescription = describe(frame, self.codec_name)
        alpha_beside = stream.metadata.get("alpha_mode") == "1"
        refuse_unsupported(
            self.path, frame, self.colour, codec_name=self.codec_name, alpha_beside=alpha_beside
        )
        check_size(self.path, self.width, self.height)
        self._to_rgb = RgbReader(self.colour, self.height)
        self.rotation, self.is_mirrored = orientation(frame)
        self.pixel_format: str = frame.format.name
        self.is_still: bool = (
            container.format.name in _PICTURE_FORMATS or container.format.name.endswith("_pipe")
        )
        self.time_base: Fraction = (
            Fraction(stream.time_base) if stream.time_base else Fraction(1, 90000)
        )
        rate = stream.average_rate or stream.guessed_rate
        self.frame_rate: Fraction | None = Fraction(rate) if rate else None
        self.sample_aspect_ratio: Fraction = _storable_ratio(stream.sample_aspect_ratio)
        seconds = (
            float(stream.duration * self.time_base)
            if stream.duration
            else (container.duration or 0) / av.time_base
        )
        frames = (
            1
            if self.is_still
            else stream.frames or round(seconds * float(self.frame_rate or 0)) or None
        )
        self.frame_count_hint: int | None = (
            frames if self._max_frames is None or frames is None else min(frames, self._max_frames)
        )
        ticks_per_frame = round(1 / (self.frame_rate or Fraction(25)) / self.time_base)
        self._clock = TimestampRepair(ticks_per_frame, ticks_per_second=round(1 / self.time_base))

    def _refuse_change(self, frame: av.VideoFrame) -> None:
        """Frames of one stream have one size; a change of pixel format or colour is read with the
        first frame's tags.
        """
        if (frame.width, frame.height) != (self.width, self.height):
            raise InputError(
                f"{self.path}: the frame size changes from {self.width}×{self.height} to"
                f" {frame.width}×{frame.height} after frame {self._decoded_count - 1}: split the"
                " video there"
            )
        refuse_unsupported(
            self.path, frame, self.colour, codec_name=self.codec_name, alpha_beside=False
        )

    def _deliver(self, frame: av.VideoFrame, pts: int, duration: int) -> SourceFrame:
        return SourceFrame(rgb=self._rgb(frame), pts=pts, duration=duration)

    def _rgb(self, frame: av.VideoFrame) -> np.ndarray:
        rgb = (
            self._opaque(frame)
            if alpha_is_in_pixels(frame, self.codec_name)
            else self._to_rgb(frame)
        )
        if self.is_mirrored:
            rgb = np.ascontiguousarray(rgb[:, ::-1])
        return rgb

    def _opaque(self, frame: av.VideoFrame) -> np.ndarray:
        """RGB of a frame whose pixel format has alpha only because the decoder always has it (see
        ``acceptance``).
        """
        rgba = self._to_rgb(frame, "rgba")
        refuse_transparency(self.path, rgba)
        return np.ascontiguousarray(rgba[..., :3])


def _storable_ratio(ratio: Fraction | None) -> Fraction:
    """A sample aspect ratio with both terms in 16 bits; 0 when it is unknown."""
    if not ratio or ratio <= 0:
        return Fraction(0)
    limit = _LARGEST_RATIO_TERM
    while max(ratio.numerator, ratio.denominator) > _LARGEST_RATIO_TERM and limit > 1:
        ratio = Fraction(ratio).limit_denominator(limit)
        limit //= 2
    return Fraction(ratio) if 0 < ratio <= _LARGEST_RATIO_TERM else Fraction(0)
