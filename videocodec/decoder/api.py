"""``videocodec.decode``: a latent-video file in, an ordinary video, y4m or pictures out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..media.sinks import open_sink
from ..progress import Progress, ProgressCallback
from .frames import PictureDecoder
from .latents import LatentStream


@dataclass(frozen=True)
class DecodeReport:
    """What a decode made: frames, wall-clock seconds, where, and a line on every track that the target's format cannot hold."""

    frames: int
    decode_seconds: float
    target: str
    skipped_tracks: list[str]


def decode(
    source: str | Path,
    target: str | Path,
    *,
    model: str | Path | None = None,
    steps: int = 1,
    seed: int = 0,
    restore: bool = True,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> DecodeReport:
    """Decode a latent-video file.

    target: .mp4, .mov or .mkv (H.264 with the stream's sound and subtitles), .y4m, "-" (y4m on standard output), or a
    pattern such as frames/%05d.png.  model: the bundle's name or folder, for streams whose model is not installed; None finds
    the stream's own.  restore: whether the bundle's UNet, if it has one, restores the latents, in ``steps`` DDIM steps; seed: of the
    noise that it fills generated blocks with.

    The target appears under its name only when it is complete.  Raises ``BitstreamError`` for a damaged stream,
    ``ModelMismatchError``, ``UnknownModelError``, ``InputError``, ``OutputExistsError``, ``OutputError``, ``DeviceError``,
    ``OutOfMemoryError``, and ``ValueError`` for settings.
    """
    begin = time.monotonic()
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    stream = LatentStream(source, model)
    if str(target) != "-" and Path(target).exists() and Path(target).samefile(source):
        raise InputError(f"{source}: input and output are the same file: name another output")
    decoder = PictureDecoder(stream, device, threads, steps=steps, seed=seed, restore=restore)
    total = sum(unit.frame_count for unit in stream.reader.index())
    frames, video_bytes, video_seconds = 0, 0, 0.0
    with open_sink(target, stream.header, sound_from=source if stream.reader.tracks else None, overwrite=overwrite) as sink:
        for frame in decoder.frames():
            sink.write(frame.data.transpose(1, 2, 0), frame.pts, frame.duration)
            frames, video_bytes, video_seconds = frames + 1, video_bytes + frame.bytes, video_seconds + frame.duration_seconds
            if progress:
                progress(Progress(frames, total, video_bytes, video_seconds))
        sink.commit()
        skipped = list(sink.skipped_tracks)
    return DecodeReport(frames, time.monotonic() - begin, str(target), skipped)
