"""``videocodec.decode``: a latent-video file in, an ordinary video, y4m or pictures out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from bitstream.container import FileSource, SharedFile
from bitstream.errors import ContainerError

from ..decoded import FrameKind
from ..media.options import rate_of
from ..models.files import has_text_encoder, has_upscaler
from ..progress import Progress, ProgressCallback
from ..restoration.settings import RestorationSettings
from .concealment import GREY, Concealment, concealments
from .frame import Frame
from .frames import PictureDecoder
from .index import StreamIndex
from .latents import LatentStream
from .outputs import Outputs, StreamPart, Targets
from .picture_choice import Pictures
from .span import FrameSpan


@dataclass(frozen=True)
class DecodeReport:
    """What a decode made.

    frames: how many.
    decode_seconds: wall-clock time.
    target: where.
    skipped_tracks: a line on every track that the target's format cannot hold.
    provenance_target: where the pictures with their provenance went, None if nobody asked for them.
    concealed: the runs of frames that were lost and concealed.
    problems: a line on everything else that is wrong with the file (it is cut short, access units
    are repeated or out of order).
    interpolated_frames: how many were made up for times between coded frames.
    notes: a line on everything in the file that made no difference.
    pictures: "exact" where they are the same bytes on every machine, else "float".
    """

    frames: int
    decode_seconds: float
    target: str
    skipped_tracks: list[str]
    provenance_target: str | None = None
    concealed: list[Concealment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    interpolated_frames: int = 0
    notes: list[str] = field(default_factory=list)
    pictures: str = "float"

    @property
    def concealed_frames(self) -> int:
        """How many of the frames stand in for lost ones."""
        return sum(run.frame_count for run in self.concealed)


def decode(
    source: FileSource,
    target: str | Path,
    *,
    frames: str | slice | range | FrameSpan | None = None,
    provenance: str | Path | None = None,
    fps: str | float | Fraction | None = None,
    model: str | Path | None = None,
    force_model: bool = False,
    steps: int = 1,
    seed: int = 0,
    restore: bool = True,
    device: str = "auto",
    threads: int | None = None,
    strict: bool = False,
    coded_size: bool = False,
    scale: int = 1,
    pictures: Pictures = "auto",
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> DecodeReport:
    """Decode a latent-video file, named by its path or given as its bytes.

    target: .mp4, .mov or .mkv (H.264 with the stream's sound and subtitles), .y4m, "-" (y4m on
    standard output), or a pattern such as frames/%05d.png.  frames: only these, half open like
    Python's slices, by number ("100:140", ``slice(100, 140)``) or by the time when they begin
    ("3.5s:7s"), either end left out or negative to count from the end (``FrameSpan``); times in the
    target then begin at 0, and its sound is cut to match.  provenance: a second target, of any of
    these kinds, for silent pictures with a map drawn over them of what was transmitted, predicted
    and generated (``media.provenance_overlay``).  fps: frames per second (a number, or text such as
    "60000/1001"), evenly from the first frame on, instead of those that were coded: frames between
    coded ones are made up of both (``interpolation``), never across a keyframe, a scene cut or a
    lost frame, where the coded frame goes on being shown.  model: the bundle's name or folder, for
    streams whose model is neither installed nor attached; None finds the stream's own.
    force_model: take ``model`` even if it is another one with as many latent channels, with a
    ``ForcedModelWarning``.  restore: whether the bundle's UNet, if it has one, restores the
    latents, in ``steps`` DDIM steps, and its post-filter, if it has one, filters the pictures;
    seed: of the noise that generated blocks are filled with.

    Frames that cannot be decoded, because their access unit is damaged or missing or they build on
    one that is, are concealed (``decoder.concealment``): the report lists them, and all other
    frames are what they would be without the damage.  A file that is cut short is decoded up to the
    cut.  strict: refuse all of that instead.  coded_size: pictures as they are coded, where the
    file shows them larger.  scale: 2 for twice the width and height.  What is shown at once and a
    half the coded size or more is made by a network of the model that makes up the detail, where it
    has one; else, and with exact pictures, by bicubic interpolation, which a note says at scale 2.
    pictures: "exact" has them made by the integer networks of the stream's own loop and by nothing
    else, the same bytes on every machine for ever, for streams of format version 2 that nothing
    restores; "float" by the autoencoder; "auto" takes exact ones where they can be had and networks
    run on the CPU.

    What is written says in its metadata what it is (``media.disclosure``).  The targets appear
    under their names only when both are complete.  Raises ``DamagedFrameError`` or
    ``BitstreamError`` for a stream of which nothing can be decoded, with ``strict`` for one of
    which anything cannot, ``ModelMismatchError``, ``UnknownModelError``, ``InputError``,
    ``OutputExistsError``, ``OutputError``, ``DeviceError``, ``OutOfMemoryError``,
    ``FrameRangeError`` for frames that there are not, ``InterpolationError`` for ``fps`` of which a
    stream would have more frames than anyone wants, and ``ValueError`` for settings.
    """
    begin = time.monotonic()
    settings = RestorationSettings(steps, seed, restore)
    span = None if frames is None else FrameSpan.of(frames)
    rate = None if fps is None else rate_of(fps)
    opened = SharedFile.of(source)
    stream = LatentStream(
        opened,
        model,
        force_model=force_model,
        coded_size=coded_size,
        scale=scale,
        makes_up=pictures != "exact",
    )
    index = stream.index()
    part = StreamPart.of(index, span, rate)
    _refuse_damage(index, part.frames, strict)
    targets = Targets(target, provenance, overwrite)
    targets.check(opened, part.frame_count)
    decoder = PictureDecoder(stream, device, threads, settings=settings, pictures=pictures)
    used = settings if decoder.restores else None
    made = _frames(stream, decoder, part, conceal=not strict)
    count, interpolated, video_bytes, video_seconds = 0, 0, 0, 0.0
    sound_from = opened if stream.reader.tracks else None
    with Outputs(
        targets,
        stream,
        part,
        used,
        sound_from=sound_from,
        strict=strict,
        decoder=decoder,
    ) as outputs:
        for frame in made:
            outputs.write(frame)
            count += 1
            interpolated += frame.kind == FrameKind.INTERPOLATED
            video_bytes += frame.bytes
            video_seconds += frame.duration_seconds
            if progress:
                progress(Progress(count, part.frame_count, video_bytes, video_seconds))
        concealed = concealments(index, part.frames)
        _refuse_grey(index, concealed)
        skipped = outputs.commit()
    problems = [index.problem] if index.problem else []
    return DecodeReport(
        count,
        time.monotonic() - begin,
        str(target),
        skipped,
        None if provenance is None else str(provenance),
        concealed,
        problems + index.irregularities,
        interpolated,
        _notes(stream, decoder),
        "exact" if decoder.is_exact else "float",
    )


def _notes(stream: LatentStream, decoder: PictureDecoder) -> list[str]:
    """On words that nobody was told, and on pictures that are larger but not finer."""
    notes, name = [], stream.bundle.name
    if stream.scale > 1 and not stream.makes_up_detail:
        why = f"model {name} has no network for twice the size"
        if decoder.is_exact and has_upscaler(stream.bundle.folder):
            why = "exact pictures do without the network for twice the size"
        notes.append(f"enlarged by bicubic interpolation: {why}")
    if stream.reader.captions_bytes and not decoder.follows_words:
        why = f"model {name} takes no words"
        if has_text_encoder(stream.bundle.folder):
            why = "they need restoration, and transformers to be installed"
        notes.append(f"its captions are ignored: {why}")
    return notes


def _frames(
    stream: LatentStream, decoder: PictureDecoder, part: StreamPart, *, conceal: bool
) -> Iterator[Frame]:
    """What is written of a part."""
    if part.times is None:
        return decoder.frames(part.frames.start, part.frames.stop, conceal=conceal)
    stop = part.frames.stop
    if stop < len(stream.index()) and stream.index().damage_at(stop) is None:
        stop += 1
    from ..interpolation.pictures import FramesBetween, frames_at

    between = FramesBetween(stream, decoder)
    return frames_at(between, part.times, range(part.frames.start, stop), conceal=conceal)


def _refuse_damage(index: StreamIndex, frames: range, strict: bool) -> None:
    """Before any work is done, as far as checksums tell."""
    lost = concealments(index, frames)
    _refuse_grey(index, lost)
    damage = index.damage_at(lost[0].first) if strict and lost else None
    if damage is not None:
        raise damage
    problem = index.problem or next(iter(index.irregularities), None)
    if strict and problem:
        raise ContainerError(f"{index.name}: {problem}")


def _refuse_grey(index: StreamIndex, lost: list[Concealment]) -> None:
    """A stream of which nothing can be decoded is not worth a file."""
    damage = index.damage_at(0) if lost and lost[0].method == GREY else None
    if damage is not None:
        raise damage
