"""``videocodec.decode``: a latent-video file in, an ordinary video, y4m or pictures out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from bitstream.errors import ContainerError

from ..errors import InputError, OutputError
from ..media.disclosure import Disclosure
from ..media.provenance_overlay import draw_provenance
from ..media.sinks import keeps_rotation, open_sink, would_collide
from ..progress import Progress, ProgressCallback
from .concealment import GREY, Concealment, concealments
from .frames import PictureDecoder
from .index import StreamIndex
from .latents import LatentStream
from .span import FrameSpan


@dataclass(frozen=True)
class DecodeReport:
    """What a decode made: frames, wall-clock seconds, where, a line on every track that the
    target's format cannot hold, where the pictures with their provenance went, None if nobody asked
    for them, the runs of frames that were lost and concealed, and a line on everything else that is
    wrong with the file (it is cut short, access units are repeated or out of order).
    """

    frames: int
    decode_seconds: float
    target: str
    skipped_tracks: list[str]
    provenance_target: str | None = None
    concealed: list[Concealment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def concealed_frames(self) -> int:
        """How many of the frames stand in for lost ones."""
        return sum(run.last + 1 - run.first for run in self.concealed)


def decode(
    source: str | Path,
    target: str | Path,
    *,
    frames: str | slice | range | FrameSpan | None = None,
    provenance: str | Path | None = None,
    model: str | Path | None = None,
    force_model: bool = False,
    steps: int = 1,
    seed: int = 0,
    restore: bool = True,
    device: str = "auto",
    threads: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> DecodeReport:
    """Decode a latent-video file.

    target: .mp4, .mov or .mkv (H.264 with the stream's sound and subtitles), .y4m, "-" (y4m on
    standard output), or a pattern such as frames/%05d.png.  frames: only these, half open like
    Python's slices, by number ("100:140", ``slice(100, 140)``) or by the time when they begin
    ("3.5s:7s"), either end left out or negative to count from the end (``FrameSpan``); times in the
    target then begin at 0, and its sound is cut to match.  provenance: a second target, of any of
    these kinds, for silent pictures with a map drawn over them of what was transmitted, predicted
    and generated (``media.provenance_overlay``).  model: the bundle's name or folder, for streams
    whose model is neither installed nor attached; None finds the stream's own.  force_model: take
    ``model`` even if it is another one with as many latent channels, with a ``ForcedModelWarning``.
    restore: whether the bundle's UNet, if it has one, restores the latents, in ``steps`` DDIM
    steps; seed: of the noise that it fills generated blocks with.

    Frames that cannot be decoded, because their access unit is damaged or missing or they build on
    one that is, are concealed (``decoder.concealment``): the report lists them, and all other
    frames are what they would be without the damage.  A file that is cut short is decoded up to the
    cut.  strict: refuse all of that instead.

    What is written says in its metadata what it is (``media.disclosure``).  The targets appear
    under their names only when both are complete.  Raises ``DamagedFrameError`` or
    ``BitstreamError`` for a stream of which nothing can be decoded, with ``strict`` for one of
    which anything cannot, ``ModelMismatchError``, ``UnknownModelError``, ``InputError``,
    ``OutputExistsError``, ``OutputError``, ``DeviceError``, ``OutOfMemoryError``,
    ``FrameRangeError`` for frames that there are not, and ``ValueError`` for settings.
    """
    begin = time.monotonic()
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    span = None if frames is None else FrameSpan.of(frames)
    stream = LatentStream(source, model, force_model=force_model)
    index = stream.index()
    part = _part(index, span)
    _refuse_damage(index, part.frames, strict)
    total = len(part.frames)
    _check_outputs(source, target, provenance, total)
    decoder = PictureDecoder(stream, device, threads, steps=steps, seed=seed, restore=restore)
    ran = (steps, seed) if decoder.restores else (None, None)
    made_by = stream.bundle.name, stream.bundle.sha256
    sound = source if stream.reader.tracks else None
    count, video_bytes, video_seconds = 0, 0, 0.0
    with ExitStack() as opened:
        lost = sum(run.last + 1 - run.first for run in concealments(index, part.frames))
        disclosure = Disclosure.of(stream.header, *ran, made_by=made_by, concealed_frames=lost)
        sink = opened.enter_context(
            open_sink(
                target,
                stream.header,
                sound_from=sound,
                sound_cut=part.seconds,
                sound_may_end=not strict,
                disclosure=disclosure,
                overwrite=overwrite,
            )
        )
        sinks = [sink]
        if provenance is not None:
            disclosure = Disclosure.of(
                stream.header, *ran, has_map=True, made_by=made_by, concealed_frames=lost
            )
            sinks.append(
                opened.enter_context(
                    open_sink(provenance, stream.header, disclosure=disclosure, overwrite=overwrite)
                )
            )
            turns = stream.header.rotation if keeps_rotation(provenance) else 0
        for frame in decoder.frames(part.frames.start, part.frames.stop, conceal=not strict):
            picture, pts = frame.data.transpose(1, 2, 0), frame.pts - part.first_pts
            sink.write(picture, pts, frame.duration)
            if provenance is not None:
                sinks[1].write(
                    draw_provenance(picture, frame.provenance, turns), pts, frame.duration
                )
            count, video_bytes, video_seconds = (
                count + 1,
                video_bytes + frame.bytes,
                video_seconds + frame.duration_seconds,
            )
            if progress:
                progress(Progress(count, total, video_bytes, video_seconds))
        concealed = concealments(index, part.frames)
        if concealed and concealed[0].method == GREY:
            raise index.damage_at(0)
        for each in sinks:
            each.finish()
        for each in sinks:
            each.commit()
        skipped = list(sink.skipped_tracks)
    problems = [index.problem] if index.problem else []
    return DecodeReport(
        count,
        time.monotonic() - begin,
        str(target),
        skipped,
        None if provenance is None else str(provenance),
        concealed,
        problems + index.irregularities,
    )


@dataclass(frozen=True)
class _Part:
    """frames: numbers of those to decode.  first_pts: what to take off their timestamps, ticks.
    seconds: when they begin and end, for the sound; None where all of it is wanted.
    """

    frames: range
    first_pts: int = 0
    seconds: tuple[Fraction, Fraction] | None = None


def _part(index: StreamIndex, span: FrameSpan | None) -> _Part:
    if span is None:
        return _Part(range(len(index)))
    frames = span.resolve(index)
    first, end = int(index.pts[frames[0]]), index.end_of(frames[-1])
    base = index.header.time_base
    return _Part(frames, first, (first * base, end * base))


def _refuse_damage(index: StreamIndex, frames: range, strict: bool) -> None:
    """Before any work is done, as far as checksums tell."""
    lost = concealments(index, frames)
    if lost and lost[0].method == GREY:
        raise index.damage_at(0)
    if strict and lost:
        raise index.damage_at(lost[0].first)
    problem = index.problem or next(iter(index.irregularities), None)
    if strict and problem:
        raise ContainerError(f"{index.name}: {problem}")


def _check_outputs(
    source: str | Path, target: str | Path, provenance: str | Path | None, frames: int
) -> None:
    """Refuse what would lose the input or one of the outputs, before any work is done."""
    for output in (target, provenance):
        if (
            output is not None
            and str(output) != "-"
            and Path(output).exists()
            and Path(output).samefile(source)
        ):
            raise InputError(f"{source}: input and output are the same file: name another output")
    if provenance is not None and would_collide(target, provenance, frames):
        where = "standard output" if str(target) == "-" else "the same file"
        raise OutputError(
            f"{provenance}: picture and provenance cannot both go to {where}: name another for one"
            " of them"
        )
