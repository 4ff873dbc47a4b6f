"""The files that a decode writes: pictures, and perhaps pictures with their provenance."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from bitstream.container import Labels, SharedFile
from bitstream.sequence_header import SequenceHeader

from ..errors import InputError, InterpolationError, OutputError
from ..interpolation.clock import EvenTimes
from ..media.container_sink import CopiedTracks
from ..media.disclosure import Disclosure
from ..media.frame_sink import FrameSink
from ..media.provenance_overlay import draw_provenance
from ..media.sinks import keeps_rotation, open_sink, would_collide
from ..restoration.settings import RestorationSettings
from .concealment import concealments
from .frame import Frame
from .frames import PictureDecoder
from .index import StreamIndex
from .latents import LatentStream
from .span import FrameSpan

# Of an output: 77 hours at 60 frames per second.  Times in damaged files may be anything.
_MOST_FRAMES = 1 << 24


@dataclass(frozen=True)
class StreamPart:
    """frames: numbers of those to decode.  first_pts: what to take off their timestamps, ticks.
    seconds: when they begin and end, for the sound; None where all of it is wanted.
    times: even ones to show them at instead of their own, whose ticks ``first_pts`` then is in.
    """

    frames: range
    first_pts: int = 0
    seconds: tuple[Fraction, Fraction] | None = None
    times: EvenTimes | None = None

    @classmethod
    def of(
        cls, index: StreamIndex, span: FrameSpan | None, fps: Fraction | None = None
    ) -> StreamPart:
        """The part of a stream that a span names, None for all of it, at ``fps`` frames per second,
        None for their own times.
        """
        frames = range(len(index)) if span is None else span.resolve(index)
        first, end = int(index.pts[frames[0]]), index.end_of(frames[-1])
        base = index.header.time_base
        seconds = first * base, end * base
        times = None if fps is None else EvenTimes(*seconds, fps)
        if times is not None and times.count > _MOST_FRAMES:
            raise InterpolationError(
                f"{index.name}: lasts {float(end * base - first * base):g} s, which are"
                f" {times.count} frames at {fps} a second: name a part or another rate"
            )
        if span is None:
            return cls(frames, times=times)
        return cls(frames, first if times is None else times.ticks(seconds[0]), seconds, times)

    @property
    def frame_count(self) -> int:
        """How many frames are written."""
        return len(self.frames) if self.times is None else self.times.count

    def header(self, header: SequenceHeader) -> SequenceHeader:
        """What the targets are told of the stream."""
        return header if self.times is None else self.times.header(header)


@dataclass(frozen=True)
class Targets:
    """Where to write: pictures, and pictures with their provenance, None for none."""

    pictures: str | Path
    provenance: str | Path | None
    overwrite: bool

    def check(self, source: str | Path | SharedFile, frames: int) -> None:
        """Refuse what would lose the input or one of the outputs, before any work is done."""
        for output in (self.pictures, self.provenance):
            if (
                output is not None
                and not isinstance(source, SharedFile)
                and str(output) != "-"
                and Path(output).exists()
                and Path(output).samefile(source)
            ):
                raise InputError(
                    f"{source}: input and output are the same file: name another output"
                )
        if self.provenance is not None and would_collide(self.pictures, self.provenance, frames):
            place = "standard output" if str(self.pictures) == "-" else "the same file"
            raise OutputError(
                f"{self.provenance}: picture and provenance cannot both go to {place}: name another"
                " for one of them"
            )


class Outputs:
    """The open targets of one decode.  Use it as a context manager: what was not committed is gone.

    settings: of the restoration that pictures went through, None for none.
    decoder: what makes the pictures.
    sound_from: the file whose other tracks go along with the pictures, None for none.
    """

    def __init__(
        self,
        targets: Targets,
        stream: LatentStream,
        part: StreamPart,
        settings: RestorationSettings | None,
        *,
        sound_from: str | Path | SharedFile | None,
        strict: bool,
        decoder: PictureDecoder,
    ) -> None:
        self._first_pts, self._turns = part.first_pts, 0
        ran = (None, None) if settings is None else (settings.steps, settings.seed)
        lost = sum(run.frame_count for run in concealments(stream.index(), part.frames))
        header = part.header(stream.shown)
        disclosure = Disclosure.of(
            stream.header,
            *ran,
            made_by=(stream.bundle.name, stream.bundle.sha256),
            concealed_frames=lost,
            fps=None if part.times is None else part.times.rate,
        )
        disclosure = replace(
            disclosure, follows_words=decoder.follows_words, is_exact=decoder.is_exact
        )
        if stream.makes_up_detail:
            disclosure = disclosure.enlarged()
        self._provenance: FrameSink | None = None
        tracks = None
        if sound_from is not None:
            tracks = CopiedTracks(sound_from, part.seconds, may_end=not strict)
        with ExitStack() as opened:
            self._pictures = opened.enter_context(
                open_sink(
                    targets.pictures,
                    header,
                    tracks=tracks,
                    labels=_labels_of(stream, part),
                    disclosure=disclosure,
                    overwrite=targets.overwrite,
                    threads=decoder.threads,
                )
            )
            if targets.provenance is not None:
                self._provenance = opened.enter_context(
                    open_sink(
                        targets.provenance,
                        header,
                        disclosure=replace(disclosure, has_map=True),
                        overwrite=targets.overwrite,
                        threads=decoder.threads,
                    )
                )
                if keeps_rotation(targets.provenance):
                    self._turns = stream.header.rotation
            self._opened = opened.pop_all()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def write(self, frame: Frame) -> None:
        """Add a frame to all targets."""
        picture, pts = frame.data.transpose(1, 2, 0), frame.pts - self._first_pts
        self._pictures.write(picture, pts, frame.duration)
        if self._provenance is not None:
            drawn = draw_provenance(picture, frame.provenance, self._turns)
            self._provenance.write(drawn, pts, frame.duration)

    def commit(self) -> list[str]:
        """Complete all targets, or none → tracks that the first one's format cannot hold."""
        sinks = [sink for sink in (self._pictures, self._provenance) if sink is not None]
        for sink in sinks:
            sink.finish()
        for sink in sinks:
            sink.commit()
        return list(self._pictures.skipped_tracks)


def _labels_of(stream: LatentStream, part: StreamPart) -> Labels:
    """Tags and chapters of the part that is decoded."""
    labels = stream.reader.labels
    return labels if part.seconds is None else labels.cut(*part.seconds)
