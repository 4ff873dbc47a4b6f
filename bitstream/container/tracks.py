"""Sound and subtitle tracks, copied packet for packet from one file into another."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from ..errors import ContainerError
from .shared_file import SharedFile, check_is_file

LATENT_CODEC = "bin_data"  # FFmpeg's name for what the latent track is coded as
# options of open_input: no format that opens other files
MP4_ALONE = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2"}
_COPIED_KINDS = ("audio", "subtitle")
_EMPTY_TEXT = b"\x00\x00"  # a mov_text packet that clears the screen
# of the file's bytes: FFmpeg adds a few to some packets, and tracks may share some
_TIMES_READ, _MORE_BYTES = 2, 1 << 20


def describe(stream: Stream) -> str:
    """One line on a track: kind, number in the file, codec, and what matters of it."""
    context = stream.codec_context
    codec = getattr(stream, "name", None) if context is None else context.codec.canonical_name
    text = f"{stream.type} track {stream.index} ({codec or 'unknown codec'}"
    if isinstance(context, av.AudioCodecContext):
        text += f", {context.sample_rate} Hz, {context.layout.name}"
    return text + (")" if stream.language in (None, "und") else f", {stream.language})")


class TrackCopier:
    """Copies the audio and subtitle tracks of ``source`` into ``output``, an open PyAV output
    without packets yet.

    Payload, timestamps, durations and codec parameters stay as they are, and so do language and
    disposition (ADTS headers of AAC, which MP4 and Matroska do not have, go).  Call ``copy_until``
    before every packet of the picture, so that packets come interleaved and none has to be kept,
    and ``finish`` in the end; or ``close`` to give up.

    cut: two times in seconds; only what is heard and shown between them is copied, as if the first
    were 0.  Of sound that is whole packets, and one more before the first, which decoders need to
    begin with: both end up before time 0, where players skip them.

    may_end: tracks end where the source cannot be read any more, as in a file that is cut short,
    and packets that are known to be damaged are left out.

    ``copied`` and ``skipped`` describe tracks in one line each: those being copied, and those the
    format of ``output`` cannot hold or that are neither picture nor sound nor subtitles.
    ``time_bases`` are those in which the copied tracks are counted.  Raises ``ContainerError`` if
    ``source`` cannot be read, ``OSError`` if ``output`` cannot be written.
    """

    def __init__(
        self,
        source: str | Path,
        output: av.container.OutputContainer,
        cut: tuple[Fraction, Fraction] | None = None,
        *,
        may_end: bool = False,
    ) -> None:
        self._path, self._may_end = source, may_end
        self._cut = cut
        self._output = output
        self.copied: list[str] = []
        self.skipped: list[str] = []
        self.time_bases: list[Fraction] = []
        self._targets: dict[int, Stream] = {}
        self._last_dts: dict[int, int] = {}
        self._input = open_input(source)
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
        if (stream.type == "video" and stream == self._input.streams.video[0]) or getattr(
            stream, "name", None
        ) == LATENT_CODEC:
            return
        if stream.type not in _COPIED_KINDS:
            self.skipped.append(
                f"{describe(stream)}: only the first video track, sound and subtitles are kept"
            )
        elif not _format_holds(self._output.format.name, stream):
            self.skipped.append(f"{describe(stream)}: {self._output.format.name} cannot hold it")
        else:
            target = self._output.add_stream_from_template(stream)
            target.metadata.update(
                {
                    key: stream.metadata[key]
                    for key in ("language", "title")
                    if key in stream.metadata
                }
            )
            target.disposition = stream.disposition
            self._targets[stream.index] = target
            self.copied.append(describe(stream))
            assert stream.time_base is not None  # FFmpeg gives every stream of an input one
            self.time_bases.append(stream.time_base)
            # MP4 counts sound in samples, whatever the source does
            if isinstance(stream, av.AudioStream):
                self.time_bases.append(Fraction(1, stream.codec_context.sample_rate))

    def _demux(self) -> Iterator[Packet[Stream]]:
        """Packets of the tracks to copy, in the order of the file."""
        if not self._targets:
            return
        # FFmpeg's MP4 writer fills the gaps between subtitles with empty ones itself: copied, they
        # would be there twice.
        fills_gaps = self._output.format.name in ("mp4", "mov")
        chosen = [self._input.streams[index] for index in self._targets]
        demuxed: Iterator[Packet[Stream]] = self._input.demux(chosen)
        if self._input.format.name.startswith("mov"):  # other formats may hold packets compressed
            demuxed = packets_within(
                demuxed, _TIMES_READ * os.path.getsize(self._path) + _MORE_BYTES, self._path
            )
        while True:
            try:
                packet = next(demuxed, None)
            except (av.FFmpegError, ContainerError) as error:
                if self._may_end:
                    return
                if isinstance(error, ContainerError):
                    raise
                raise ContainerError(
                    f"{self._path}: sound or subtitles cannot be read ({error.strerror})"
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
        last = self._last_dts.get(index)
        assert packet.pts is not None and packet.dts is not None  # ``_demux`` sees to it
        # damaged files repeat timestamps, and muxers stop at that
        if last is not None and packet.dts <= last:
            packet.pts, packet.dts = max(packet.pts, last + 1), last + 1
        self._last_dts[index] = packet.dts
        packet.stream = self._targets[index]
        try:
            self._output.mux(packet)
        except OSError:
            raise
        except av.FFmpegError as error:
            raise ContainerError(
                f"{self._path}: track {index} cannot be copied ({error.strerror})"
            ) from error


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


def open_input(path: str | Path | SharedFile, **options: str) -> av.container.InputContainer:
    """Open a media file, or raise ``ContainerError`` with its name."""
    if not isinstance(path, SharedFile):
        check_is_file(path)
    try:
        # An absolute name, because FFmpeg takes what stands before a colon for a protocol.
        source = path.view() if isinstance(path, SharedFile) else os.path.abspath(path)
        return av.open(source, "r", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise ContainerError(
            f"{path}: not a file this program can read ({error.strerror}): check the name, or copy"
            " it again"
        ) from error


def packets_within(
    packets: Iterable[Packet[Stream]], limit: int, name: object
) -> Iterator[Packet[Stream]]:
    """Packets until they have more than ``limit`` bytes together; then ``ContainerError`` with the
    name of the file.

    Tables may lead to the same bytes any number of times: a file of 300 kB would give hundreds of
    GB.
    """
    left = limit
    for packet in packets:
        left -= packet.size
        if left < 0:
            raise ContainerError(
                f"{name}: its tables lead to the same bytes again and again: it is damaged, copy it"
                " again"
            )
        yield packet


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
