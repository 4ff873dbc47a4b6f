"""Colour: from the source's YUV to RGB and back, with matrix and range always explicit, never
libswscale's guess.

Code points are those of ITU-T H.273, as FFmpeg uses them too (2 = unspecified). A source that names
no matrix is read as BT.601 below 720 lines and as BT.709 from there on, as players do; one that
names no range is read as limited.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from bitstream.sequence_header import ColourDescription

IDENTITY = 0  # RGB, no matrix at all
BT709 = 1
UNSPECIFIED = 2
BT601_625 = 5
BT601_525 = 6
TRANSFER_PQ = 16
TRANSFER_HLG = 18

SDR = ColourDescription(primaries=BT709, transfer=BT709, matrix=BT709, full_range=False)

_HD_LINES = 720

# H.273 matrix -> the SWS_CS_* number PyAV hands to libswscale. The two BT.601 code points share
# their coefficients.
_SWSCALE_MATRIX = {BT709: 1, 4: 4, BT601_625: 5, BT601_525: 5, 7: 7, 9: 9}
_UNREADABLE_MATRIX = {
    8: "YCgCo",
    10: "BT.2020 constant luminance",
    11: "SMPTE 2085",
    12: "chromaticity-derived",
    13: "chromaticity-derived",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-R",
    17: "YCgCo-R",
}

# Without these libswscale takes short cuts that are off by several levels and, at odd widths, shift
# the chroma.
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_EXACT |= Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
_EXACT_FLAGS = "bicubic+accurate_rnd+bitexact+full_chroma_int+full_chroma_inp"
_ANY_TIME_BASE = Fraction(1, 25)

# Decoders that leave the matrix unspecified although their format fixes it.
_BT601_BY_DEFINITION = frozenset({"vp8", "webp"})


def describe(frame: av.VideoFrame, codec_name: str) -> ColourDescription:
    """The colour that a decoded frame states.

    RGB formats get matrix 0 and full range; nothing else is filled in except where the format fixes
    it (JPEG-like and grey pictures are full range, VP8 and WebP are BT.601).
    """
    name, matrix = frame.format.name, int(frame.colorspace)
    is_rgb = frame.format.is_rgb
    if is_rgb:
        matrix = IDENTITY
    elif matrix in (IDENTITY, 3):  # impossible for YUV, or reserved
        matrix = UNSPECIFIED
    if matrix == UNSPECIFIED and codec_name in _BT601_BY_DEFINITION:
        matrix = BT601_525
    full = int(frame.color_range) == ColorRange.JPEG or is_rgb or name.startswith("yuvj")
    if int(frame.color_range) == ColorRange.UNSPECIFIED and name.startswith(("gray", "mono")):
        full = True
    return ColourDescription(
        primaries=_known(int(frame.color_primaries), ColorPrimaries),
        transfer=_known(int(frame.color_trc), ColorTrc),
        matrix=matrix,
        full_range=full,
    )


def unreadable_matrix(colour: ColourDescription) -> str | None:
    """Name of the colour matrix when libswscale cannot convert it to RGB, else None."""
    if colour.matrix == IDENTITY:
        return None
    return _UNREADABLE_MATRIX.get(colour.matrix)


def stored_as(colour: ColourDescription, height: int) -> ColourDescription:
    """The colour description of the YUV video that decoded RGB frames are written as.

    The header's own wherever it names a YUV matrix. An unspecified matrix becomes the one the
    source was read with, so that the output says what was meant. A source in RGB has no YUV of its
    own and becomes limited range, which every player understands.
    """
    matrix = colour.matrix
    if matrix not in _SWSCALE_MATRIX:
        matrix = BT709 if height >= _HD_LINES else BT601_525
    return ColourDescription(
        primaries=_known(colour.primaries, ColorPrimaries),
        transfer=_known(colour.transfer, ColorTrc),
        matrix=matrix,
        full_range=bool(colour.full_range) and colour.matrix != IDENTITY,
    )


class RgbReader:
    """Converter of decoded frames of one source to RGB."""

    def __init__(self, colour: ColourDescription, height: int) -> None:
        self._reformatter = VideoReformatter()
        self._arguments: dict[str, Any] = {}
        if colour.matrix == IDENTITY:
            self._arguments = {"dst_color_range": ColorRange.JPEG}
        else:
            self._arguments = {
                "src_colorspace": _SWSCALE_MATRIX[stored_as(colour, height).matrix],
                "src_color_range": ColorRange.JPEG if colour.full_range else ColorRange.MPEG,
                "dst_color_range": ColorRange.JPEG,
            }

    def __call__(self, frame: av.VideoFrame, pixel_format: str = "rgb24") -> np.ndarray:
        """uint8 array, height × width × 3 (4 with "rgba")."""
        converted = self._reformatter.reformat(
            frame, format=pixel_format, interpolation=_EXACT, **self._arguments
        )
        return converted.to_ndarray()


class ChromaOnLeft:
    """Tagger of frames whose chroma location is unspecified: left, the default of H.264, H.265 and
    MPEG-2.

    libswscale takes an unspecified location for the centre, which is half a pixel off. PyAV has no
    attribute for it.
    """

    def __init__(self, width: int, height: int, pixel_format: str = "yuv420p") -> None:
        self._graph = graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat(pixel_format),
            time_base=_ANY_TIME_BASE,
        )
        graph.link_nodes(
            source, graph.add("setparams", "chroma_location=left"), graph.add("buffersink")
        ).configure()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with that tag."""
        self._graph.vpush(frame)
        return self._graph.vpull()


class YuvWriter:
    """Converter of RGB frames to YUV of one pixel format, with chroma samples on the left, where
    decoders expect them.

    ``colour`` must name a YUV matrix: see ``stored_as``.
    """

    def __init__(self, colour: ColourDescription, pixel_format: str) -> None:
        self._pixel_format = pixel_format
        self._options = {
            "in_range": "full",
            "out_range": "full" if colour.full_range else "limited",
            "out_color_matrix": str(_SWSCALE_MATRIX[colour.matrix]),
            "out_chroma_loc": "left",
            "flags": _EXACT_FLAGS,
        }
        self._graph: av.filter.Graph | None = None
        self._size = (0, 0)

    def __call__(self, rgb: np.ndarray) -> av.VideoFrame:
        """One frame, from uint8 height × width × 3. It carries no timestamp yet."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        if self._graph is None or self._size != (frame.width, frame.height):
            self._size, self._graph = (
                (frame.width, frame.height),
                self._build(frame.width, frame.height),
            )
        frame.pts, frame.time_base = 0, _ANY_TIME_BASE
        self._graph.vpush(frame)
        converted = self._graph.vpull()
        converted.pts = None
        return converted

    def _build(self, width: int, height: int) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat("rgb24"),
            time_base=_ANY_TIME_BASE,
        )
        scale = graph.add("scale", **self._options)
        graph.link_nodes(
            source, scale, graph.add("format", self._pixel_format), graph.add("buffersink")
        ).configure()
        return graph


def _known(code_point: int, names: type[ColorPrimaries] | type[ColorTrc]) -> int:
    """The code point, or "unspecified" for one that no encoder would take back."""
    return code_point if code_point in {int(known) for known in names} else UNSPECIFIED
