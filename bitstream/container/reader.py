"""Reads a latent-video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from ..access_unit import MAX_DURATION, MAX_PTS, checksum_holds, peek_frame_count, peek_is_keyframe
from ..errors import BitstreamError, ContainerError, UnsupportedVersionError
from ..fields import ByteReader
from ..group_structure import MAX_FRAMES
from ..sequence_header import SequenceHeader
from .attached_model import AttachedModel
from .boxes import read_layout
from .captions import Caption, read_captions
from .first_look import begins_with_a_box, holds_keyframe
from .labels import Labels
from .latent_track import (
    KEEP_ALL_SAMPLES,
    begins_keyframe,
    find_latent_track,
    intact_keyframe,
    not_ours,
)
from .media_input import LATENT_CODEC, MP4_ALONE, open_input, packets_within
from .samples import Sample, UnitInfo
from .shared_file import SharedFile
from .track_header import Size, magnification_problem
from .tracks import describe

# Of a file that is none, only what kind it is matters; formats that open other files and addresses,
# such as playlists, stay out.
_OTHER_FORMATS = (
    "matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,wav,aiff,mp3,aac,flac,ac3,nut,ivf,yuv4mpegpipe,gif,"
    "h264,hevc,obu,png_pipe,jpeg_pipe"
)


class StreamReader:
    """Reads the access units of a latent-video file.

    path: as given; an open file goes as a ``SharedFile``.
    header: of the first access unit or, if that is damaged, of the first keyframe that is not.
    header_is_intact: whether one has a checksum that holds, so that the header can be relied on.
    tracks: a line on every copied track.  audio_tracks: how many of them are sound.
    container_bytes: of the file without copied tracks and the attached model; attached_model_bytes.
    declared_end_seconds: of the last frame, by the container's tables; None where they say nothing.
    labels: tags, chapters and titles of tracks.
    captions_bytes: what the box of the captions takes of the file, 0 if there is none.

    Raises ``ContainerError`` if the file is missing, not MP4, has no latent track, or no header
    that can be read; ``UnsupportedVersionError`` for a newer format.  A file that is cut short
    opens, if its tables are there, and the error comes when ``units`` or ``index`` get to the cut.
    Both read the file anew every time.
    """

    def __init__(self, path: str | Path | SharedFile) -> None:
        self.path = path
        if not begins_with_a_box(path):
            raise ContainerError(_of_another_format(path))
        with _sent_to_repair(path):
            # first of all: it looks for tables that FFmpeg would believe
            self._layout = read_layout(path)
            opened = open_input(path, **KEEP_ALL_SAMPLES, **MP4_ALONE)
        with opened as container:
            self._stream_index, first = find_latent_track(path, container, self._layout.file_bytes)
            copied = [one for one in container.streams if getattr(one, "name", "") != LATENT_CODEC]
            self.tracks = [describe(stream) for stream in copied]
            track = container.streams[self._stream_index]
            self.declared_end_seconds = None
            if track.duration and track.time_base:
                self.declared_end_seconds = float(
                    ((track.start_time or 0) + track.duration) * track.time_base
                )
            self.labels = Labels.of(container, track)
            self.audio_tracks = sum(stream.type == "audio" for stream in copied)
        self.header_is_intact = begins_keyframe(first) and checksum_holds(first)
        if (
            not self.header_is_intact
            and (keyframe := intact_keyframe(path, self._stream_index, self._layout.file_bytes))
            is not None
        ):
            first, self.header_is_intact = keyframe, True
        try:
            self.header = SequenceHeader.parse(ByteReader(first, offset=1))
        except BitstreamError as error:
            # A flipped bit must not send anyone looking for a newer version.
            if isinstance(error, UnsupportedVersionError) and self.header_is_intact:
                raise UnsupportedVersionError(f"{path}: {error}") from error
            raise ContainerError(
                f"{path}: the first access unit is damaged ({error}), and no keyframe is whole:"
                " copy the file again"
            ) from error

    @property
    def container_bytes(self) -> int:
        """Size of the file less the samples and tables of the copied tracks, and less the attached
        model.
        """
        others = [
            track for index, track in enumerate(self._layout.tracks) if index != self._stream_index
        ]
        tracks = sum(track.table_bytes + track.payload_bytes for track in others)
        # of a file cut short, samples are not all there
        return max(0, self._layout.file_bytes - tracks - self.attached_model_bytes)

    @property
    def coded_size(self) -> Size:
        """Width and height of the pictures that the stream codes, px."""
        return self.header.width, self.header.height

    @property
    def shown_size(self) -> Size:
        """Width and height at which they are shown, px: what the track's header says, or else
        ``coded_size``.
        """
        declared = self._declared_size
        return self.coded_size if declared is None or self.size_problem else declared

    @property
    def larger_size(self) -> Size | None:
        """``shown_size`` where it is another than ``coded_size``."""
        return None if self.shown_size == self.coded_size else self.shown_size

    @property
    def size_problem(self) -> str | None:
        """What is wrong with the size in the track's header, a line; None if nothing is."""
        declared = self._declared_size
        return declared and magnification_problem(declared, self.coded_size)

    @property
    def _declared_size(self) -> Size | None:
        tracks = self._layout.tracks
        return tracks[self._stream_index].declared if self._stream_index < len(tracks) else None

    @property
    def attached_model_bytes(self) -> int:
        """What the box of an attached model takes of the file; 0 if there is none."""
        box = self._layout.attached_model
        return 0 if box is None else box.box_bytes

    def attached_model(self) -> AttachedModel | None:
        """The files of the model that is attached to the file, None if there is none.

        Raises ``AttachedModelError``.
        """
        box = self._layout.attached_model
        return None if box is None else AttachedModel(self.path, box)

    @property
    def captions_bytes(self) -> int:
        """What the box of the captions takes of the file; 0 if there is none."""
        box = self._layout.captions
        return 0 if box is None else box.box_bytes

    def captions(self) -> tuple[Caption, ...]:
        """The words that say what is to be seen, in order.  Raises ``CaptionsError``."""
        box = self._layout.captions
        return () if box is None else read_captions(self.path, box)

    def units(self) -> Iterator[Sample]:
        """The access units in order.

        Raises ``ContainerError`` at the place where the file is cut short or unreadable.
        """
        with open_input(self.path, **KEEP_ALL_SAMPLES, **MP4_ALONE) as container:
            stream = container.streams[self._stream_index]
            for other in container.streams:
                if other.index != stream.index:
                    # or a cut in the sound would end the reading of the units too
                    other.discard = av.stream.Discard.all
            expected, index = stream.frames, 0
            demuxed = packets_within(container.demux(stream), self._layout.file_bytes, self.path)
            while True:
                try:
                    packet = next(demuxed, None)
                except (av.FFmpegError, OSError) as error:
                    raise ContainerError(
                        f"{self.path}: cannot be read after access unit {index} of {expected}"
                        f" ({error})"
                    ) from error
                if packet is None or packet.is_corrupt:
                    break
                if packet.dts is None:
                    continue  # the empty packet that ends the demuxing
                yield self._sample(packet, index)
                index += 1
        if index < expected or not self._layout.is_whole:
            count = f"{index} of {expected} access units are there"
            raise ContainerError(
                f"{self.path}: the file is cut short: {count}: copy it again, or videocodec repair"
                " keeps those"
            )

    def index(self) -> tuple[UnitInfo, ...]:
        """What is known of every access unit, without keeping their bytes.  Raises like
        ``units``.
        """
        return tuple(
            UnitInfo(
                unit.pts,
                unit.duration,
                len(unit.data),
                peek_is_keyframe(unit.data),
                peek_frame_count(unit.data),
            )
            for unit in self.units()
        )

    def close(self) -> None:
        """Nothing stays open between calls; here so that a reader can be used like a file."""

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _sample(self, packet: av.Packet[av.stream.Stream], index: int) -> Sample:
        scale = Fraction(packet.time_base) / self.header.time_base
        time = packet.dts if packet.pts is None else packet.pts
        if time is None:
            raise ContainerError(f"{self.path}: sample {index} has no time")
        # Tables and time bases of strangers make times that no access unit can have, and that fit
        # no integer of the index.
        pts, duration = (
            min(max(round(time * scale), -MAX_PTS), MAX_PTS),
            min(max(round((packet.duration or 0) * scale), 0), MAX_FRAMES * MAX_DURATION),
        )
        return Sample(bytes(packet), pts, duration, index, -1 if packet.pos is None else packet.pos)


def _of_another_format(path: str | Path | SharedFile) -> str:
    """What a file that does not begin as MP4 files do is."""
    with _sent_to_repair(path):
        if holds_keyframe(path):
            raise ContainerError(f"{path}: its beginning is damaged")
        with open_input(path, format_whitelist=_OTHER_FORMATS) as container:
            return not_ours(path, container, f"not an MP4 file but {container.format.long_name}")


@contextmanager
def _sent_to_repair(path: str | Path | SharedFile) -> Iterator[None]:
    """A file whose tables are gone is sent to be repaired, if there is something to recover."""
    try:
        yield
    except ContainerError as error:
        if holds_keyframe(path):
            raise ContainerError(
                f"{path}: its tables are missing or damaged, but access units are there: videocodec"
                f" repair {path} OUTPUT recovers them"
            ) from error
        raise
