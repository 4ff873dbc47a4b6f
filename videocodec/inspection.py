"""``videocodec.info`` and ``videocodec.verify``: what a latent-video file says, and whether every checksum holds.  No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import BitstreamError, ContainerError
from bitstream.latent_decoder import LatentDecoder

from .decoder.latents import LatentStream, check_unchanged
from .encoder.settings import PRESETS
from .progress import Progress, ProgressCallback


@dataclass(frozen=True)
class StreamInfo:
    """What a file says of itself.  video_bytes: access units alone; container_bytes: the file without its copied tracks."""

    path: str
    format_version: int
    width: int
    height: int
    frame_rate: float
    frames: int
    duration_seconds: float
    keyframes: int
    access_units: int
    video_bytes: int
    container_bytes: int
    video_bitrate_bps: float
    audio_tracks: int
    tracks: list[str]
    crf: int
    gop_size: int
    preset: str
    rotation: int
    sample_aspect_ratio: str
    time_base: str
    colour: dict[str, int | bool]
    latent: dict[str, int]
    lossy: bool
    generated_content: bool
    model: dict[str, str]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def info(source: str | Path) -> StreamInfo:
    """Read headers, no networks.  Raises ``ContainerError`` or another ``BitstreamError``."""
    reader = StreamReader(source)
    header = reader.header
    frames = keyframes = units = video_bytes = 0
    duration = Fraction(0)
    for sample in reader.units():
        try:
            unit = AccessUnit.parse(sample.data)
            check_unchanged(header, unit.header)
        except BitstreamError as error:
            raise ContainerError(f"{source}: access unit {sample.index}: {error}: videocodec verify lists all that is wrong") from error
        frames, keyframes, units = frames + unit.frame_count, keyframes + unit.is_keyframe, units + 1
        video_bytes, duration = video_bytes + len(sample.data), duration + unit.duration * header.time_base
    seconds = float(duration)
    return StreamInfo(
        path=str(source),
        format_version=header.format_version,
        width=header.width,
        height=header.height,
        # A stream that does not know its nominal rate has an average one.
        frame_rate=float(header.frame_rate or frames / duration),
        frames=frames,
        duration_seconds=seconds,
        keyframes=keyframes,
        access_units=units,
        video_bytes=video_bytes,
        container_bytes=reader.container_bytes,
        video_bitrate_bps=video_bytes * 8 / seconds,
        audio_tracks=reader.audio_tracks,
        tracks=list(reader.tracks),
        crf=header.crf,
        gop_size=header.gop_size,
        preset=PRESETS[header.preset] if header.preset < len(PRESETS) else str(header.preset),
        rotation=header.rotation * 90,
        sample_aspect_ratio=f"{header.sample_aspect_ratio.numerator}:{header.sample_aspect_ratio.denominator}",
        time_base=str(header.time_base),
        colour=asdict(header.colour),
        latent={
            "channels": header.latent_channels,
            "width": header.latent_width,
            "height": header.latent_height,
            "pixels_per_position": 1 << header.latent_stride_log2,
        },
        lossy=True,
        generated_content=header.generated_content,
        model={"name": header.model_name, "sha256": header.model_sha256},
    )


@dataclass(frozen=True)
class VerifyReport:
    """frames and access_units that decode with every checksum right, and a line on everything that does not."""

    frames: int
    access_units: int
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(source: str | Path, *, model: str | Path | None = None, progress: ProgressCallback | None = None) -> VerifyReport:
    """Decode all latents and compare all checksums; goes on at the next keyframe after damage.

    model: the bundle's name or folder, for streams whose model is not installed.  Raises ``ContainerError``,
    ``UnsupportedVersionError``, ``UnknownModelError`` or ``ModelMismatchError`` when there is nothing to verify with.
    """
    stream = LatentStream(source, model)
    decoder = LatentDecoder(stream.bundle.tables)
    problems: list[str] = []
    frames = units = video_bytes = 0
    seconds = 0.0
    try:
        total = sum(unit.frame_count for unit in stream.reader.index())
    except ContainerError:
        total = None  # the loop below says what is wrong
    try:
        for sample in stream.reader.units():
            try:
                unit = AccessUnit.parse(sample.data)
                check_unchanged(stream.header, unit.header)
                frames += len(decoder.decode(unit))
                units += 1
                seconds += float(unit.duration * stream.header.time_base)
            except BitstreamError as error:
                problems.append(f"access unit {sample.index}: {error}")
                decoder = LatentDecoder(stream.bundle.tables)
            video_bytes += len(sample.data)
            if progress:
                progress(Progress(frames, total, video_bytes, seconds))
    except ContainerError as error:
        problems.append(str(error).removeprefix(f"{source}: "))
    return VerifyReport(frames, units, problems)
