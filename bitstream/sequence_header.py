"""The sequence header: what a decoder must know of a stream, repeated inside every keyframe.

    magic                         4   "LVID"
    format_version                1   1..NEWEST_VERSION, the same in all keyframes of a stream
    flags                         1   bit 0: lossy, always 1; bit 1: a generative reconstruction;
                                      others 0
    width, height                 2+2 1..16384 pixels each, at most 2^26 together
    primaries, transfer, matrix   3   code points of ITU-T H.273, 2 = unspecified
    full_range                    1   0 or 1
    sample_aspect_ratio           2+2 width : height of a pixel, 0:1 = unknown
    rotation                      1   0..3 quarter turns counter-clockwise
    time_base                     4+4 seconds per tick of the timestamps
    frame_rate                    4+4 frames per second, 0/1 = unknown
    latent_channels               1   1..64
    latent_stride_log2            1   3: a latent position is 8×8 pixels
    block_log2                    1   0..3: a block is 2^block_log2 latent positions wide and high
    crf                           1   0..63
    gop_size                      2   1..65535 frames
    preset                        1   0..9
    model_name                    1+n length 1..64, then UTF-8 without control characters
    model_sha256                  32

Integers are big-endian.  Fractions are in lowest terms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from .errors import FieldError, UnsupportedVersionError
from .fields import ByteReader, ByteWriter, check_range

MAGIC = b"LVID"
NEWEST_VERSION = 2  # of the format; formats.FORMATS has an entry for each one up to this
NEWEST_FROZEN = 2  # newer ones are drafts
MAX_SIDE = 16384
MAX_PIXELS = 1 << 26
MAX_NAME_BYTES = 64
PIXELS_PER_LATENT = 8  # a side: what latent_stride_log2 says, and the format knows no other
UNKNOWN = Fraction(0)  # of a sample aspect ratio or a frame rate

_LOSSY, _GENERATED = 1, 2
_SHA256_BYTES = 32

# name, bytes, lowest and highest value: every field between the flags and the model's name, in
# order.
_LAYOUT = (
    ("width", 2, 1, MAX_SIDE),
    ("height", 2, 1, MAX_SIDE),
    ("primaries", 1, 0, 255),
    ("transfer", 1, 0, 255),
    ("matrix", 1, 0, 255),
    ("full_range", 1, 0, 1),
    ("sample_aspect_ratio.num", 2, 0, 0xFFFF),
    ("sample_aspect_ratio.den", 2, 1, 0xFFFF),
    ("rotation", 1, 0, 3),
    ("time_base.num", 4, 1, 0xFFFFFFFF),
    ("time_base.den", 4, 1, 0xFFFFFFFF),
    ("frame_rate.num", 4, 0, 0xFFFFFFFF),
    ("frame_rate.den", 4, 1, 0xFFFFFFFF),
    ("latent_channels", 1, 1, 64),
    ("latent_stride_log2", 1, 3, 3),
    ("block_log2", 1, 0, 3),
    ("crf", 1, 0, 63),
    ("gop_size", 2, 1, 0xFFFF),
    ("preset", 1, 0, 9),
)
_LAYOUT_OFFSET = 6
_OFFSETS = {
    name: _LAYOUT_OFFSET + sum(size for _, size, _, _ in _LAYOUT[:i])
    for i, (name, _, _, _) in enumerate(_LAYOUT)
}
_NAME_OFFSET = _LAYOUT_OFFSET + sum(size for _, size, _, _ in _LAYOUT)


@dataclass(frozen=True)
class ColourDescription:
    """How the source's samples were meant: code points of ITU-T H.273 (2 = unspecified) and the
    range of the samples.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True, kw_only=True)
class SequenceHeader:
    """A sequence header; building or parsing one with a field out of range raises ``FieldError``.

    format_version: 1..NEWEST_VERSION.  width, height: pixels of the picture shown.
    colour: of the source.  sample_aspect_ratio: width / height of a pixel, 0 unknown.
    rotation: quarter turns counter-clockwise (0..3) by which a player turns the picture.
    time_base: seconds per tick.  frame_rate: frames per second, 0 unknown.
    crf, gop_size (frames), preset: the encoder's settings.  model_sha256: of the bundle, 64 digits.
    """

    format_version: int
    width: int
    height: int
    colour: ColourDescription = ColourDescription()
    sample_aspect_ratio: Fraction = UNKNOWN
    rotation: int = 0
    time_base: Fraction
    frame_rate: Fraction = UNKNOWN
    latent_channels: int
    latent_stride_log2: int = 3
    block_log2: int = 1
    crf: int
    gop_size: int
    preset: int
    model_name: str
    model_sha256: str
    generated_content: bool = False

    def __post_init__(self) -> None:
        check_range("format_version", len(MAGIC), self.format_version, 1, NEWEST_VERSION)
        values = self._values()
        for name, _, low, high in _LAYOUT:
            check_range(name, _OFFSETS[name], values[name], low, high)
        _check_pixels(self.width, self.height, _OFFSETS["width"])
        _check_name(self.model_name, _NAME_OFFSET)
        if not re.fullmatch(r"[0-9a-f]{64}", self.model_sha256):
            offset = _NAME_OFFSET + 1 + len(self.model_name.encode())
            raise FieldError(
                "model_sha256",
                offset,
                f"must be 64 lower-case hexadecimal digits, is {self.model_sha256!r}",
            )

    @property
    def block_size(self) -> int:
        """Side of a block in pixels."""
        return 1 << (self.latent_stride_log2 + self.block_log2)

    @property
    def padded_width(self) -> int:
        """Width rounded up to whole blocks, in pixels."""
        return -(-self.width // self.block_size) * self.block_size

    @property
    def padded_height(self) -> int:
        """Height rounded up to whole blocks, in pixels."""
        return -(-self.height // self.block_size) * self.block_size

    @property
    def latent_width(self) -> int:
        """Latent positions in a row, a whole number of blocks."""
        return self.padded_width >> self.latent_stride_log2

    @property
    def latent_height(self) -> int:
        """Latent positions in a column, a whole number of blocks."""
        return self.padded_height >> self.latent_stride_log2

    @property
    def block_rows(self) -> int:
        """Blocks in a column."""
        return self.latent_height >> self.block_log2

    @property
    def block_columns(self) -> int:
        """Blocks in a row."""
        return self.latent_width >> self.block_log2

    @property
    def block_latents(self) -> int:
        """Side of a block in latent positions."""
        return 1 << self.block_log2

    def to_bytes(self) -> bytes:
        """The header as it stands in a keyframe."""
        writer = ByteWriter()
        writer.put(MAGIC)
        writer.uint("format_version", 1, self.format_version)
        writer.uint("flags", 1, _LOSSY | (_GENERATED if self.generated_content else 0))
        values = self._values()
        for name, size, _, _ in _LAYOUT:
            writer.uint(name, size, values[name])
        model_name = self.model_name.encode()
        writer.uint("model_name.length", 1, len(model_name))
        writer.put(model_name)
        writer.put(bytes.fromhex(self.model_sha256))
        return writer.to_bytes()

    @classmethod
    def parse(cls, reader: ByteReader) -> SequenceHeader:
        """Read a header at the reader's position and leave the reader behind it.

        Raises ``FieldError``, ``TruncatedStreamError``, or ``UnsupportedVersionError`` for a newer
        format.
        """
        version, flags = _parse_start(reader)
        offsets, values = {}, {}
        for name, size, low, high in _LAYOUT:
            offsets[name] = reader.offset
            values[name] = reader.uint(name, size, low, high)
        _check_pixels(values["width"], values["height"], offsets["width"])
        fractions = {}
        for name in ("sample_aspect_ratio", "time_base", "frame_rate"):
            num, den = values[f"{name}.num"], values[f"{name}.den"]
            fractions[name] = Fraction(num, den)
            if fractions[name].denominator != den:
                raise FieldError(
                    name, offsets[f"{name}.num"], f"must be in lowest terms, is {num}/{den}"
                )
        colour = ColourDescription(
            values["primaries"], values["transfer"], values["matrix"], bool(values["full_range"])
        )
        return cls(
            format_version=version,
            width=values["width"],
            height=values["height"],
            colour=colour,
            sample_aspect_ratio=fractions["sample_aspect_ratio"],
            rotation=values["rotation"],
            time_base=fractions["time_base"],
            frame_rate=fractions["frame_rate"],
            latent_channels=values["latent_channels"],
            latent_stride_log2=values["latent_stride_log2"],
            block_log2=values["block_log2"],
            crf=values["crf"],
            gop_size=values["gop_size"],
            preset=values["preset"],
            model_name=_parse_name(reader),
            model_sha256=reader.take("model_sha256", _SHA256_BYTES).hex(),
            generated_content=bool(flags & _GENERATED),
        )

    def _values(self) -> dict[str, int]:
        """The integers of ``_LAYOUT`` by name."""
        colour = self.colour
        values = {name: getattr(self, name) for name, _, _, _ in _LAYOUT if hasattr(self, name)}
        values |= {
            "primaries": colour.primaries,
            "transfer": colour.transfer,
            "matrix": colour.matrix,
        }
        values["full_range"] = int(colour.full_range)
        for name in ("sample_aspect_ratio", "time_base", "frame_rate"):
            fraction = Fraction(getattr(self, name))
            values |= {f"{name}.num": fraction.numerator, f"{name}.den": fraction.denominator}
        return values


def _parse_start(reader: ByteReader) -> tuple[int, int]:
    """Magic, version and flags → the version and the flags."""
    start = reader.offset
    magic = reader.take("magic", len(MAGIC))
    if magic != MAGIC:
        raise FieldError("magic", start, f"must be {MAGIC!r}, is {magic!r}")
    version = reader.uint("format_version", 1, low=1)
    if version > NEWEST_VERSION:
        raise UnsupportedVersionError(
            f"written by a newer version (format {version}, this program reads {NEWEST_VERSION}):"
            " upgrade videocodec"
        )
    start = reader.offset
    flags = reader.uint("flags", 1)
    if flags & ~_GENERATED != _LOSSY:
        raise FieldError(
            "flags", start, f"bit 0 must be set and bits 2 to 7 clear, is 0x{flags:02x}"
        )
    return version, flags


def _parse_name(reader: ByteReader) -> str:
    start = reader.offset
    raw = reader.take("model_name", reader.uint("model_name.length", 1, 1, MAX_NAME_BYTES))
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise FieldError("model_name", start, f"must be UTF-8, is {raw!r}") from None
    _check_name(name, start)
    return name


def _check_pixels(width: int, height: int, offset: int) -> None:
    if width * height > MAX_PIXELS:
        raise FieldError(
            "width",
            offset,
            f"width × height must be at most {MAX_PIXELS} pixels, is {width} × {height}",
        )


def _check_name(name: str, offset: int) -> None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise FieldError("model_name", offset, f"must be valid Unicode, is {name!r}") from None
    if not 1 <= length <= MAX_NAME_BYTES:
        raise FieldError(
            "model_name", offset, f"must be 1..{MAX_NAME_BYTES} bytes of UTF-8, is {length}"
        )
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in name):
        raise FieldError("model_name", offset, f"must be without control characters, is {name!r}")
