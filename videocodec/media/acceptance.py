"""What this codec refuses unless it is told what to make of it: alpha and HDR; and what it cannot
read at all.
"""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import MAX_PIXELS, MAX_SIDE, ColourDescription

from ..errors import InputError, UnsupportedInputError
from .colour import TRANSFER_HLG, TRANSFER_PQ, unreadable_matrix
from .options import SourceOptions

_FLOATING = re.compile(r"f(16|32)(le|be)$")
_HDR_NAMES = {TRANSFER_PQ: "PQ", TRANSFER_HLG: "HLG"}

# These decoders give a pixel format with alpha whether or not the picture has any, so the pixels
# have to tell.
_ALWAYS_ALPHA = frozenset({"gif", "webp", "webp_anim"})

# JPEG has no alpha: where its decoder gives a fourth channel, it is the fourth ink.
_FOUR_INKS = frozenset({"mjpeg"})


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
    return frame.format.has_palette or (has_alpha(frame) and codec_name in _ALWAYS_ALPHA)


def refuse_unsupported(
    path: Path,
    frame: av.VideoFrame,
    colour: ColourDescription,
    options: SourceOptions,
    *,
    codec_name: str,
    alpha_beside: bool,
) -> None:
    """Raise ``UnsupportedInputError`` that names what is wrong with the frame's format.

    ``alpha_beside``: the container says that an alpha channel lies beside the stream (WebM), where
    the decoder does not even look.
    """
    if alpha_beside:
        raise UnsupportedInputError(
            f"{path} has an alpha channel (transparency) beside its pictures, which cannot be read:"
            " flatten it onto a background first"
        )
    if has_alpha(frame) and codec_name in _FOUR_INKS:
        raise UnsupportedInputError(
            f"{path} is a picture for print (CMYK), whose colours depend on inks and paper: convert"
            " it to RGB first"
        )
    if has_alpha(frame) and codec_name not in _ALWAYS_ALPHA and options.background is None:
        raise UnsupportedInputError(
            f"{path} has an alpha channel (transparency), which would be lost: --background '#000'"
            " flattens it onto a colour"
        )
    if hdr_name(frame) and not options.to_sdr:
        raise UnsupportedInputError(
            f"{path} is HDR ({hdr_name(frame)}), and this codec is for SDR: --to-sdr tone-maps it"
        )
    if _FLOATING.search(frame.format.name):
        raise UnsupportedInputError(
            f"{path} has samples in floating point ({frame.format.name}), which are not supported:"
            " convert them to 16 bits first"
        )
    matrix = unreadable_matrix(colour)
    if matrix is not None:
        raise UnsupportedInputError(
            f"{path} has the colour matrix {matrix}, which is not supported: convert it to BT.709"
            " first"
        )


def refuse_transparency(path: Path, alpha: npt.NDArray[np.unsignedinteger]) -> None:
    """Raise ``UnsupportedInputError`` when any pixel is not opaque, alpha height × width."""
    if alpha.min() < np.iinfo(alpha.dtype).max:
        raise UnsupportedInputError(
            f"{path} has transparent pixels, which would be lost: --background '#000' flattens them"
            " onto a colour"
        )


def bits_per_sample(frame: av.VideoFrame) -> int:
    """Of the channel that has most."""
    return max(part.bits for part in frame.format.components)


def hdr_name(frame: av.VideoFrame) -> str | None:
    """PQ or HLG, None for SDR."""
    return _HDR_NAMES.get(int(frame.color_trc))


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether the pixel format has an alpha channel; palettes do not say."""
    return any(part.is_alpha for part in frame.format.components)
