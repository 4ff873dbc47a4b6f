"""Access units to integer latents: the normative decoder."""

from __future__ import annotations

import zlib
from typing import Any

from .access_unit import AccessUnit
from .blas_threads import one_blas_thread
from .coder import Coder, Tables
from .errors import BitstreamError, ChecksumError
from .formats import format_of
from .group_structure import FrameReference, walk_group
from .limits import available_bytes, check_memory
from .sequence_header import SequenceHeader
from .v1.frame_coder import LatentFrame
from .v1.observer import Observer


def latent_checksum(frames: tuple[LatentFrame, ...]) -> int:
    """CRC-32 of the latents of an access unit: int16 little-endian, frames in display order, then
    channel, row, column.
    """
    crc = 0
    for frame in frames:
        crc = zlib.crc32(frame.latents.astype("<i2").tobytes(), crc)
    return crc


class LatentDecoder:
    """Decodes the access units of one stream in order, starting at any keyframe.

    ``decode`` either returns frames whose checksum holds or raises and leaves the decoder waiting
    for a keyframe.  ``memory_limit``: bytes that decoding an access unit may take by its header and
    the tables (``limits.decoding_bytes``), by default those of the machine.  ``observer`` is told
    of all that is decoded.
    """

    def __init__(
        self,
        tables: Tables,
        memory_limit: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._tables, self._observer = tables, observer
        self._memory_limit = available_bytes() if memory_limit is None else memory_limit
        self._coder: Coder | None = None
        self._anchor: Any = None
        self._header: SequenceHeader | None = None

    @property
    def header(self) -> SequenceHeader | None:
        """The sequence header of the last keyframe."""
        return self._header

    def decode(self, unit: AccessUnit) -> tuple[LatentFrame, ...]:
        """Frames of the unit in display order.

        Raises ``BitstreamError`` (``ChecksumError`` for wrong latents).
        """
        return self.decode_with_references(unit)[0]

    def decode_with_references(
        self, unit: AccessUnit
    ) -> tuple[tuple[LatentFrame, ...], tuple[Any, ...]]:
        """The same, and each of the frames as others refer to it: a reference of the coder's
        version, which may know more of the frame than its latents.
        """
        coder, anchor = self._begin(unit)
        with one_blas_thread():
            frames, references = decode_group(coder, anchor, unit, self._observer)
        if latent_checksum(frames) != unit.latent_checksum:
            raise ChecksumError(
                "reconstructed latents differ from the encoder's: the model's tables or this"
                " program differ from the encoder's"
            )
        self._coder, self._anchor = coder, references[-1]
        return frames, references

    def pass_over(self, unit: AccessUnit) -> None:
        """Go on behind a unit of version 2 that is no keyframe and that nobody wants.

        Of its frames those are made that others need, and its checksum, which takes all of them, is
        not compared: that of a later unit says whether what that was made of was right.
        Raises ``BitstreamError``.
        """
        coder, anchor = self._begin(unit)
        io, quantisers = coder.reader(unit.payload), iter(unit.quantisers)
        coder.start_unit()

        def go_over(entry: FrameReference, references: tuple[Any, ...]) -> Any:
            return coder.pass_inter(io, next(quantisers), entry, references)

        with one_blas_thread():
            self._anchor = walk_group(unit.references, anchor, go_over)[-1].made()
        self._coder = coder

    def _begin(self, unit: AccessUnit) -> tuple[Any, Any]:
        """The coder and the anchor of a unit.  Raises ``BitstreamError``."""
        coder, anchor = self._coder, self._anchor
        self._coder = self._anchor = None  # until this unit has proved good
        header = unit.header
        if header is not None:  # a keyframe
            if header.latent_channels != self._tables.latent_channels:
                raise BitstreamError(
                    f"stream has {header.latent_channels} latent channels, the model's tables have"
                    f" {self._tables.latent_channels}"
                )
            if header.format_version != self._tables.format_version:
                raise BitstreamError(
                    f"stream has format version {header.format_version}, the model's tables are of"
                    f" version {self._tables.format_version}"
                )
            check_memory(header, unit.frame_count, self._memory_limit, self._tables)
            coder = format_of(header.format_version).new_coder(self._tables, header)
            self._header = header
        elif coder is None or anchor is None or self._header is None:
            raise BitstreamError(
                "it needs the keyframe before it, which is missing or damaged: copy or download the"
                " file again"
            )
        else:
            check_memory(self._header, unit.frame_count, self._memory_limit, self._tables)
        return coder, anchor


def decode_group(
    coder: Coder,
    anchor: Any,
    unit: AccessUnit,
    observer: Observer | None = None,
) -> tuple[tuple[LatentFrame, ...], tuple[Any, ...]]:
    """Entropy-decode and reconstruct one unit → frames in display order, and the same as references
    of the coder's version.  anchor: the last frame before it, as such a reference.
    """
    io = coder.reader(unit.payload, observer)
    quantisers = dict(zip(unit.references, unit.quantisers, strict=True))
    frames: dict[int, LatentFrame] = {}
    if not unit.is_keyframe:
        coder.start_unit()

    def decode(entry: FrameReference, references: tuple[Any, ...]) -> Any:
        if references:
            frame = coder.code_inter(io, quantisers[entry], entry, references)
        else:
            frame = coder.code_keyframe(io, quantisers[entry])
        frames[entry.display_index] = frame
        return coder.reference(frame)

    references = walk_group(unit.references, anchor, decode)
    return tuple(frames[index] for index in range(unit.frame_count)), tuple(references)
