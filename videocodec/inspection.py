"""``videocodec.info`` and ``videocodec.verify``: what a latent-video file says, and whether every
checksum holds.  No torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import AttachedModelError, BitstreamError, ContainerError
from bitstream.formats import format_of
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader

from .decoded import FrameKind
from .decoder.concealment import GREY, Concealment, concealed_frames, concealments
from .decoder.index import StreamIndex, check_unchanged
from .decoder.latents import LatentStream, bundle_for
from .encoder.settings import PRESETS
from .errors import ModelMismatchError
from .models.attached import checked_model
from .models.bundle import ModelBundle
from .progress import Progress, ProgressCallback
from .provenance import ProvenanceCount, concealed_map, provenance_map

LATENTS_CHECKSUM = "CRC-32 of the reconstructed integer latents of every access unit"


@dataclass(frozen=True)
class StreamInfo:
    """What a file says of itself.  video_bytes: access units alone; container_bytes: the file
    without its copied tracks and attached model.

    specification: where this version of the format is described, a file that comes with the
    program.  latents_checksum: of what kind those are that every access unit carries.
    model_installed: whether the stream's own model is at hand, in the installation or as the
    ``model`` that was given; model_attached: whether one is attached to the file, of
    model_attached_bytes, which container_bytes leaves out; model_attached_damage: what is wrong
    with it, None if nothing was seen (its hash is left out with ``headers_only``). damage: the
    first thing that is wrong, None if nothing was seen; what is said of a damaged file is what can
    still be read. lost_frames: how many of the frames cannot be decoded, their access unit being
    damaged or missing or one that they build on; lost: the runs of them, and what ``decode`` puts
    in their place. generated_content: whether the stream calls itself a generative reconstruction.
    provenance: shares of the picture's area, over all frames, by ``PROVENANCE_NAMES``, 0..1 and
    together 1; provenance_by_kind: the same for "keyframe" and "inter" frames, if there are any.
    Where both are None, provenance_unavailable says why.
    """

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
    specification: str
    latents_checksum: str
    model_installed: bool
    model_attached: bool
    model_attached_bytes: int
    model_attached_damage: str | None
    damage: str | None
    lost_frames: int
    lost: list[Concealment]
    provenance: dict[str, float] | None
    provenance_by_kind: dict[str, dict[str, float]] | None
    provenance_unavailable: str | None

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Headers:
    """What the headers of all access units add up to; ticks: of the time base, together."""

    frames: int
    keyframes: int
    units: int
    video_bytes: int
    ticks: int
    damage: str | None


def info(
    source: str | Path,
    *,
    headers_only: bool = False,
    model: str | Path | None = None,
    progress: ProgressCallback | None = None,
) -> StreamInfo:
    """Read the headers, and of all frames where they come from; no networks.

    headers_only: leave out the latter, for which all latents are decoded.  model: the bundle's name
    or folder, for streams whose model is not installed.  progress: called after every frame that is
    decoded.

    A stream of another model gives what its headers say, and ``provenance_unavailable`` the reason
    why there is no more.  Frames that a damaged one has lost count as concealed.  Raises
    ``ContainerError`` or another ``BitstreamError`` for what is no latent-video file, has no header
    that is whole or changes its size in the middle, and ``UnknownModelError`` for a ``model`` that
    there is not.
    """
    given = None if model is None else ModelBundle.find(model)
    reader = StreamReader(source)
    header, index = reader.header, StreamIndex(reader)
    read = _read_headers(index)
    count, unavailable = None, "only the headers were read" if headers_only else None
    if not headers_only:
        try:
            stream = LatentStream(source, model)
            count, unavailable = _count_provenance(stream, read.frames, progress), None
            index = stream.index()  # with the damage that only decoding finds
        except (BitstreamError, ModelMismatchError) as error:
            unavailable = str(error).removeprefix(f"{source}: ")
    lost = concealments(index)
    if lost and lost[0].method == GREY:
        count, unavailable = None, "no frame can be decoded"
    duration = read.ticks * header.time_base
    seconds = float(duration)
    return StreamInfo(
        path=str(source),
        format_version=header.format_version,
        width=header.width,
        height=header.height,
        # A stream that does not know its nominal rate has an average one.
        frame_rate=float(header.frame_rate or (read.frames / duration if duration else 0)),
        frames=read.frames,
        duration_seconds=seconds,
        keyframes=read.keyframes,
        access_units=read.units,
        video_bytes=read.video_bytes,
        container_bytes=reader.container_bytes,
        video_bitrate_bps=read.video_bytes * 8 / seconds if seconds else 0.0,
        audio_tracks=reader.audio_tracks,
        tracks=list(reader.tracks),
        crf=header.crf,
        gop_size=header.gop_size,
        preset=PRESETS[header.preset] if header.preset < len(PRESETS) else str(header.preset),
        rotation=header.rotation * 90,
        sample_aspect_ratio=(
            f"{header.sample_aspect_ratio.numerator}:{header.sample_aspect_ratio.denominator}"
        ),
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
        specification=f"{format_of(header.format_version).specification},"
        f" format version {header.format_version}",
        latents_checksum=LATENTS_CHECKSUM,
        model_installed=_is_at_hand(header, given),
        model_attached=reader.attached_model_bytes > 0,
        model_attached_bytes=reader.attached_model_bytes,
        model_attached_damage=_damage_of_attached(reader, headers_only),
        damage=read.damage or index.damage,
        lost_frames=sum(run.last + 1 - run.first for run in lost),
        lost=lost,
        provenance=None if count is None else count.total(),
        provenance_by_kind=None if count is None else count.by_kind(),
        provenance_unavailable=unavailable,
    )


def _is_at_hand(header: SequenceHeader, given: ModelBundle | None) -> bool:
    if given is not None and given.sha256 == header.model_sha256:
        return True
    try:
        bundle_for(header)
    except ModelMismatchError:
        return False
    return True


def _damage_of_attached(reader: StreamReader, headers_only: bool) -> str | None:
    try:
        reader.attached_model() if headers_only else checked_model(reader)
    except AttachedModelError as error:
        return str(error)
    return None


def _read_headers(index: StreamIndex) -> _Headers:
    """Of all access units that are there."""
    present = [unit for unit in index.units if unit.sample is not None]
    damage = index.damage
    if any(unit.damage for unit in index.units):
        damage = f"{damage}: videocodec verify lists all that is wrong"
    # of Python: times in damaged files add up to more than 64 bits
    ticks = sum(index.durations.tolist())
    return _Headers(
        len(index),
        len(index.keyframes),
        len(present),
        sum(unit.bytes for unit in present),
        ticks,
        damage,
    )


def _count_provenance(
    stream: LatentStream, frames_total: int, progress: ProgressCallback | None
) -> ProvenanceCount:
    """Decode all latents and add up where they come from.  Raises ``BitstreamError``."""
    count = ProvenanceCount()
    video_bytes = seconds = 0.0
    for frame in concealed_frames(stream):
        is_lost = frame.kind == FrameKind.CONCEALED
        count.add(
            frame.kind,
            (
                concealed_map(stream.header)
                if is_lost
                else provenance_map(frame.latent.fields.modes, stream.header)
            ),
        )
        video_bytes, seconds = (
            video_bytes + frame.byte_share,
            seconds + float(frame.duration * stream.header.time_base),
        )
        if progress:
            progress(Progress(frame.index + 1, frames_total, round(video_bytes), seconds))
    return count


def _out_of_place(number: int, unit: AccessUnit, expected: int, header: SequenceHeader) -> str:
    begins, due = (float(ticks * header.time_base) for ticks in (unit.first_pts, expected))
    what = "before it something is missing" if begins > due else "it is repeated or out of order"
    return (
        f"access unit {number}: it begins at {begins:.3f} s, the one before it ends at {due:.3f} s:"
        f" {what}"
    )


@dataclass(frozen=True)
class VerifyReport:
    """frames and access_units that decode with every checksum right, and a line on everything that
    does not.
    """

    frames: int
    access_units: int
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    source: str | Path,
    *,
    model: str | Path | None = None,
    force_model: bool = False,
    progress: ProgressCallback | None = None,
) -> VerifyReport:
    """Decode all latents and compare all checksums, and the hash of an attached model; goes on at
    the next keyframe after damage.

    model: the bundle's name or folder, for streams whose model is not installed.  force_model: as
    of ``videocodec.decode``.  Raises ``ContainerError``, ``UnsupportedVersionError``,
    ``UnknownModelError`` or ``ModelMismatchError`` when there is nothing to verify with.
    """
    stream = LatentStream(source, model, force_model=force_model)
    decoder = LatentDecoder(stream.bundle.tables)
    problems: list[str] = []
    frames = units = video_bytes = 0
    seconds = 0.0
    try:
        total = sum(unit.frame_count for unit in stream.reader.index())
    except ContainerError:
        total = None  # the loop below says what is wrong
    expected: int | None = None
    try:
        for sample in stream.reader.units():
            unit = None
            try:
                unit = AccessUnit.parse(sample.data)
                check_unchanged(stream.header, unit.header)
                if expected is not None and unit.first_pts != expected:
                    problems.append(_out_of_place(sample.index, unit, expected, stream.header))
                expected = unit.first_pts + unit.duration
                frames += len(decoder.decode(unit))
                units += 1
                seconds += float(unit.duration * stream.header.time_base)
            except BitstreamError as error:
                problems.append(f"access unit {sample.index}: {error}")
                expected = None if unit is None else expected
                decoder = LatentDecoder(stream.bundle.tables)
            video_bytes += len(sample.data)
            if progress:
                progress(Progress(frames, total, video_bytes, seconds))
    except ContainerError as error:
        problems.append(str(error).removeprefix(f"{source}: "))
    try:
        checked_model(stream.reader)
    except AttachedModelError as error:
        problems.append(f"the attached model is damaged: {error}")
    return VerifyReport(frames, units, problems)
