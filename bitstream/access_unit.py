"""The access unit, one sample of the container: a keyframe, or one group of up to 16 frames.

    structure          1   0 keyframe, 1 chain, 2 hierarchy; bit 7: quantiser offsets follow;
                           bits 2..6 zero
    sequence header        in keyframes only (sequence_header.py)
    frame_count - 1    1   0..15, 0 in keyframes
    first_pts          v   signed, |first_pts| < 2^62, ticks of the header's time base
    uniform            1   1: one duration for all frames, 0: one for each
    duration           v   1..2^40 ticks, once, or for every frame in display order
    quantiser          1   0..127
    quantiser_offset   1   signed, for every frame in coding order, only with bit 7;
                           quantiser + offset is 0..127
    latent_checksum    4   CRC-32 of the reconstructed latents
    payload                entropy-coded frames, opaque here
    checksum           4   CRC-32 (zlib) of all bytes before it

v is a variable-length integer (fields.py); the other integers are big-endian.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import accumulate

from .errors import ChecksumError, FieldError, TruncatedStreamError
from .fields import ByteReader, ByteWriter
from .group_structure import MAX_FRAMES, FrameReference, Structure, coding_order
from .sequence_header import SequenceHeader

MAX_UNIT_BYTES = 1 << 28
MAX_PTS = (1 << 62) - 1
MAX_DURATION = 1 << 40
MAX_QUANTISER = 127

_OFFSETS_FOLLOW = 0x80
_CRC_BYTES = 4


@dataclass(frozen=True)
class AccessUnit:
    """One access unit; building one whose fields do not fit each other or their ranges raises
    ``ValueError``.

    structure: how frames refer to each other.
    header: the sequence header of a keyframe, None otherwise.
    first_pts: timestamp of the frame shown first, ticks.
    durations: ticks, display order, one per frame.
    quantisers: 0..127, coding order, one per frame.
    latent_checksum: CRC-32 over the reconstructed latents (``latent_decoder.latent_checksum``).
    payload: the entropy-coded frames.
    """

    structure: Structure
    header: SequenceHeader | None
    first_pts: int
    durations: tuple[int, ...]
    quantisers: tuple[int, ...]
    latent_checksum: int
    payload: bytes

    def __post_init__(self) -> None:
        coding_order(self.structure, self.frame_count)  # raises for a wrong number of frames
        if self.is_keyframe != (self.header is not None):
            raise ValueError("a keyframe needs a sequence header, and no other access unit has one")
        if len(self.quantisers) != self.frame_count:
            raise ValueError(
                f"quantisers must be one per frame, got {len(self.quantisers)} for"
                f" {self.frame_count} frames"
            )
        ranges = [
            ("first_pts", self.first_pts, -MAX_PTS, MAX_PTS),
            ("latent_checksum", self.latent_checksum, 0, 0xFFFFFFFF),
        ]
        ranges += [("duration", duration, 1, MAX_DURATION) for duration in self.durations]
        ranges += [("quantiser", quantiser, 0, MAX_QUANTISER) for quantiser in self.quantisers]
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low}..{high}, got {value}")

    @property
    def frame_count(self) -> int:
        """Frames in this unit, 1..16."""
        return len(self.durations)

    @property
    def is_keyframe(self) -> bool:
        """Whether decoding can start here."""
        return self.structure == Structure.KEYFRAME

    @property
    def pts(self) -> tuple[int, ...]:
        """Timestamps of the frames in display order, ticks."""
        return tuple(accumulate(self.durations[:-1], initial=self.first_pts))

    @property
    def duration(self) -> int:
        """Ticks from the first timestamp to the end of the last frame."""
        return sum(self.durations)

    @property
    def references(self) -> tuple[FrameReference, ...]:
        """The frames in coding order, and what they refer to."""
        return coding_order(self.structure, self.frame_count)

    def to_bytes(self) -> bytes:
        """The unit as it stands in the container.

        ``ValueError`` if it would be larger than 2^28 bytes.
        """
        writer = ByteWriter()
        offsets = [quantiser - self.quantisers[0] for quantiser in self.quantisers]
        writer.uint("structure", 1, self.structure | (_OFFSETS_FOLLOW if any(offsets) else 0))
        if self.header is not None:
            writer.put(self.header.to_bytes())
        writer.uint("frame_count", 1, self.frame_count - 1)
        writer.signed_varint("first_pts", self.first_pts)
        uniform = len(set(self.durations)) == 1
        writer.uint("uniform", 1, uniform + 0)
        for duration in self.durations[:1] if uniform else self.durations:
            writer.varint("duration", duration)
        writer.uint("quantiser", 1, self.quantisers[0])
        for offset in offsets if any(offsets) else ():
            writer.int8("quantiser_offset", offset)
        writer.uint("latent_checksum", 4, self.latent_checksum)
        writer.put(self.payload)
        writer.uint("checksum", 4, zlib.crc32(writer.to_bytes()))
        if len(writer) > MAX_UNIT_BYTES:
            raise ValueError(
                f"access unit has {len(writer)} bytes, the format allows {MAX_UNIT_BYTES}"
            )
        return writer.to_bytes()

    @classmethod
    def parse(cls, data: bytes) -> AccessUnit:
        """Check the checksum of a whole access unit, then read its fields.

        Raises ``TruncatedStreamError``, ``ChecksumError``, ``FieldError`` or
        ``UnsupportedVersionError``.
        """
        reader = ByteReader(data, end=_checked_end(data))
        first = reader.uint("structure", 1)
        if first & ~_OFFSETS_FOLLOW not in set(Structure):
            raise FieldError(
                "structure", 0, f"must be 0..2, with or without bit 7, is 0x{first:02x}"
            )
        structure = Structure(first & ~_OFFSETS_FOLLOW)
        header = SequenceHeader.parse(reader) if structure == Structure.KEYFRAME else None
        frames = 1 + reader.uint(
            "frame_count", 1, 0, 0 if structure == Structure.KEYFRAME else MAX_FRAMES - 1
        )
        first_pts = reader.signed_varint("first_pts", -MAX_PTS, MAX_PTS)
        if reader.uint("uniform", 1, 0, 1):
            durations = (reader.varint("duration", 1, MAX_DURATION),) * frames
        else:
            durations = tuple(reader.varint("duration", 1, MAX_DURATION) for _ in range(frames))
        return cls(
            structure=structure,
            header=header,
            first_pts=first_pts,
            durations=durations,
            quantisers=_parse_quantisers(reader, frames, bool(first & _OFFSETS_FOLLOW)),
            latent_checksum=reader.uint("latent_checksum", 4),
            payload=reader.take("payload", reader.remaining),
        )


def unchecked_fields(data: bytes) -> AccessUnit | None:
    """The fields of a damaged access unit as they stand, for a guess at what was lost; None if they
    cannot be read.
    """
    body = data[:-_CRC_BYTES]
    try:
        return AccessUnit.parse(body + zlib.crc32(body).to_bytes(_CRC_BYTES, "big"))
    except ValueError:
        return None


def peek_is_keyframe(data: bytes) -> bool:
    """Whether the bytes of an access unit are those of a keyframe, by their first byte alone;
    nothing is checked.
    """
    return len(data) > 0 and data[0] & ~_OFFSETS_FOLLOW == Structure.KEYFRAME


def peek_frame_count(data: bytes) -> int:
    """Frames of an access unit, 1..16, by its field alone; nothing is checked."""
    position = len(data) if peek_is_keyframe(data) else 1
    return 1 + min(data[position], MAX_FRAMES - 1) if position < len(data) else 1


def checksum_holds(data: bytes) -> bool:
    """Whether these are the bytes of an access unit as it was written."""
    return len(data) > _CRC_BYTES and zlib.crc32(memoryview(data)[:-_CRC_BYTES]) == int.from_bytes(
        data[-_CRC_BYTES:], "big"
    )


def _checked_end(data: bytes) -> int:
    """Where the checksum starts, after checking size and checksum."""
    if len(data) <= _CRC_BYTES:
        raise TruncatedStreamError(f"access unit of {len(data)} bytes is shorter than its checksum")
    if len(data) > MAX_UNIT_BYTES:
        raise FieldError(
            "payload", 0, f"access unit has {len(data)} bytes, the format allows {MAX_UNIT_BYTES}"
        )
    end = len(data) - _CRC_BYTES
    stored, actual = int.from_bytes(data[end:], "big"), zlib.crc32(memoryview(data)[:end])
    if stored != actual:
        raise ChecksumError(
            f"it is damaged: its checksum is {actual:08x}, must be {stored:08x}: copy or download"
            " the file again"
        )
    return end


def _parse_quantisers(reader: ByteReader, frames: int, offsets_follow: bool) -> tuple[int, ...]:
    """Quantisers of the frames, coding order."""
    base = reader.uint("quantiser", 1, 0, MAX_QUANTISER)
    if not offsets_follow:
        return (base,) * frames
    return tuple(
        base + reader.int8("quantiser_offset", -base, MAX_QUANTISER - base) for _ in range(frames)
    )
