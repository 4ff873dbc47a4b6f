"""``videocodec.encode``: a video file in, a latent-video file out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bitstream.container import StreamReader, StreamWriter

from ..errors import InputError, OutputError
from ..media.frame_sink import check_target, output_errors
from ..media.source import VideoSource
from ..models.bundle import ModelBundle
from ..models.runtime import AutoencoderRuntime
from ..progress import Progress, ProgressCallback
from .pipeline import encode_frames, sequence_header
from .settings import DEFAULT_CRF, DEFAULT_GOP_SIZE, EncoderSettings, Preset

TARGET_SUFFIXES = (".mp4", ".m4v")


@dataclass(frozen=True)
class EncodeReport:
    """What an encode made: frames, keyframes, size in pixels, seconds of video, bytes of the coded video alone, bytes the file
    would weigh without audio, the source's bytes, wall-clock seconds, and tracks that MP4 cannot hold."""

    frames: int
    keyframes: int
    width: int
    height: int
    duration_seconds: float
    video_bytes: int
    container_bytes: int
    video_bitrate_bps: float
    source_bytes: int
    encode_seconds: float
    model_name: str
    skipped_tracks: list[str]


def encode(
    source: str | Path,
    target: str | Path,
    *,
    crf: int = DEFAULT_CRF,
    preset: Preset = "medium",
    gop_size: int = DEFAULT_GOP_SIZE,
    max_frames: int | None = None,
    model: str | Path = "embedded",
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> EncodeReport:
    """Encode any video or picture PyAV can decode into a latent-video file (MP4).

    crf: 0..63, lower is better.  preset: ultrafast to placebo, named as x264 does.  gop_size: longest distance of keyframes in frames.
    max_frames: stop after so many.  model: a bundle's name or folder.  threads: CPU threads of the networks.
    progress: called after every access unit.

    target must end in .mp4 or .m4v, and appears under its name only when it is complete.  Raises ``InputError``
    (``UnsupportedInputError`` for HDR, alpha and more than 8 bits), ``OutputExistsError``, ``OutputError``, ``UnknownModelError``,
    ``DeviceError``, ``OutOfMemoryError``, and ``ValueError`` for settings.
    """
    begin = time.monotonic()
    settings = EncoderSettings(crf=crf, preset=preset, gop_size=gop_size)
    if max_frames is not None and (not isinstance(max_frames, int) or max_frames < 1):
        raise ValueError(f"max_frames must be a whole number of at least 1, got {max_frames!r}")
    _check_target(Path(source), Path(target), overwrite)
    bundle = ModelBundle.find(model)
    with VideoSource(source, max_frames=max_frames) as video:
        runtime = AutoencoderRuntime(bundle, device, threads)
        header = sequence_header(video, bundle, settings)
        total = min((n for n in (video.frame_count_hint, max_frames) if n), default=None)
        frames = keyframes = video_bytes = 0
        duration = Fraction(0)
        copy_from = None if video.is_still else source
        with (
            output_errors(target),
            StreamWriter(target, header.time_base, copy_from=copy_from, tracks_end_with_video=max_frames is not None) as writer,
        ):
            for unit in encode_frames(video, header, runtime, settings):
                data = unit.to_bytes()
                writer.write(data, unit.first_pts, unit.duration)
                frames, keyframes, video_bytes = frames + unit.frame_count, keyframes + unit.is_keyframe, video_bytes + len(data)
                duration += unit.duration * header.time_base
                if progress:
                    progress(Progress(frames, total, video_bytes, float(duration)))
            writer.commit()
            skipped = writer.skipped_tracks
    seconds = float(duration)
    with StreamReader(target) as reader:
        container_bytes = reader.container_bytes
    return EncodeReport(
        frames=frames,
        keyframes=keyframes,
        width=header.width,
        height=header.height,
        duration_seconds=seconds,
        video_bytes=video_bytes,
        container_bytes=container_bytes,
        video_bitrate_bps=video_bytes * 8 / seconds,
        source_bytes=os.path.getsize(source),
        encode_seconds=time.monotonic() - begin,
        model_name=bundle.name,
        skipped_tracks=skipped,
    )


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse what would lose something, before any work is done."""
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{source}: input and output are the same file: name another output")
    if target.suffix.lower() not in TARGET_SUFFIXES:
        raise OutputError(f"{target}: a latent-video file is an MP4 file: give a name that ends in {' or '.join(TARGET_SUFFIXES)}")
    check_target(target, overwrite=overwrite)
