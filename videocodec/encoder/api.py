"""``videocodec.encode``: a video file in, a latent-video file out."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bitstream.container import StreamReader, StreamWriter

from ..errors import InputError, OutputError, UnknownModelError
from ..media.frame_sink import check_target, output_errors
from ..media.source import VideoSource
from ..models.attached import attachable_files
from ..models.bundle import ModelBundle
from ..progress import ProgressCallback
from .chunk_store import ChunkStore, manifest
from .peak_rate import peak
from .pipeline import Coded, Encoding, Outcome, planned_chunks, sequence_header
from .settings import DEFAULT_CRF, DEFAULT_GOP_SIZE, EncoderSettings, Preset
from .workers import Workplace, start_workers

TARGET_SUFFIXES = (".mp4", ".m4v")
_LATENT_MEMORY = 256 << 20  # bytes a process may keep for the later passes of rate control


@dataclass(frozen=True)
class EncodeReport:
    """What an encode made: frames, keyframes, size in pixels, seconds of video, bytes of the coded
    video alone, bytes the file would weigh without audio and attached model, bytes of the latter (0
    without one), the most bits in any second (``encoder.peak_rate`` defines it), the source's
    bytes, wall-clock seconds, the crf it was coded for (with a bitrate or size as target the one
    found, and no whole number), passes over the video, tracks that MP4 cannot hold, and warnings, a
    line each.
    """

    frames: int
    keyframes: int
    width: int
    height: int
    duration_seconds: float
    video_bytes: int
    container_bytes: int
    attached_model_bytes: int
    video_bitrate_bps: float
    peak_bitrate_bps: float
    source_bytes: int
    encode_seconds: float
    model_name: str
    crf: float
    passes: int
    skipped_tracks: list[str]
    warnings: list[str]


def encode(
    source: str | Path,
    target: str | Path,
    *,
    crf: int | None = None,
    bitrate: float | None = None,
    target_size: float | None = None,
    maxrate: float | None = None,
    preset: Preset = "medium",
    gop_size: int = DEFAULT_GOP_SIZE,
    generation: float | None = None,
    perceptual: str | Path | None = None,
    max_frames: int | None = None,
    model: str | Path = "embedded",
    embed_model: bool = False,
    device: str = "auto",
    threads: int | None = None,
    jobs: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> EncodeReport:
    """Encode any video or picture PyAV can decode into a latent-video file (MP4).

    Quality or size, one of them: crf 0..63, lower is better (28 if none is given); bitrate, bits
    per second of the video alone; target_size, bytes of the file without its sound and attached
    model.  The latter two take several passes.  maxrate: bits that no second of video exceeds, with
    any of them.  What cannot be reached is written as near as possible, with a warning in the
    report.

    preset: ultrafast to placebo, named as x264 does.  gop_size: longest distance of keyframes in
    frames.  max_frames: stop after so many. generation: what share of its error the model's UNet is
    trusted to leave in a block that is not sent but left to it to make up, 0..1; at 1 no block is.
    None: presets from slow on run the UNet, if there is one, to find out block by block; others
    leave it none. perceptual: safetensors file with the weights of LPIPS with SqueezeNet 1.1 (Zhang
    et al. 2018).  The encoder looks through it at what becomes of frames, with presets up to fast
    of keyframes only, and sends latents that look better for as many bytes, at a fifth of the
    speed; None: it aims at the source's latents. model: a bundle's name or folder.  embed_model:
    attach the bundle to the file, which then decodes where nobody has it.  threads: CPU threads of
    the networks.  jobs: processes that share the work between keyframes; the bytes are the same for
    any number, and a script must call with ``jobs`` under ``if __name__ == "__main__"``. progress:
    called after every access unit.

    target must end in .mp4 or .m4v, and appears under its name only when it is complete.  Until
    then finished parts, from keyframe to keyframe, are kept in the folder ``TARGET.chunks``; after
    an interruption ``resume`` goes on with them, if source and settings are the same, and gives the
    same bytes.

    Raises ``InputError`` (``UnsupportedInputError`` for HDR, alpha and more than 8 bits),
    ``OutputExistsError``, ``OutputError``, ``ResumeError``, ``UnknownModelError``, ``DeviceError``,
    ``OutOfMemoryError``, ``WorkerError``, and ``ValueError`` for settings. An exception after which
    there is something to resume says so in its notes (``__notes__``).
    """
    begin = time.monotonic()
    if sum(value is not None for value in (crf, bitrate, target_size)) > 1:
        raise ValueError("crf, bitrate and target_size exclude each other: give one")
    settings = EncoderSettings(
        crf=DEFAULT_CRF if crf is None else crf,
        preset=preset,
        gop_size=gop_size,
        generation=generation,
    )
    for name, value in (("bitrate", bitrate), ("target_size", target_size), ("maxrate", maxrate)):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 1e15
        ):
            raise ValueError(f"{name} must be a number of at least 1, got {value!r}")
    if maxrate is not None:
        maxrate = int(maxrate)
    for name, value in (("max_frames", max_frames), ("threads", threads), ("jobs", jobs)):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < 1
        ):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    source, target = Path(source), Path(target)
    perceptual = None if perceptual is None else Path(perceptual)
    _check_target(source, target, overwrite)
    bundle = ModelBundle.find(model)
    attached = attachable_files(bundle) if embed_model else None  # before hours of work
    with VideoSource(source, max_frames=max_frames) as video:
        source_bytes = os.path.getsize(source)  # now: in the end it may be gone
        header = sequence_header(video, bundle, settings)
        rated = bitrate is not None or target_size is not None
        workplace = Workplace(
            source,
            max_frames,
            bundle,
            header,
            device,
            threads,
            _LATENT_MEMORY if rated else 0,
            perceptual,
        )
        asked = {
            "bitrate": bitrate,
            "target_size": target_size,
            "maxrate": maxrate,
            "max_frames": max_frames,
            "device": device,
        }
        if perceptual is not None:
            asked["perceptual_sha256"] = _identity_of_weights(perceptual)
        contents = manifest(source, settings, bundle.sha256, **asked)
        # Workers first: in a script that forgot its guard they fail, before a second copy of the
        # script lays hands on the folder.
        with (
            start_workers(workplace, jobs) as workers,
            ChunkStore(target, contents, resume=resume) as store,
            _kept(store),
        ):
            total = min((n for n in (video.frame_count_hint, max_frames) if n), default=None)
            planned = planned_chunks(video, header, settings)
            encoding = Encoding(
                workers, store, planned, settings, header.time_base, total, maxrate, progress
            )
            copy_from = None if video.is_still else source
            if bitrate is not None:
                outcome = encoding.at_rate(
                    lambda coded: bitrate * float(coded.ticks * header.time_base) / 8,
                    f"{bitrate / 1000:g} kbit/s",
                )
            elif target_size is not None:
                outcome = encoding.at_rate(
                    lambda coded: max(1.0, target_size - _overhead(coded, header.time_base)),
                    f"a size of {target_size / 1000:g} kB",
                )
            else:
                outcome = encoding.at_constant_quality()
            with (
                output_errors(target),
                StreamWriter(
                    target,
                    header.time_base,
                    copy_from=copy_from,
                    tracks_end_with_video=max_frames is not None,
                ) as writer,
            ):
                if attached is not None:
                    writer.attach_model(attached, bundle.sha256)
                _write(writer, outcome, store)
                skipped = writer.skipped_tracks
            store.discard()
    coded = outcome.coded
    seconds = float(coded.ticks * header.time_base)
    with StreamReader(target) as reader:
        container_bytes, attached_model_bytes = reader.container_bytes, reader.attached_model_bytes
    return EncodeReport(
        frames=sum(task.chunk.frames for task in coded.tasks),
        keyframes=len(coded.tasks),
        width=header.width,
        height=header.height,
        duration_seconds=seconds,
        video_bytes=coded.size,
        container_bytes=container_bytes,
        attached_model_bytes=attached_model_bytes,
        video_bitrate_bps=coded.size * 8 / seconds,
        peak_bitrate_bps=float(peak(coded.frames, header.time_base)),
        source_bytes=source_bytes,
        encode_seconds=time.monotonic() - begin,
        model_name=bundle.name,
        crf=outcome.crf,
        passes=outcome.passes,
        skipped_tracks=skipped,
        warnings=[*outcome.warnings, *_of_generation(generation, bundle)],
    )


def _identity_of_weights(file: Path) -> str:
    """SHA-256 of a file; of an ordinary one, for nobody may ever write to a pipe."""
    try:
        if file.exists() and not file.is_file():
            raise UnknownModelError(
                f"{file}: weights to judge pictures by must be an ordinary file"
            )
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UnknownModelError(
            f"{file}: weights to judge pictures by cannot be read: {error.strerror or error}"
        ) from error


def _of_generation(generation: float | None, bundle: ModelBundle) -> list[str]:
    """A warning where blocks are left to be made up and nobody is there to do so."""
    if generation in (None, 1) or bundle.has_unet:
        return []
    return [
        f"model {bundle.name} has no UNet: blocks left to be made up are shown as they were"
        " predicted"
    ]


def _write(writer: StreamWriter, outcome: Outcome, store: ChunkStore) -> None:
    """Put the finished chunks into the target, and complete it."""
    for task in outcome.coded.tasks:
        chunks = store.load(task)
        if chunks is None:
            raise OutputError(
                f"{writer.path}: a finished chunk in {store.folder} was lost: check the disk"
            )
        for unit, data in zip(chunks[0].units, chunks[0].access_units()):
            writer.write(data, unit.first_pts, sum(unit.durations))
    writer.commit()


def _overhead(coded: Coded, time_base: Fraction) -> int:
    """Bytes that MP4 adds to the video: those of a file of access units of the same sizes and
    times.
    """
    with tempfile.TemporaryDirectory(prefix="videocodec-measure-") as folder:
        path = Path(folder) / "measure.mp4"
        with StreamWriter(path, time_base) as writer:
            for unit in (unit for chunk in coded.units for unit in chunk):
                writer.write(bytes(unit.size), unit.first_pts, sum(unit.durations))
            writer.commit()
        return path.stat().st_size - coded.size


@contextmanager
def _kept(store: ChunkStore) -> Iterator[None]:
    """Says with what goes wrong that there is something to resume."""
    try:
        yield
    except InputError:
        store.discard()  # whatever mends the source makes another of it
        raise
    except BaseException as error:
        if store.finished:
            error.add_note(f"finished parts are kept in {store.folder}: --resume goes on with them")
        raise


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse what would lose something, before any work is done."""
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{source}: input and output are the same file: name another output")
    if target.suffix.lower() not in TARGET_SUFFIXES:
        raise OutputError(
            f"{target}: a latent-video file is an MP4 file: give a name that ends in"
            f" {' or '.join(TARGET_SUFFIXES)}"
        )
    check_target(target, overwrite=overwrite)
