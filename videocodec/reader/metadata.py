"""What a reader says of its stream as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from bitstream.container import StreamReader
from bitstream.errors import CaptionsError
from bitstream.formats import format_of

from ..decoder.index import StreamIndex
from ..guard import GuardMap
from ..presets import preset_name


@dataclass(frozen=True)
class VideoMetadata:
    """What a stream says of itself.

    name: of the file.
    width, height: of the pictures, px.
    coded_width, coded_height: that they are coded at, px; less where the file shows them larger.
    frame_rate: frames per second, the average where the stream names none, 0 if no time passes.
    frames, keyframes, access_units: how many.
    begin_seconds, end_seconds: when the first frame begins and the last ends.
    duration_seconds: of all frames together.
    time_base: seconds per tick of ``Frame.pts``.
    rotation: degrees counter-clockwise by which players turn the picture.
    sample_aspect_ratio: width / height of a pixel, 0 unknown.
    video_bytes: of the access units and the captions.
    container_bytes: of the file without copied tracks and attached model.
    crf, gop_size, preset: the encoder's settings; gop_size in frames.
    latent_channels, latent_height, latent_width: shape of ``VideoReader.latents``.
    model, model_sha256: the bundle's name and identity.
    has_unet: whether it can restore latents.
    generated_content: whether the stream calls itself a generative reconstruction.
    tracks, audio_tracks: a line on each copied track; how many of them are sound.
    captions: words in the file, (second of the stream's clock on which they begin, text); none if
    they are damaged.
    damage: the first thing that is wrong, None if nothing was seen when the file was opened.
    guard: which squares keep to the limit that the encoder was given; None without one.
    makes_up_detail: whether pictures are larger than coded by a network that makes up the detail.
    exact_pictures: whether some are to be had that are the same bytes on every machine, where
    nothing restores them.
    has_post_filter: whether pictures go through one, unless they are wanted without restoration.
    """

    name: str
    width: int
    height: int
    frame_rate: float
    frames: int
    keyframes: int
    access_units: int
    begin_seconds: float
    end_seconds: float
    duration_seconds: float
    time_base: Fraction
    rotation: int
    sample_aspect_ratio: Fraction
    video_bytes: int
    container_bytes: int
    crf: int
    gop_size: int
    preset: str
    latent_channels: int
    latent_height: int
    latent_width: int
    model: str
    model_sha256: str
    has_unet: bool
    generated_content: bool
    tracks: tuple[str, ...]
    audio_tracks: int
    captions: tuple[tuple[float, str], ...]
    damage: str | None
    guard: GuardMap | None = None
    coded_width: int = 0
    coded_height: int = 0
    makes_up_detail: bool = False
    exact_pictures: bool = False
    has_post_filter: bool = False

    @classmethod
    def of(
        cls,
        reader: StreamReader,
        index: StreamIndex,
        *,
        has_unet: bool,
        size: tuple[int, int] | None = None,
        makes_up_detail: bool = False,
        has_post_filter: bool = False,
    ) -> VideoMetadata:
        """Of an opened stream.  size: width and height of the pictures that are wanted of it, None
        for those that the file shows.
        """
        header = index.header
        width, height = reader.shown_size if size is None else size
        duration = sum(index.durations.tolist()) * header.time_base
        return cls(
            name=index.name,
            width=width,
            height=height,
            coded_width=header.width,
            coded_height=header.height,
            makes_up_detail=makes_up_detail,
            has_post_filter=has_post_filter,
            exact_pictures=format_of(header.format_version).moves_pictures,
            frame_rate=float(header.frame_rate or (len(index) / duration if duration > 0 else 0)),
            frames=len(index),
            keyframes=len(index.keyframes),
            access_units=len(index.units),
            begin_seconds=float(index.pts_seconds[0]),
            end_seconds=index.end_seconds,
            duration_seconds=float(duration),
            time_base=header.time_base,
            rotation=header.rotation * 90,
            sample_aspect_ratio=header.sample_aspect_ratio,
            video_bytes=sum(unit.bytes for unit in index.units) + reader.captions_bytes,
            container_bytes=reader.container_bytes,
            crf=header.crf,
            gop_size=header.gop_size,
            preset=preset_name(header.preset),
            latent_channels=header.latent_channels,
            latent_height=header.latent_height,
            latent_width=header.latent_width,
            model=header.model_name,
            model_sha256=header.model_sha256,
            has_unet=has_unet,
            generated_content=header.generated_content,
            tracks=tuple(reader.tracks),
            audio_tracks=reader.audio_tracks,
            captions=_captions_of(reader),
            damage=index.damage,
            guard=GuardMap.from_comment(
                reader.labels.tags.get("comment", ""), len(index), header.height, header.width
            ),
        )

    def caption_at(self, seconds: float) -> str | None:
        """The words that hold at a second of the stream's clock; None before the first of them, and
        without any.
        """
        texts = [text for begin, text in self.captions if begin <= seconds]
        return texts[-1] if texts else None


def _captions_of(reader: StreamReader) -> tuple[tuple[float, str], ...]:
    try:
        return tuple((float(each.begin), each.text) for each in reader.captions())
    except CaptionsError:
        return ()
