"""Targets of the elementary stream: sequence header, access unit, entropy-coded payload up to
reconstructed latents.

The checksum at the end of an access unit would keep nearly every input from being read at all:
targets put the right one there.
"""

from __future__ import annotations

import zlib
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from bitstream.access_unit import (
    MAX_DURATION,
    MAX_PTS,
    AccessUnit,
    peek_frame_count,
    peek_is_keyframe,
)
from bitstream.blas_threads import one_blas_thread
from bitstream.errors import BitstreamError
from bitstream.fields import ByteReader
from bitstream.formats import format_of
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder, decode_group, latent_checksum
from bitstream.limits import decoding_bytes
from bitstream.sequence_header import MAX_PIXELS, MAX_SIDE, SequenceHeader
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.prediction import VECTOR_LIMIT
from bitstream.v1.quantiser import LATENT_LIMIT
from bitstream.v2 import compiled
from tests.bitstream.synthetic import synthetic_header, synthetic_tables

from .guard import within

FRAME_COUNTS = (1, 2, 3, 4, 1, 2, 3, 16)
# blocks; few, because what follows from the size alone takes longer than the rest
GRIDS = ((1, 1), (2, 3), (4, 4), (9, 5))
_SPARE = 1 << 16  # bytes that any input may take


def header(data: bytes) -> None:
    """A sequence header: what is read is written as the same bytes, and its sizes are within their
    ranges.
    """
    with within(data, 1, lambda: _SPARE):
        reader = ByteReader(data)
        try:
            header = SequenceHeader.parse(reader)
        except BitstreamError:
            return
        assert header.to_bytes() == data[: reader.offset]
        _check_header(header)


def unit(data: bytes) -> None:
    """An access unit without its checksum: what is read can be written and read again, and is
    within its ranges.
    """
    with within(data, 1, lambda: _SPARE + 8 * len(data)):
        whole = data + zlib.crc32(data).to_bytes(4, "big")
        for each in (data, whole):
            try:
                unit = AccessUnit.parse(each)
            except BitstreamError:
                continue
            assert AccessUnit.parse(unit.to_bytes()) == unit
            assert (
                peek_is_keyframe(each) == unit.is_keyframe
                and peek_frame_count(each) == unit.frame_count
            )
            assert (
                len(unit.quantisers)
                == len(unit.durations)
                == len(unit.pts)
                == len(unit.references)
                == unit.frame_count
                <= 16
            )
            assert abs(unit.first_pts) <= MAX_PTS and 0 < unit.duration <= 16 * MAX_DURATION
            assert all(0 <= quantiser <= 127 for quantiser in unit.quantisers)
            if unit.header is not None:
                _check_header(unit.header)


def _check_header(header: SequenceHeader) -> None:
    assert (
        1 <= header.width <= MAX_SIDE
        and 1 <= header.height <= MAX_SIDE
        and header.width * header.height <= MAX_PIXELS
    )
    assert header.latent_width * header.latent_height <= (MAX_PIXELS >> 6) + 4 * MAX_SIDE
    assert header.time_base > 0 and isinstance(header.time_base, Fraction)
    assert decoding_bytes(header) < 1 << 36


class Payload:
    """Entropy-coded payload of a keyframe and of the group after it, on a tiny picture under
    synthetic tables.

    The first four bytes say what the headers would: number of the grid, structure and frames,
    quantiser, and how far it goes up from frame to frame with the size of blocks; the fifth how
    many words belong to the keyframe.  What decodes is, for some inputs, decoded once more as
    access units whose checksums are right, and must come out the same.
    """

    frame_counts: ClassVar[tuple[int, ...]] = FRAME_COUNTS
    sides: ClassVar[tuple[int, ...]] = (1, 2, 4)  # of merged blocks

    def __init__(self) -> None:
        self.models: tuple[Any, ...] = (synthetic_tables(),)
        compiled.await_kernels()  # whose loading would count as memory that an input took
        one_blas_thread().__enter__()  # for good: asking for it anew takes as long as a small frame

    def __call__(self, data: bytes) -> None:
        if len(data) < 5:
            return
        tables, header = self.tables_of(data), self.header(data)
        structure = Structure.HIERARCHY if data[1] & 8 else Structure.CHAIN
        count = self.frame_counts[data[1] & 7]
        cut = 5 + 4 * data[4]
        key = AccessUnit(Structure.KEYFRAME, header, 0, (1,), (data[2] & 127,), 0, data[5:cut])
        group = AccessUnit(
            structure,
            None,
            1,
            (1,) * count,
            tuple((data[2] + i * (data[3] & 7)) & 127 for i in range(count)),
            0,
            data[cut:],
        )
        with within(data, 5, lambda: decoding_bytes(header, count)):
            coder = format_of(header.format_version).new_coder(tables, header)
            anchor, units = None, []
            for each in (key, group):
                try:
                    frames, references = decode_group(coder, anchor, each)
                    anchor = references[-1]
                except BitstreamError:
                    break
                for frame in frames:
                    self.check_frame(frame, header)
                units.append((each, frames))
        if units and zlib.crc32(data) % 16 == 0:
            _again(tables, units)

    def tables_of(self, data: bytes) -> Any:
        """The model of an input."""
        return self.models[0]

    def header(self, data: bytes) -> SequenceHeader:
        """What the first bytes of an input say of the picture: a few blocks, or a few pixels
        less.
        """
        block_log2 = data[3] >> 3 & 1
        columns, rows = (blocks << 3 + block_log2 for blocks in GRIDS[data[0] & 3])
        return synthetic_header(columns - (data[3] >> 4 & 3), rows - (data[3] >> 6), block_log2)

    def check_frame(self, frame: LatentFrame, header: SequenceHeader) -> None:
        """What every frame has, whatever bytes it was decoded from."""
        _check_frame(frame, header, self.sides)


def _again(tables: Any, units: list[tuple[AccessUnit, tuple[LatentFrame, ...]]]) -> None:
    """Decode the same as access units whose checksums are right."""
    decoder = LatentDecoder(tables)
    for each, frames in units:
        right = AccessUnit(**{**vars(each), "latent_checksum": latent_checksum(frames)})
        decoded = decoder.decode(AccessUnit.parse(right.to_bytes()))
        for one, other in zip(decoded, frames, strict=True):
            assert np.array_equal(one.latents, other.latents)


def _check_frame(frame: LatentFrame, header: SequenceHeader, sides: tuple[int, ...]) -> None:
    assert frame.latents.dtype == np.int16 and frame.latents.shape == (
        header.latent_channels,
        header.latent_height,
        header.latent_width,
    )
    assert abs(frame.latents.astype(np.int32)).max() <= LATENT_LIMIT
    fields, grid = (
        frame.fields,
        (header.block_rows, header.block_columns),
    )
    assert (
        fields.modes.shape == fields.directions.shape == fields.sides.shape == grid
        and fields.vectors.shape == (2, *grid, 2)
    )
    assert (
        np.isin(fields.modes, list(Mode)).all()
        and np.isin(fields.directions, list(Direction)).all()
    )
    assert np.isin(fields.sides, sides).all() and abs(fields.vectors).max() <= VECTOR_LIMIT
    assert (
        np.isfinite(frame.block_bits)
        and np.isfinite(frame.level_bits)
        and min(frame.block_bits, frame.level_bits) >= 0
    )
