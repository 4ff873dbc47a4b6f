"""Finished chunks become a file: their units in order, sound and subtitles, an attached model, and
the report on it all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from bitstream.container import Caption, CopySource, Labels, StreamReader, StreamWriter
from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader

from ..errors import OutputError, SettingsError
from ..guard import GuardFindings, GuardLimit, GuardMap, square_grid
from ..media.frame_sink import output_errors
from ..models.attached import attachable_files
from ..models.bundle import ModelBundle
from ..models.files import has_text_encoder
from .chunk_file import ChunkKeeper
from .coded_video import Outcome
from .peak_rate import peak
from .report import EncodeReport
from .settings import EncoderSettings


@dataclass(frozen=True)
class FileParts:
    """What a file holds beside its coded chunks.

    source: where sound and subtitles are copied from, None for a still picture.
    source_bytes: its size.  is_cut: whether sound ends with the video rather than with the source.
    bundle: the model of the stream.  attached: its files, if they go into the file.
    may_end: whether sound and subtitles end where they cannot be read on, rather than fail.
    labels: tags and chapters of the file.
    captions: words of the file.
    shown_size: width and height at which its pictures are shown, px; None for the coded ones.
    """

    source: CopySource | None
    source_bytes: int
    is_cut: bool
    header: SequenceHeader
    bundle: ModelBundle
    attached: list[tuple[str, Path]] | None
    may_end: bool = False
    labels: Labels = field(default_factory=Labels)
    captions: tuple[Caption, ...] = ()
    shown_size: tuple[int, int] | None = None

    @staticmethod
    def files_of(bundle: ModelBundle, *, attach: bool) -> list[tuple[str, Path]] | None:
        """``attached``.  Raises ``UnknownModelError`` for files that cannot be: before hours of
        work, if it is asked early.
        """
        return attachable_files(bundle) if attach else None


@dataclass(frozen=True)
class Written:
    """What did not get into a file: tracks that MP4 cannot hold, and what could not be read, a line
    each.
    """

    skipped_tracks: list[str]
    problems: list[str]


def write_file(target: Path, parts: FileParts, outcome: Outcome, kept: ChunkKeeper) -> Written:
    """Write the whole file, which appears under its name when it is complete.

    Raises ``OutputError``, also where a chunk is not kept any more.
    """
    with (
        output_errors(target),
        StreamWriter(
            target,
            parts.header.time_base,
            copy_from=parts.source,
            tracks_end_with_video=parts.is_cut,
            copy_may_end=parts.may_end,
            labels=parts.labels,
            shown_size=parts.shown_size,
        ) as writer,
    ):
        writer.attach_captions(parts.captions)
        if parts.attached is not None:
            writer.attach_model(parts.attached, parts.bundle.sha256)
        for task in outcome.coded.tasks:
            chunks = kept.load(task)
            if chunks is None:
                raise OutputError(
                    f"{target}: a finished chunk was lost, of frames from {task.chunk.first} on:"
                    " check the disk"
                )
            for unit, data in zip(chunks[0].units, chunks[0].access_units(), strict=True):
                writer.write(data, unit.first_pts, sum(unit.durations))
        writer.commit()
        return Written(list(writer.skipped_tracks), list(writer.problems))


def report_on(
    target: Path,
    parts: FileParts,
    outcome: Outcome,
    *,
    begin: float,
    written: Written,
    warnings: list[str],
    guard: GuardFindings | None = None,
) -> EncodeReport:
    """The report on a written file.

    begin: when work on it began, by ``time.monotonic``.  written: what ``write_file`` gave.
    warnings: lines beside those of the outcome.  guard: what became of one.
    """
    coded, header = outcome.coded, parts.header
    width, height = parts.shown_size or (header.width, header.height)
    seconds = float(coded.ticks * header.time_base)
    with StreamReader(target) as reader:
        container_bytes, attached_model_bytes = reader.container_bytes, reader.attached_model_bytes
        video_bytes = coded.size + reader.captions_bytes
    return EncodeReport(
        frames=sum(task.chunk.frames for task in coded.tasks),
        keyframes=len(coded.tasks),
        width=width,
        height=height,
        coded_width=header.width,
        coded_height=header.height,
        duration_seconds=seconds,
        video_bytes=video_bytes,
        container_bytes=container_bytes,
        attached_model_bytes=attached_model_bytes,
        video_bitrate_bps=video_bytes * 8 / seconds,
        peak_bitrate_bps=float(peak(coded.frames, header.time_base)),
        source_bytes=parts.source_bytes,
        encode_seconds=time.monotonic() - begin,
        model_name=parts.bundle.name,
        crf=outcome.crf,
        passes=outcome.passes,
        skipped_tracks=written.skipped_tracks,
        warnings=[
            *outcome.warnings,
            *warnings,
            *warnings_of_late_captions(parts.captions, coded.end * header.time_base),
        ],
        losses=written.problems,
        guard=guard,
    )


def check_guard(settings: EncoderSettings, bundle: ModelBundle) -> None:
    """Raise ``SettingsError`` for a guard with a model whose decoded pictures the encoder cannot
    see.
    """
    if settings.guard is not None and bundle.has_unet:
        raise SettingsError(
            f"no guard with model {bundle.name}: its UNet makes of a frame what also depends on"
            " frames after it, take a model without one"
        )


def guard_map(
    outcome: Outcome, header: SequenceHeader, settings: EncoderSettings
) -> GuardMap | None:
    """Which squares of the whole video do not hold, None without a guard."""
    if settings.guard is None:
        return None
    grid = square_grid(header.height, header.width)
    frames = [
        np.unpackbits(np.frombuffer(bytes.fromhex(unheld), np.uint8), count=grid[0] * grid[1])
        for units in outcome.coded.units
        for unit in units
        for unheld in unit.unheld
    ]
    return GuardMap(GuardLimit.parse(settings.guard), np.array(frames, bool).reshape(-1, *grid))


def warnings_of_draft(header: SequenceHeader) -> list[str]:
    """A warning where the stream is of a version of the format that is not frozen."""
    if format_of(header.format_version).is_frozen:
        return []
    return [
        f"format version {header.format_version} is a draft: later versions of this program may"
        " refuse the file, so keep the source"
    ]


def warnings_of_captions(captions: tuple[Caption, ...], bundle: ModelBundle) -> list[str]:
    """A warning where there are words and nobody to be told them."""
    if not captions or has_text_encoder(bundle.folder):
        return []
    return [
        f"model {bundle.name} takes no words: captions are kept in the file, and do nothing to its"
        " pictures"
    ]


def warnings_of_late_captions(captions: tuple[Caption, ...], end: Fraction) -> list[str]:
    """A warning where words begin at or after the second at which the video ends."""
    late = next((caption.begin for caption in captions if caption.begin >= end), None)
    if late is None:
        return []
    return [
        f"captions from {float(late):g} s on are never shown: the video ends at {float(end):g} s"
    ]


def warnings_of_generation(generation: float | None, bundle: ModelBundle) -> list[str]:
    """A warning where blocks are left to be made up and nobody is there to do so."""
    if generation in (None, 1) or bundle.has_unet:
        return []
    return [
        f"model {bundle.name} has no UNet: blocks left to be made up are shown as they were"
        " predicted"
    ]
