"""Writes a latent-video file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from ..errors import AttachedModelError, ContainerError
from .attached_model import append_model
from .captions import Caption, captions_box
from .labels import Labels
from .media_input import LATENT_CODEC
from .track_header import Size, declare_size
from .tracks import CopySource, TrackCopier
from .unfinished import Unfinished

MAX_TIMESCALE = 1_000_000  # of the latent track; finer ones would leave too little of MAX_STEP
MAX_MOVIE_TIMESCALE = (1 << 31) - 1
MAX_PTS = 1 << 61  # ticks of the track
MAX_STEP = 1 << 30  # ticks from unit to unit; FFmpeg's writer silently replaces larger ones by 1

# Interleaving in pieces of this length keeps the tables of positions short: a piece is one entry
# per track.
_CHUNK_MICROSECONDS = 4_000_000


class StreamWriter:
    """Writes access units into an MP4 file, with the sound and subtitles of ``copy_from`` next to
    them.

    ``time_base`` is that of the timestamps given to ``write``, seconds per tick.  The file is
    written beside its target under a hidden name; ``commit`` moves it over the target, and leaving
    the context without that removes it.  With ``tracks_end_with_video`` copied tracks stop where
    the last access unit ends, with ``copy_may_end`` where ``copy_from`` cannot be read on.
    ``labels`` are tags and chapters of the file.  ``shown_size``: width and height at which its
    pictures are shown, None for those that they are coded at.

    ``skipped_tracks`` describes, a line each, the tracks of ``copy_from`` that were left out.
    Raises ``ContainerError`` if ``copy_from`` cannot be read, ``OSError`` if the file cannot be
    written.
    """

    def __init__(
        self,
        path: str | Path,
        time_base: Fraction,
        *,
        copy_from: str | Path | CopySource | None = None,
        tracks_end_with_video: bool = False,
        copy_may_end: bool = False,
        labels: Labels | None = None,
        shown_size: Size | None = None,
    ) -> None:
        self.path, self._shown_size = Path(path), shown_size
        self._time_base = Fraction(time_base)
        self._tracks_end_with_video = tracks_end_with_video
        self._last_pts: int | None = None
        self._last_ticks = 0
        self._end = Fraction(0)
        self._copier: TrackCopier | None = None
        self._model: tuple[Sequence[tuple[str, Path]], str] | None = None
        self._captions = b""
        # FFmpeg opens it at the first packet: too late to say that it cannot
        self._unfinished = Unfinished(self.path)
        options = {
            "movflags": "+faststart",
            "fflags": "+bitexact",
            "empty_hdlr_name": "1",
            "write_btrt": "0",  # the copied tracks have theirs, if any
            "chunk_duration": str(_CHUNK_MICROSECONDS),
        }
        self._output: av.container.OutputContainer | None = None
        try:
            self._output = av.open(
                os.path.abspath(self._unfinished.path), "w", format="mp4", container_options=options
            )
            if labels is not None:
                labels.write(self._output)
            self._stream = self._output.add_data_stream(LATENT_CODEC)
            if labels is not None:
                self._stream.metadata.update(labels.track_tags)
            self._track_time_base = _track_time_base(self._time_base)
            self._stream.time_base = self._track_time_base
            if copy_from is not None:
                self._copier = TrackCopier(copy_from, self._output, may_end=copy_may_end)
            timescale = movie_timescale(
                [self._track_time_base, *(self._copier.time_bases if self._copier else ())]
            )
            # Read by PyAV at the first packet only, so that it can depend on the tracks.
            self._output.container_options["movie_timescale"] = str(timescale)
        except BaseException:
            self._abandon()
            raise

    @property
    def skipped_tracks(self) -> list[str]:
        """Tracks that were left out, a line each."""
        return self._copier.skipped if self._copier else []

    @property
    def problems(self) -> list[str]:
        """What of the copied tracks was lost (``TrackCopier``), a line each."""
        return self._copier.problems if self._copier else []

    def write(self, unit: bytes, pts: int, duration: int) -> None:
        """Add an access unit shown from ``pts`` on for ``duration`` ticks.

        ``pts`` must grow from unit to unit.
        """
        scale = self._time_base / self._track_time_base
        ticks, length = round(pts * scale), max(1, round(duration * scale))
        if self._last_pts is not None and pts <= self._last_pts:
            raise ValueError(f"pts must grow from unit to unit, got {pts} after {self._last_pts}")
        if duration < 1:
            raise ValueError(f"duration must be at least one tick, got {duration}")
        if (
            abs(ticks) > MAX_PTS
            or length > MAX_STEP
            or (ticks - self._last_ticks > MAX_STEP and self._last_pts is not None)
        ):
            raise ContainerError(
                f"{self.path}: MP4 cannot hold what lies at {float(pts * self._time_base):.3f} s:"
                " times and gaps between frames there are at most"
                f" {float(MAX_STEP * self._track_time_base):.0f} s apart: cut the video before it"
            )
        self._last_pts, self._last_ticks = pts, ticks
        self._end = (pts + duration) * self._time_base
        if self._copier is not None:
            self._copier.copy_until(pts * self._time_base)
        packet = av.Packet(unit)
        packet.stream, packet.time_base = self._stream, self._track_time_base
        packet.pts = packet.dts = ticks
        packet.duration = length
        packet.is_keyframe = True
        assert self._output is not None  # opened in __init__
        try:
            self._output.mux(packet)
        except OSError:
            raise
        except av.FFmpegError as error:
            raise ContainerError(f"{self.path}: cannot be written ({error.strerror})") from error

    def attach_model(self, files: Sequence[tuple[str, Path]], sha256: str) -> None:
        """Have ``commit`` append the files of a model, names in its bundle and where they lie,
        which must have that identity; otherwise it raises ``ContainerError``.
        """
        self._model = (files, sha256)

    def attach_captions(self, captions: Sequence[Caption]) -> None:
        """Have ``commit`` append these words.  Raises ``CaptionsError`` for more than a file
        holds.
        """
        self._captions = captions_box(captions)

    def commit(self) -> None:
        """Finish the file and move it over the target.

        ``ValueError`` if no access unit was written.
        """
        if self._last_pts is None:
            raise ValueError("no access unit was written")
        assert self._output is not None  # opened in __init__
        try:
            if self._copier is not None:
                self._copier.finish(self._end if self._tracks_end_with_video else None)
            track = self._stream.index
            self._output.close()
            if self._shown_size is not None:
                declare_size(self._unfinished.path, track, self._shown_size)
            if self._captions:
                with self._unfinished.path.open("ab") as file:
                    file.write(self._captions)
            if self._model is not None:
                self._append_model(*self._model)
            self._unfinished.replace(self.path)
        except BaseException:
            self._abandon()
            raise

    def close(self) -> None:
        """Without ``commit`` before: remove what was written."""
        if self._unfinished.path.exists():
            self._abandon()

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append_model(self, files: Sequence[tuple[str, Path]], sha256: str) -> None:
        try:
            append_model(self._unfinished.path, files, sha256)
        except AttachedModelError as error:
            raise ContainerError(f"{self.path}: the model cannot be attached: {error}") from error

    def _abandon(self) -> None:
        try:
            if self._copier is not None:
                self._copier.close()
            if self._output is not None:
                self._output.close()
        except (av.FFmpegError, OSError):
            pass  # the file goes anyway, and what went wrong before matters more
        finally:
            self._unfinished.remove()


def _track_time_base(time_base: Fraction) -> Fraction:
    """Time base of the latent track: MP4 knows 1/n only, which holds every multiple of it
    exactly.
    """
    return Fraction(1, min(time_base.denominator, MAX_TIMESCALE))


def movie_timescale(time_bases: list[Fraction]) -> int:
    """A time scale in which the start of every track is a whole number.

    FFmpeg writes it with the resolution of the movie header, whose default is a millisecond: too
    coarse to be exact.
    """
    timescale = math.lcm(*(time_base.denominator for time_base in time_bases))
    return timescale if timescale <= MAX_MOVIE_TIMESCALE else time_bases[0].denominator
