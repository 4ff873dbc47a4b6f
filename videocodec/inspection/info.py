"""``videocodec.info``: what a latent-video file says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bitstream.container import FileSource, SharedFile, StreamReader
from bitstream.errors import BitstreamError, CaptionsError
from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader

from ..conversions import from_comment
from ..decoder.concealment import GREY, Concealment, concealments
from ..decoder.index import StreamIndex
from ..decoder.latents import LatentStream, bundle_for
from ..errors import ModelMismatchError
from ..guard import GuardFindings, GuardMap
from ..models.attached import attached_helpers, damage_of_attached
from ..models.bundle import ModelBundle
from ..models.files import POST_FILTER, UPSCALER
from ..presets import preset_name
from ..progress import ProgressCallback
from ..provenance import ProvenanceCount
from .counting import counted_provenance
from .memory import memory_of

LATENTS_CHECKSUM = "CRC-32 of the reconstructed integer latents of every access unit"


@dataclass(frozen=True)
class CaptionInfo:
    """Words: begin_seconds, on the stream's clock, and text."""

    begin_seconds: float
    text: str


@dataclass(frozen=True)
class StreamInfo:
    """What a file says of itself.

    path: the file, as it was given.
    format_version: of the stream.
    width, height: of the pictures that it shows, px.
    coded_width, coded_height: that they are coded at, px.
    frame_rate: frames per second, the average where the stream names none, 0 if no time passes.
    frames, keyframes, access_units: how many.
    duration_seconds: of all frames together.
    video_bytes: of the access units and the captions.
    container_bytes: of the file without its copied tracks and attached model.
    video_bitrate_bps: bits per second of both.
    audio_tracks, tracks: how many of the copied tracks are sound; a line on each copied one.
    crf, gop_size, preset: the encoder's settings; gop_size in frames.
    rotation: degrees counter-clockwise by which players turn the picture.
    sample_aspect_ratio: width:height of a pixel, 0:1 unknown.
    time_base: seconds per tick, a fraction.
    colour: what the stream says of its colours.
    captions: the words in the file: from which second of the stream's clock on, and text.
    captions_bytes: what they take of the file, which counts as video.
    captions_damage: what is wrong with them, None if nothing is.
    conversions: what was done to the source's pictures before they were coded, a line each.
    guard: what the encoder promised of every square of every frame, and where it could not; None
    without a guard.
    latent: channels, width, height and pixels_per_position of the latents.
    lossy: always true.  decoding_memory_bytes: most that ``decode`` takes, None if unknown.
    generated_content: whether the stream calls itself a generative reconstruction.
    model: name and sha256 of the bundle.
    specification: where this version of the format is described, a file that comes with the
    program.
    latents_checksum: of what kind those are that every access unit carries.
    exact_pictures: whether pictures are to be had that are the same bytes on every machine, as long
    as nothing restores them.
    model_installed: whether the stream's own model is at hand, in the installation or as the
    ``model`` that was given.
    model_attached, model_attached_bytes: whether one is attached to the file, and its size.
    model_attached_damage: what is wrong with that, None if nothing was seen (its hash is left out
    with ``headers_only``).
    upscaler_attached, post_filter_attached: whether a network for twice the size and a post-filter
    are attached with the model.
    damage: the first thing that is wrong, None if nothing was seen; what is said of a damaged file
    is what can still be read.
    lost_frames, lost: how many of the frames cannot be decoded, their access unit being damaged or
    missing or one that they build on; the runs of them, and what ``decode`` puts in their place.
    provenance: shares of the picture's area, over all frames, by ``PROVENANCE_NAMES``, 0..1 and
    together 1.
    provenance_by_kind: the same for "keyframe", "inter" and "concealed" frames, where there are
    any.
    provenance_unavailable: why these two are None, if they are.
    """

    path: str
    format_version: int
    width: int
    height: int
    coded_width: int
    coded_height: int
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
    captions: list[CaptionInfo]
    captions_bytes: int
    captions_damage: str | None
    conversions: list[str]
    guard: GuardFindings | None
    latent: dict[str, int]
    lossy: bool
    generated_content: bool
    model: dict[str, str]
    specification: str
    latents_checksum: str
    exact_pictures: bool
    model_installed: bool
    decoding_memory_bytes: int | None
    model_attached: bool
    model_attached_bytes: int
    model_attached_damage: str | None
    upscaler_attached: bool
    post_filter_attached: bool
    damage: str | None
    lost_frames: int
    lost: list[Concealment]
    provenance: dict[str, float] | None
    provenance_by_kind: dict[str, dict[str, float]] | None
    provenance_unavailable: str | None

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def info(
    source: FileSource,
    *,
    headers_only: bool = False,
    model: str | Path | None = None,
    progress: ProgressCallback | None = None,
) -> StreamInfo:
    """Read the headers, and of all frames where they come from; no networks.

    source: a path, or the bytes of a file, whose ``path`` is then "the bytes".
    headers_only: leave out the latter, for which all latents are decoded.  model: the bundle's name
    or folder, for streams whose model is not installed.  progress: called after every frame that is
    decoded.

    A stream of another model gives what its headers say, and ``provenance_unavailable`` the reason
    why there is no more.  Frames that a damaged one has lost count as concealed.  Raises
    ``ContainerError`` or another ``BitstreamError`` for what is no latent-video file, has no header
    that is whole or changes its size in the middle, and ``UnknownModelError`` for a ``model`` that
    there is not.
    """
    bundle = None if model is None else ModelBundle.find(model)
    opened = SharedFile.of(source)
    reader = StreamReader(opened)
    index = StreamIndex(reader)
    units, damage = _of_units(index, reader), _damage(index)
    count: ProvenanceCount | None = None
    unavailable: str | None = "only the headers were read"
    if not headers_only:
        try:
            stream = LatentStream(opened, model)
            count, unavailable = counted_provenance(stream, len(index), progress), None
            index = stream.index()  # with the damage that only decoding finds
        except (BitstreamError, ModelMismatchError) as error:
            unavailable = str(error).removeprefix(f"{opened}: ")
    lost, helpers = concealments(index), attached_helpers(reader)
    comment, header = reader.labels.tags.get("comment", ""), reader.header
    guarded = GuardMap.from_comment(comment, len(index), header.height, header.width)
    if lost and lost[0].method == GREY:
        count, unavailable = None, "no frame can be decoded"
    return StreamInfo(
        path=str(opened),
        width=reader.shown_size[0],
        height=reader.shown_size[1],
        **_of_header(reader.header),
        **units,
        **_of_captions(reader),
        container_bytes=reader.container_bytes,
        audio_tracks=reader.audio_tracks,
        tracks=list(reader.tracks),
        conversions=from_comment(comment),
        guard=None if guarded is None else guarded.findings(),
        lossy=True,
        latents_checksum=LATENTS_CHECKSUM,
        model_installed=_is_at_hand(reader.header, bundle),
        decoding_memory_bytes=memory_of(reader.header, reader.shown_size),
        model_attached=reader.attached_model_bytes > 0,
        model_attached_bytes=reader.attached_model_bytes,
        model_attached_damage=damage_of_attached(reader, headers_only=headers_only),
        upscaler_attached=UPSCALER in helpers,
        post_filter_attached=POST_FILTER in helpers,
        damage=damage or index.damage,
        lost_frames=sum(run.frame_count for run in lost),
        lost=lost,
        provenance=None if count is None else count.total(),
        provenance_by_kind=None if count is None else count.by_kind(),
        provenance_unavailable=unavailable,
    )


def _of_header(header: SequenceHeader) -> dict[str, Any]:
    """What the sequence header alone says, by fields of ``StreamInfo``."""
    aspect, version = header.sample_aspect_ratio, header.format_version
    return {
        "format_version": version,
        "specification": f"{format_of(version).specification}, format version {version}",
        "exact_pictures": format_of(version).moves_pictures,
        "coded_width": header.width,
        "coded_height": header.height,
        "crf": header.crf,
        "gop_size": header.gop_size,
        "preset": preset_name(header.preset),
        "rotation": header.rotation * 90,
        "sample_aspect_ratio": f"{aspect.numerator}:{aspect.denominator}",
        "time_base": str(header.time_base),
        "colour": asdict(header.colour),
        "latent": {
            "channels": header.latent_channels,
            "width": header.latent_width,
            "height": header.latent_height,
            "pixels_per_position": 1 << header.latent_stride_log2,
        },
        "generated_content": header.generated_content,
        "model": {"name": header.model_name, "sha256": header.model_sha256},
    }


def _of_captions(reader: StreamReader) -> dict[str, Any]:
    """What the words in the file are, by fields of ``StreamInfo``."""
    damage, found = None, list[CaptionInfo]()
    try:
        found = [CaptionInfo(float(each.begin), each.text) for each in reader.captions()]
    except CaptionsError as error:
        damage = str(error)
    return {
        "captions": found,
        "captions_bytes": reader.captions_bytes,
        "captions_damage": damage,
    }


def _of_units(index: StreamIndex, reader: StreamReader) -> dict[str, Any]:
    """What the access units that are there, and the captions, add up to, by fields of
    ``StreamInfo``.
    """
    header = reader.header
    units = [unit for unit in index.units if unit.sample is not None]
    # of Python: times in damaged files add up to more than 64 bits
    duration = sum(index.durations.tolist()) * header.time_base
    video_bytes = sum(unit.bytes for unit in units) + reader.captions_bytes
    return {
        # A stream that does not know its nominal rate has an average one.
        "frame_rate": float(header.frame_rate or (len(index) / duration if duration else 0)),
        "frames": len(index),
        "duration_seconds": float(duration),
        "keyframes": len(index.keyframes),
        "access_units": len(units),
        "video_bytes": video_bytes,
        "video_bitrate_bps": video_bytes * 8 / float(duration) if float(duration) else 0.0,
    }


def _is_at_hand(header: SequenceHeader, bundle: ModelBundle | None) -> bool:
    if bundle is not None and bundle.sha256 == header.model_sha256:
        return True
    try:
        bundle_for(header)
    except ModelMismatchError:
        return False
    return True


def _damage(index: StreamIndex) -> str | None:
    """The first thing that is wrong by the headers of all access units."""
    if any(unit.damage for unit in index.units):
        return f"{index.damage}: videocodec verify lists all that is wrong"
    return index.damage
