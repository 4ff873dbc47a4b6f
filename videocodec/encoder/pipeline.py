"""The streaming encoder: frames of a source in, access units out, with memory that does not grow with the clip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.sequence_header import SequenceHeader

from ..media.source import VideoSource
from ..models.bundle import ModelBundle
from ..models.runtime import AutoencoderRuntime
from .group_encoder import EncoderFrame, GroupEncoder
from .motion import MotionSearch
from .settings import PRESETS, EncoderSettings

_BATCH_PIXELS = 4 * 512 * 288  # pictures encoded together: enough to keep two cores busy, small enough for 4K


def sequence_header(source: VideoSource, bundle: ModelBundle, settings: EncoderSettings) -> SequenceHeader:
    """What the stream says of itself."""
    return SequenceHeader(
        width=source.width,
        height=source.height,
        colour=source.colour,
        sample_aspect_ratio=source.sample_aspect_ratio,
        rotation=source.rotation // 90 % 4,
        time_base=source.time_base,
        frame_rate=source.frame_rate or 0,
        latent_channels=bundle.tables.latent_channels,
        crf=settings.crf,
        gop_size=settings.gop_size,
        preset=PRESETS.index(settings.preset),
        model_name=bundle.name,
        model_sha256=bundle.sha256,
    )


def encode_frames(
    source: VideoSource, header: SequenceHeader, runtime: AutoencoderRuntime, settings: EncoderSettings
) -> Iterator[AccessUnit]:
    """Access units of all frames of ``source``, in order."""
    block = 1 << header.block_log2
    rows, columns = header.latent_height // block, header.latent_width // block
    search = MotionSearch(block << header.latent_stride_log2, rows, columns, settings.effort.flow_preset)
    groups = GroupEncoder(runtime.bundle.tables, header, settings, search)
    batch_size = max(1, _BATCH_PIXELS // (header.padded_width * header.padded_height))
    frames = iter(source)
    while batch := list(islice(frames, batch_size)):
        latents = runtime.encode(np.stack([frame.rgb for frame in batch]), header.padded_height, header.padded_width)
        for frame, latent in zip(batch, latents):
            yield from groups.push(EncoderFrame(latent, search.luma(frame.rgb), frame.pts, frame.duration))
    yield from groups.finish()
