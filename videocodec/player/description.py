"""A stream and its frames described for the page, as what becomes JSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.quantiser import QUANTISER_COUNT, step_latent

from ..decoded import DecodedLatents, FrameKind
from ..decoder.index import StreamIndex
from ..guard import SQUARE, GuardMap
from ..provenance import (
    PROVENANCE_NAMES,
    concealed_map,
    covering_latents,
    generated_map,
    provenance_map,
)

if TYPE_CHECKING:
    from ..reader.metadata import VideoMetadata


def describe_stream(
    header: SequenceHeader, index: StreamIndex, metadata: VideoMetadata
) -> dict[str, object]:
    """What is known of a stream without decoding it.

    ``coded`` is the width and height of the pictures that are coded, in whose pixels maps of frames
    are.  Times and durations are seconds; ``steps`` are the quantiser steps in scaled latents, by
    index; ``between`` says whether frames between frames can be made; ``mode_names`` and
    ``provenance_names`` say what the numbers in maps of frames mean.
    """
    aspect = header.sample_aspect_ratio
    return {
        "width": metadata.width,
        "height": metadata.height,
        "coded": [header.width, header.height],
        "rotation": metadata.rotation,
        "pixel_aspect": float(aspect) if aspect else 1.0,
        "frames": len(index.durations),
        "frame_rate": metadata.frame_rate,
        "times": index.pts_seconds.tolist(),
        "durations": [float(ticks * header.time_base) for ticks in index.durations.tolist()],
        "length_seconds": metadata.duration_seconds,
        "units": [
            {
                "number": unit.number,
                "first": unit.first_frame,
                "count": unit.frame_count,
                "bytes": unit.bytes,
                "keyframe": unit.is_keyframe,
                "damaged": unit.damage,
            }
            for unit in index.units
        ],
        "video_bytes": metadata.video_bytes,
        "crf": metadata.crf,
        "preset": metadata.preset,
        "model": metadata.model,
        "generated_content": metadata.generated_content,
        "has_unet": metadata.has_unet,
        "has_post_filter": metadata.has_post_filter,
        "makes_up_detail": metadata.makes_up_detail,
        "tracks": list(metadata.tracks),
        "captions": [list(caption) for caption in metadata.captions],
        "ordinary": False,
        "between": True,
        "overlays": [
            *("modes", "motion", "provenance", "quantiser", "bits"),
            *(["guard"] if metadata.guard else []),
        ],
        "mode_names": [mode.name.lower() for mode in sorted(Mode)],
        "provenance_names": list(PROVENANCE_NAMES),
        "steps": [step_latent(quantiser) for quantiser in range(QUANTISER_COUNT)],
    }


def describe_frame(
    header: SequenceHeader, frame: DecodedLatents, *, made_up: bool = False
) -> dict[str, object]:
    """What is known of a frame besides its picture; arrays as base64 of little-endian numbers.

    ``grid`` is the rows and columns of blocks of ``block`` px, on which modes, directions, sides
    (uint8) and vectors (int16, past then future, dy then dx) are; ``latent`` those of positions of
    8 px, on which quantisers are; ``covering`` those of positions that show, on which provenance
    is.  made_up: whether the picture is larger than coded, with detail that was never sent.
    """
    fields, latent = frame.latent.fields, frame.latent
    provenance = provenance_map(fields.modes, header)
    if made_up:
        provenance = generated_map(header)
    if frame.kind == FrameKind.CONCEALED:
        provenance = concealed_map(header)
    return {
        "kind": frame.kind,
        "bytes": round(frame.byte_share),
        "block_bits": round(latent.block_bits, 2),
        "level_bits": round(latent.level_bits, 2),
        "quantiser": latent.quantiser,
        "references": list(frame.references),
        "block": header.block_size,
        "grid": list(fields.modes.shape),
        "latent": list(frame.quantiser_map.shape),
        "covering": list(covering_latents(header.height, header.width)),
        "modes": packed(fields.modes, "u1"),
        "directions": packed(fields.directions, "u1"),
        "sides": packed(fields.sides, "u1"),
        "vectors": packed(fields.vectors, "<i2"),
        "vector_unit": 2.0 ** -format_of(header.format_version).vector_fraction_bits,
        "provenance": packed(provenance, "u1"),
        "quantisers": packed(frame.quantiser_map, "u1"),
    }


def describe_guard(guard: GuardMap, index: int) -> dict[str, object]:
    """Which squares of a frame keep to the guard's limit: ``square`` px a side, in rows and columns
    ``grid``; ``unheld``, base64 of a uint8 for each, is 1 where one does not.
    """
    return {
        "limit": str(guard.limit),
        "square": SQUARE,
        "grid": list(guard.unheld.shape[1:]),
        "unheld": packed(guard.unheld[index], "u1"),
    }


def packed(values: np.ndarray, kind: str) -> str:
    """An array as base64 of numbers of a NumPy type such as ``<i2``."""
    return base64.b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode()
