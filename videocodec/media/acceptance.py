"""What this codec refuses rather than flattens: alpha, HDR, more than 8 bits, pictures too large
for the format.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from bitstream.sequence_header import MAX_PIXELS, MAX_SIDE, ColourDescription

from ..errors import InputError, UnsupportedInputError
from .colour import TRANSFER_HLG, TRANSFER_PQ, unreadable_matrix

_HDR_NAMES = {TRANSFER_PQ: "PQ", TRANSFER_HLG: "HLG"}

# These decoders give a pixel format with alpha whether or not the picture has any, so the pixels
# have to tell.
_ALWAYS_ALPHA = frozenset({"gif", "webp", "webp_anim"})


def check_size(path: Path, width: int, height: int) -> None:
    """Raise ``InputError`` for a frame size that the stream's header cannot hold."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: {width}×{height} is too large (at most {MAX_SIDE} a side, {MAX_PIXELS}"
            " pixels): scale it down"
        )


def alpha_is_in_pixels(frame: av.VideoFrame, codec_name: str) -> bool:
    """Whether only the pixels can tell if this frame is transparent: palettes, and decoders that
    always give alpha.
    """
    return frame.format.has_palette or (_has_alpha(frame) and codec_name in _ALWAYS_ALPHA)


def refuse_unsupported(
    path: Path,
    frame: av.VideoFrame,
    colour: ColourDescription,
    *,
    codec_name: str,
    alpha_beside: bool,
) -> None:
    """Raise ``UnsupportedInputError`` that names what is wrong with the frame's format.

    ``alpha_beside``: the container says that an alpha channel lies beside the stream (WebM), where
    the decoder does not even look.
    """
    if alpha_beside or (_has_alpha(frame) and codec_name not in _ALWAYS_ALPHA):
        raise UnsupportedInputError(
            f"{path} has an alpha channel (transparency), which would be lost: flatten it onto a"
            " background first"
        )
    transfer = int(frame.color_trc)
    if transfer in _HDR_NAMES:
        raise UnsupportedInputError(
            f"{path} is HDR ({_HDR_NAMES[transfer]}), which is not supported: tone-map it to 8-bit"
            " SDR first"
        )
    bits = max(part.bits for part in frame.format.components)
    if bits > 8:
        depth = f"{bits} bits per sample ({frame.format.name})"
        raise UnsupportedInputError(
            f"{path} has {depth}, only 8 are supported: convert it to 8 bits first"
        )
    matrix = unreadable_matrix(colour)
    if matrix is not None:
        raise UnsupportedInputError(
            f"{path} has the colour matrix {matrix}, which is not supported: convert it to BT.709"
            " first"
        )


def refuse_transparency(path: Path, rgba: np.ndarray) -> None:
    """Raise ``UnsupportedInputError`` when any pixel of a uint8 height × width × 4 picture is not
    opaque.
    """
    if rgba[..., 3].min() < 255:
        raise UnsupportedInputError(
            f"{path} has transparent pixels, which would be lost: flatten it onto a background"
            " first"
        )


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(part.is_alpha for part in frame.format.components)
