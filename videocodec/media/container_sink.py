"""A playable MP4, MOV or Matroska file: H.264 pictures beside the untouched sound and subtitles."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bitstream.container import (
    CopySource,
    Labels,
    SharedFile,
    TrackCopier,
    movie_timescale,
    rehearse_copy,
)
from bitstream.sequence_header import SequenceHeader

from ..errors import OutputError
from .colour import YuvWriter, stored_as
from .disclosure import Disclosure
from .frame_sink import FrameSink, OutputFile, output_errors

CONTAINER_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}

# Macroblock-tree with B-frames reads memory that was never written (x264 core 165): another file
# with every run. Without it the same crf means other quantisers: 13 is what 14 was with it, for the
# worst frame of a clip.  Where B-frames stand is not searched for: it takes a tenth of the time and
# changes nothing.
_ENCODER_OPTIONS = {"preset": "veryfast", "crf": "13", "mbtree": "0", "b-adapt": "0"}
_LARGEST_TIMESCALE = 2**31 - 1
# above that it is a mistake of the source's header, and rate control needs something sensible
_HIGHEST_RATE = 1000


@dataclass(frozen=True)
class CopiedTracks:
    """Sound and subtitles that go along with the pictures.

    source: the file that they are copied from.
    cut: from when to when, in seconds; None for all.
    may_end: they end where the file cannot be read any more, which is an error otherwise.
    """

    source: str | Path | SharedFile
    cut: tuple[Fraction, Fraction] | None = None
    may_end: bool = False


class ContainerSink(FrameSink):
    """H.264 (libx264, 4:2:0; 4:4:4 when width or height is odd, which not every player shows) in
    MP4, MOV or Matroska.

    Colour tags, range, rotation and sample aspect ratio of the header are written into the file.
    Timestamps are exact in MP4 and MOV, and rounded to milliseconds in Matroska, whose muxer knows
    nothing finer. Audio and subtitle packets of ``tracks`` are copied untouched; those between
    the two times of its ``cut`` if it has one, moved to begin at 0. Players show
    nothing before time 0, so when the first timestamp is negative pictures and sound are moved
    together until it is 0.

    Tags and chapters are those of ``labels``; what the disclosure says comes first in the comment.
    ``threads``: of the encoder, by default as many as it likes.
    """

    def __init__(
        self,
        target: Path,
        header: SequenceHeader,
        *,
        tracks: CopiedTracks | None,
        labels: Labels | None = None,
        disclosure: Disclosure | None,
        overwrite: bool,
        threads: int | None = None,
    ) -> None:
        super().__init__(header.width, header.height)
        self.target, self._header = target, header
        self._time_base = Fraction(header.time_base)
        self._colour = stored_as(header.colour, header.height)
        self._pixel_format = "yuv444p" if header.width % 2 or header.height % 2 else "yuv420p"
        self._convert = YuvWriter(self._colour, self._pixel_format)
        self._tracks = tracks
        self._disclosure, self._labels, self._threads = disclosure, labels or Labels(), threads
        self._durations: dict[int, int] = {}
        self._started = False
        self._copier: TrackCopier | None = None
        self._container: av.container.OutputContainer | None = None
        self._output = OutputFile(target, overwrite=overwrite)
        try:
            with output_errors(target):
                self._open()
        except BaseException:
            self.close()
            raise

    def write(self, rgb: np.ndarray, pts: int, duration: int) -> None:
        self._check(rgb)
        with output_errors(self._output.target):
            if not self._started and pts < 0:
                # FFmpeg moves all tracks by the same time. It goes by decoding times, which
                # B-frames put further back.
                self._open_container.container_options["avoid_negative_ts"] = "make_non_negative"
                self._stream.codec_context.options = _ENCODER_OPTIONS | {"bf": "0"}
            self._started = True
            frame = self._convert(rgb)
            frame.pts, frame.time_base = pts, self._time_base
            self._durations[pts] = duration
            if self._copier is not None:
                self._copier.copy_until(pts * self._time_base)
            self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        if self._container is None:
            return
        if not self._started:
            raise OutputError(f"{self._output.target}: there is no frame to write")
        with output_errors(self._output.target):
            self._mux(self._stream.encode(None))
            if self._copier is not None:
                self._copier.finish()
            self._container.close()
        self._container = None

    def commit(self) -> None:
        self.finish()
        self._output.commit()

    def close(self) -> None:
        if self._copier is not None:
            self._copier.close()
        if self._container is not None:
            # The file goes anyway, and what went wrong before matters more.
            with suppress(OSError, av.error.FFmpegError, ValueError):
                self._container.close()
            self._container = None
        self._output.remove()

    def _open(self) -> None:
        header, target = self._header, self._output.target
        if max(self._time_base.numerator, self._time_base.denominator) > _LARGEST_TIMESCALE:
            raise OutputError(
                f"{target}: the time base {self._time_base} fits no such file: decode to .y4m or"
                " pictures instead"
            )
        container = av.open(
            os.path.abspath(self._output.beside),
            "w",
            format=CONTAINER_FORMATS[target.suffix.lower()],
        )
        self._container = container
        labels = self._labels
        if self._disclosure is not None:
            tags = self._disclosure.container_tags()
            labels = labels.with_comment([tags.pop("comment")], first=True)
            labels = replace(labels, tags=labels.tags | tags)
        labels.write(container)
        rate = (
            Fraction(header.frame_rate) if 0 < header.frame_rate <= _HIGHEST_RATE else Fraction(25)
        )
        stream = container.add_stream(
            "libx264",
            rate=rate.limit_denominator(100_000),
            width=header.width,
            height=header.height,
        )
        stream.metadata.update(labels.track_tags)
        stream.pix_fmt = self._pixel_format
        context = stream.codec_context
        context.options = dict(_ENCODER_OPTIONS)
        if self._threads is not None:
            context.thread_count = self._threads
        context.time_base = stream.time_base = self._time_base
        context.colorspace, context.color_range = (
            self._colour.matrix,
            2 if self._colour.full_range else 1,
        )
        context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer
        if header.sample_aspect_ratio:
            context.sample_aspect_ratio = Fraction(header.sample_aspect_ratio)
        if header.rotation:
            stream.set_display_rotation(90 * header.rotation)
        self._stream = stream
        time_bases = [self._time_base]
        if self._tracks is not None:
            self._copier = self._copier_of(self._tracks, container)
            self.skipped_tracks = self._copier.skipped
            time_bases += self._copier.time_bases
        if container.format.name == "matroska":
            # AAC begins a few samples before time 0. FFmpeg would move the pictures along, though
            # Matroska can hold that.
            container.container_options["avoid_negative_ts"] = "disabled"
        else:
            container.container_options.update(
                {"movflags": "+faststart", "movie_timescale": str(movie_timescale(time_bases))}
            )

    @staticmethod
    def _copier_of(tracks: CopiedTracks, container: av.container.OutputContainer) -> TrackCopier:
        """Copies the tracks, once it is known that they can be."""
        source, name = CopySource(tracks.source), container.format.name
        rehearse_copy(source, name, tracks.cut, may_end=tracks.may_end)
        return TrackCopier(source, container, tracks.cut, may_end=tracks.may_end)

    @property
    def _open_container(self) -> av.container.OutputContainer:
        if self._container is None:
            raise ValueError(f"{self._output.target}: it is finished already")
        return self._container

    def _mux(self, packets: list[av.Packet[Any]]) -> None:
        for packet in packets:
            duration = None if packet.pts is None else self._durations.pop(packet.pts, None)
            if duration is not None:
                packet.duration = duration
            self._open_container.mux(packet)
