"""Any video or picture PyAV can decode, as 8-bit RGB frames with exact timestamps, one frame in
memory at a time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType

import av

from bitstream.container import Clock, Labels, clock_of
from bitstream.sequence_header import ColourDescription

from ..errors import InputError, SettingsError
from ..scaling import Size, coded_size, shrunk
from .aperture import aperture_of
from .aspect import storable_ratio
from .conversion import FrameConverter
from .decoding import FrameDecoder
from .deinterlacing import Deinterlacer, fields_of
from .frames import RgbArray, SourceFrame, UnconvertedFrame
from .opening import is_picture, open_container, open_stream, why_nothing_decodes
from .options import SourceOptions
from .sequences import PictureSequence, picture_files
from .stills import put_together
from .timing import LONGEST_CONTAINER_STEP, TimestampRepair, longest_step, time_base_for

__all__ = ["SourceFrame", "SourceOptions", "UnconvertedFrame", "VideoSource"]

_TICK_OF_A_STILL = Fraction(1, 25)
_DEFAULT_OPTIONS = SourceOptions()


class VideoSource:
    """A video or still picture, opened for reading its frames once, in display order.

    Iterating yields ``SourceFrame`` with strictly increasing ``pts`` (see ``TimestampRepair`` for
    what becomes of missing and repeated ones). The duration of a frame lasts up to the next frame;
    that of the last one is its own, or one frame at the nominal rate. Rotation is reported, not
    applied; a mirrored picture is un-mirrored, since the stream has no field for that. A still
    picture is one frame with pts 0, duration 1 and time base 1/25; of a sequence of pictures, named
    by a pattern, folder or glob (``sequences.picture_files``), each is a frame.

    ``skip`` goes past frames at the cost of decoding them alone.

    ``max_frames`` ends the iteration early; the frame after is still decoded, for the duration of
    the last.

    Raises ``InputError`` when the file is missing, no video, damaged, or without a picture, and
    ``UnsupportedInputError`` for alpha, HDR and more than 8 bits; both when opening where possible,
    else while iterating.

    Attributes:
        path: of the file.
        width, height: of the frames that it gives, px.
        full_size: width and height of its own pictures, which ``options.scale`` makes smaller.
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
        labels: tags and chapters of the file.
        sequence: the pictures that are its frames; None for one file.

    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_frames: int | None = None,
        options: SourceOptions = _DEFAULT_OPTIONS,
    ) -> None:
        self.path = Path(path)
        self._max_frames, self._options = max_frames, options
        self._frames: Iterator[av.VideoFrame] = iter(())
        self.sequence = self._pictures()
        path = self.sequence.files[0] if self.sequence else self.path
        self._container = open_container(path)
        try:
            self._opened = open_stream(path, self._container, options)
            self._stream = self._opened.stream
            self.track_index: int = self._stream.index
            self.clock = Clock() if self.sequence else clock_of(path)
            self.labels = Labels() if self.sequence else Labels.of(self._container, self._stream)
            self._decoder = FrameDecoder(
                self.path, self._container, self._stream, self.clock, strict=options.strict
            )
            self._done_before: list[str] = []
            self._deinterlacer = Deinterlacer()
            self._frames = self._decoded()
            if options.deinterlace:
                self._frames = self._deinterlacer.frames(self._frames)
            self._first: av.VideoFrame | None = next(self._frames, None)
            self._is_interlaced = self._first is not None and bool(self._first.interlaced_frame)
            if self._first is None:
                raise InputError(f"{self.path}: {why_nothing_decodes(self.path)}")
            self._convert = FrameConverter(
                self.path,
                self._first,
                self._stream.codec_context.name,
                options,
                alpha_beside=self._stream.metadata.get("alpha_mode") == "1",
            )
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
        self._close_frames()
        self._container.close()

    def _close_frames(self) -> None:
        if isinstance(self._frames, Generator):
            self._frames.close()

    def __iter__(self) -> Iterator[SourceFrame]:
        return (
            SourceFrame(self._rgb(frame), pts, duration) for frame, pts, duration in self._timed
        )

    @property
    def losses(self) -> list[str]:
        """What could not be read, of what was tried so far, a line each; nothing with
        ``options.strict``, which makes errors of it.
        """
        if self.sequence is not None:
            return list(self.sequence.losses)
        missing = self._opened.missing
        return ([missing] if missing else []) + self._decoder.losses.lines()

    @property
    def has_own_times(self) -> bool:
        """Whether frames have the timestamps of their packets, which a seek can go by."""
        is_read_through = self._options.deinterlace or self.clock.joints or self.is_still
        return self._scale == 1 and not is_read_through

    @property
    def conversions(self) -> list[str]:
        """What is done to the pictures, of those read so far, a line each."""
        fields = []
        if self._deinterlacer.found:
            fields = ["whole pictures were made of interlaced fields"]
        elif self._is_interlaced:
            fields = [fields_of(self._stream.codec_context)]
        return fields + self._done_before + self._convert.conversions

    @property
    def notes(self) -> list[str]:
        """What is unusual in what was read so far, and what was made of it, a line each."""
        joints = self.clock.joints
        repaired = []
        if joints:
            times = "1 time" if len(joints) == 1 else f"{len(joints)} times"
            repaired = [
                f"its clock leaps or falls back {times}, first at {float(joints[0]):.2f} s: the"
                " parts follow each other without a gap"
            ]
        if self._deinterlacer.found:
            repaired.append("whole pictures are made of its interlaced fields")
        elif self._is_interlaced:
            repaired.append("it is interlaced: --deinterlace makes whole pictures of its fields")
        return repaired + self._done_before + self._convert.notes + self._decoder.notes

    def _pictures(self) -> PictureSequence | None:
        files = picture_files(self.path)
        if files is None and self._options.fps is not None:
            raise SettingsError(
                f"{self.path} is one file, with times of its own: a frame rate is for sequences of"
                " pictures"
            )
        return None if files is None else PictureSequence(self.path, files, self._options)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Every frame, from the first on."""
        if self.sequence is not None:
            self._done_before = self.sequence.conversions
            return self.sequence.frames()
        frame, self._done_before = put_together(
            self.path, self._container, self._opened.still, self._options
        )
        return self._decoded_stream() if frame is None else iter([frame])

    def _decoded_stream(self) -> Iterator[av.VideoFrame]:
        """The frames of the file's stream, of each what is to be shown."""
        frames, aperture = self._decoder.frames(), aperture_of(self.path, self._stream)
        return aperture.cropped(frames) if aperture else frames

    def unconverted(self) -> Iterator[UnconvertedFrame]:
        """The frames that iterating would yield, for those who need the picture of a few alone:
        converting costs more than decoding.
        """
        for frame, pts, duration in self._timed:
            yield UnconvertedFrame(pts, duration, partial(self._rgb, frame))

    def _rgb(self, frame: av.VideoFrame) -> RgbArray:
        return shrunk(self._convert(frame), (self.width, self.height))

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
        pts = self._time(frame)
        for delivered, following in enumerate(self._frames, 1):
            self._convert.check(following, delivered)
            self._is_interlaced = self._is_interlaced or bool(following.interlaced_frame)
            following_pts = self._time(following)
            if following_pts - pts > LONGEST_CONTAINER_STEP:
                raise InputError(
                    f"{self.path}: more than {float(LONGEST_CONTAINER_STEP * self.time_base):.0f} s"
                    f" lie between frame {delivered} and the next: cut the video there"
                )
            yield frame, pts, following_pts - pts
            if delivered == self._max_frames:
                return
            frame, pts = following, following_pts
        yield frame, pts, self._clock.duration_or_nominal(self._ticks(frame.duration))

    def _time(self, frame: av.VideoFrame) -> int:
        pts = None if frame.pts is None else self._ticks(frame.pts)
        return self._clock(pts, self._ticks(frame.duration))

    def _ticks(self, ticks: int) -> int:
        """From the stream's time base to the source's."""
        return ticks if self._scale == 1 else round(ticks * self._scale)

    def _describe(self, frame: av.VideoFrame) -> None:
        stream, container = self._stream, self._container
        self.codec_name: str = stream.codec_context.name
        convert = self._convert
        self.full_size: Size = (convert.width, convert.height)
        self.width, self.height = coded_size(self.full_size, self._options.scale)
        self.colour: ColourDescription = convert.colour
        self.rotation, self.is_mirrored = convert.rotation, convert.is_mirrored
        self.pixel_format: str = frame.format.name
        self.is_still: bool = self.sequence is None and is_picture(container, self._opened)
        base = Fraction(stream.time_base) if stream.time_base else Fraction(1, 90000)
        if self.sequence is not None:
            base = self.sequence.time_base
        elif self._opened.still is not None:  # an item, whose time FFmpeg counts in seconds
            base = _TICK_OF_A_STILL
        self.time_base: Fraction = time_base_for(
            base, 1 if self.sequence is not None else longest_step(stream)
        )
        self._scale = base / self.time_base
        is_numbered = self._opened.still is not None or self.sequence is not None
        rate = 1 / base if is_numbered else stream.average_rate or stream.guessed_rate
        self.frame_rate: Fraction | None = Fraction(rate) if rate else None
        self.sample_aspect_ratio: Fraction = storable_ratio(stream.sample_aspect_ratio)
        seconds = float(stream.duration * base) if stream.duration else 0.0
        seconds = seconds or (container.duration or 0) / av.time_base
        frames = stream.frames or round(seconds * float(self.frame_rate or 0)) or None
        if self.is_still or self.sequence is not None:
            frames = len(self.sequence.files) if self.sequence is not None else 1
        if frames is not None and self._max_frames is not None:
            frames = min(frames, self._max_frames)
        self.frame_count_hint: int | None = frames
        ticks_per_frame = round(1 / (self.frame_rate or Fraction(25)) / self.time_base)
        self._clock = TimestampRepair(ticks_per_frame, ticks_per_second=round(1 / self.time_base))
