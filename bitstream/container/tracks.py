"""Sound and subtitle tracks, copied packet for packet from one file into another."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from ..errors import ContainerError
from .clock import Clock
from .media_input import LATENT_CODEC, open_input, packets_within
from .shared_file import SharedFile
from .subtitles import TEXT_CODECS, as_mov_text

_COPIED_KINDS = ("audio", "subtitle")
_EMPTY_TEXT = b"\x00\x00"  # a mov_text packet that clears the screen
# of the file's bytes: FFmpeg adds a few to some packets, and tracks may share some
TIMES_READ, MORE_BYTES = 2, 1 << 20


def describe(stream: Stream) -> str:
    """One line on a track: kind, number in the file, codec, and what matters of it."""
    context = stream.codec_context
    codec = getattr(stream, "name", None) if context is None else context.codec.canonical_name
    text = f"{stream.type} track {stream.index} ({codec or 'unknown codec'}"
    if isinstance(context, av.AudioCodecContext):
        text += f", {context.sample_rate} Hz, {context.layout.name}"
    return text + (")" if stream.language in (None, "und") else f", {stream.language})")


@dataclass(frozen=True)
class CopySource:
    """A file from which tracks are copied.

    path: of the file.
    picture: index of the video track that is coded, None for the first.
    clock: that of the file, by which the pictures are timed too.
    """

    path: str | Path | SharedFile
    picture: int | None = None
    clock: Clock = field(default_factory=Clock)


class TrackCopier:
    """Copies the audio and subtitle tracks of ``source`` into ``output``, an open PyAV output
    without packets yet.

    Payload, timestamps, durations and codec parameters stay as they are, and so do language and
    disposition (ADTS headers of AAC, which MP4 and Matroska do not have, go; subtitles that are
    text with marks become ``mov_text`` in MP4, without the marks).  Call ``copy_until``
    before every packet of the picture, so that packets come interleaved and none has to be kept,
    and ``finish`` in the end; or ``close`` to give up.

    cut: two times in seconds; only what is heard and shown between them is copied, as if the first
    were 0.  Of sound that is whole packets, and one more before the first, which decoders need to
    begin with: both end up before time 0, where players skip them.

    may_end: tracks end where the source cannot be read any more, as in a file that is cut short, or
    where ``output`` takes no more of them, and packets that are known to be damaged are left out;
    ``problems`` says so in a line each.

    ``copied`` and ``skipped`` describe tracks in one line each: those being copied, and those the
    format of ``output`` cannot hold or that are neither picture nor sound nor subtitles.
    ``time_bases`` are those in which the copied tracks are counted.  Raises ``ContainerError`` if
    ``source`` cannot be read, ``OSError`` if ``output`` cannot be written.
    """

    def __init__(
        self,
        source: str | Path | SharedFile | CopySource,
        output: av.container.OutputContainer,
        cut: tuple[Fraction, Fraction] | None = None,
        *,
        may_end: bool = False,
    ) -> None:
        self._source = source if isinstance(source, CopySource) else CopySource(source)
        self._path, self._may_end = self._source.path, may_end
        self._cut = cut
        self._output = output
        self._writes_mp4 = output.format.name in ("mp4", "mov")
        self.copied: list[str] = []
        self.skipped: list[str] = []
        self.problems: list[str] = []
        self.time_bases: list[Fraction] = []
        self._targets: dict[int, Stream] = {}
        self._last_dts: dict[int, int] = {}
        self._least_step: dict[int, int] = {}
        self._texts: dict[int, str] = {}  # codecs of those that become ``mov_text``
        self._input = open_input(self._path)
        try:
            for stream in self._input.streams:
                self._add(stream)
            self._packets = self._demux()
            self._pending = next(self._packets, None)
        except BaseException:
            self._input.close()
            raise

    def copy_until(self, seconds: Fraction) -> None:
        """Copy the packets that start before ``seconds``."""
        while self._pending is not None and _start(self._pending) < seconds:
            self._write(self._pending)
            self._pending = next(self._packets, None)

    def finish(self, end: Fraction | None = None) -> None:
        """Copy the rest, or what of it starts before ``end`` seconds, and close the source."""
        while self._pending is not None:
            if end is None or _start(self._pending) < end:
                self._write(self._pending)
            self._pending = next(self._packets, None)
        self.close()

    def close(self) -> None:
        """Close the source; ``output`` stays open."""
        self._pending = None
        self._input.close()

    def _add(self, stream: Stream) -> None:
        picture = self._source.picture
        if stream.type == "video" and (
            stream == self._input.streams.video[0] if picture is None else stream.index == picture
        ):
            return
        if getattr(stream, "name", None) == LATENT_CODEC and picture is None:
            return
        name = stream.codec_context.name if stream.codec_context else ""
        if stream.type not in _COPIED_KINDS:
            self.skipped.append(
                f"{describe(stream)}: only one video track, sound and subtitles are kept"
            )
        elif stream.type == "subtitle" and name in TEXT_CODECS and self._writes_mp4:
            target = self._output.add_mux_stream("mov_text")
            target.time_base = stream.time_base or Fraction(1, 1000)
            self._texts[stream.index] = name
            self._add_target(stream, target)
        elif not _format_holds(self._output.format.name, stream):
            self.skipped.append(f"{describe(stream)}: {self._output.format.name} cannot hold it")
        else:
            self._add_target(stream, self._output.add_stream_from_template(stream))

    def _add_target(self, stream: Stream, target: Stream) -> None:
        """Have a track copied into one of the output."""
        tags = stream.metadata
        # MP4 calls the title of a track its name
        for key, value in (
            ("language", tags.get("language")),
            ("title", tags.get("title", tags.get("name"))),
        ):
            if value:
                target.metadata[key] = value
        target.disposition = stream.disposition
        self._targets[stream.index] = target
        self.copied.append(describe(stream))
        assert stream.time_base is not None  # FFmpeg gives every stream of an input one
        bases = [stream.time_base]
        # MP4 counts sound in samples, whatever the source does
        if isinstance(stream, av.AudioStream):
            bases.append(Fraction(1, stream.codec_context.sample_rate))
        self.time_bases += bases
        self._least_step[stream.index] = math.ceil(max(bases) / stream.time_base)

    def _demux(self) -> Iterator[Packet[Stream]]:
        """Packets of the tracks to copy, in the order of the file."""
        if not self._targets:
            return
        # FFmpeg's MP4 writer fills the gaps between subtitles with empty ones itself: copied, they
        # would be there twice.
        fills_gaps = self._writes_mp4
        chosen = [self._input.streams[index] for index in self._targets]
        demuxed = self._source.clock.repaired(self._input.demux(chosen))
        if self._input.format.name.startswith("mov"):  # other formats may hold packets compressed
            size = (
                self._path.size
                if isinstance(self._path, SharedFile)
                else os.path.getsize(self._path)
            )
            demuxed = packets_within(demuxed, TIMES_READ * size + MORE_BYTES, self._path)
        while True:
            try:
                packet = next(demuxed, None)
            except (av.FFmpegError, ContainerError) as error:
                reason = str(error) if isinstance(error, ContainerError) else error.strerror
                if self._may_end:
                    self.problems.append(f"sound and subtitles end early ({reason})")
                    return
                if isinstance(error, ContainerError):
                    raise
                raise ContainerError(
                    f"{self._path}: sound or subtitles cannot be read ({reason})"
                ) from error
            if packet is None:
                return
            if self._may_end and packet.is_corrupt:
                continue
            if packet.dts is None or (
                fills_gaps and packet.stream.name == "mov_text" and bytes(packet) == _EMPTY_TEXT
            ):
                continue
            if packet.pts is None:
                packet.pts = packet.dts
            if self._cut is None or _move_into(packet, *self._cut):
                yield packet

    def _write(self, packet: Packet[Stream]) -> None:
        index = packet.stream.index
        if index not in self._targets:
            return
        last = self._last_dts.get(index)
        assert packet.pts is not None and packet.dts is not None  # ``_demux`` sees to it
        # Damaged files repeat timestamps, and muxers stop at that: also at two that become one in
        # samples.
        least = self._least_step[index]
        if last is not None and packet.dts < last + least:
            packet.pts, packet.dts = max(packet.pts, last + least), last + least
        self._last_dts[index] = packet.dts
        if index in self._texts:
            packet = _replaced(packet, as_mov_text(bytes(packet), self._texts[index]))
        packet.stream = self._targets[index]
        try:
            self._output.mux(packet)
        except OSError:
            raise
        except av.FFmpegError as error:
            problem = f"track {index} cannot be copied"
            if not self._may_end:
                raise ContainerError(f"{self._path}: {problem} ({error.strerror})") from error
            del self._targets[index]
            self.problems.append(f"{problem} any further ({error.strerror})")


def _replaced(packet: Packet[Stream], payload: bytes) -> Packet[Stream]:
    """A packet of the same time with another payload."""
    other: Packet[Stream] = av.Packet(payload)
    other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
    other.time_base, other.is_keyframe = packet.time_base, True
    return other


def _start(packet: Packet[Stream]) -> Fraction:
    """Seconds at which a packet starts of which the time is known."""
    assert packet.dts is not None  # ``_demux`` leaves out those without
    return packet.dts * packet.time_base


def _move_into(packet: Packet[Stream], begin: Fraction, end: Fraction) -> bool:
    """Whether some of a packet lies in a cut; its times then count from the beginning of the
    cut.
    """
    base = packet.time_base
    assert packet.pts is not None and packet.dts is not None  # ``_demux`` sees to it
    first, last, length = round(begin / base), math.ceil(end / base), packet.duration or 0
    is_sound = packet.stream.type == "audio"
    lead = length if is_sound else 0
    if packet.pts >= last or packet.pts + length + lead <= first:
        return False
    packet.pts, packet.dts = packet.pts - first, packet.dts - first
    if not is_sound:
        # A subtitle that is on the screen at a border is there as long as the picture under it.
        shown_until = min(packet.pts + length, last - first)
        packet.pts, packet.dts = max(0, packet.pts), max(0, packet.dts)
        packet.duration = shown_until - packet.pts
    return True


def _format_holds(format_name: str, stream: Stream) -> bool:
    """Whether the format takes the track: FFmpeg decides some cases only when it writes the header,
    so write one.
    """
    scratch = av.open(io.BytesIO(), "w", format=format_name)
    try:
        scratch.add_stream_from_template(stream)
        scratch.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    finally:
        scratch.close()
    return True
