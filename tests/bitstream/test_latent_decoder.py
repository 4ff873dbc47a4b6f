"""The normative decoder: where it may start, what it does with damage, and that threads do not
matter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.access_unit import AccessUnit
from bitstream.errors import BitstreamError, ChecksumError, TruncatedStreamError
from bitstream.group_structure import Structure
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.frame_coder import LatentFrame

from ..conformance.reference_v1.decoder import ReferenceDecoder
from .synthetic import (
    MadeUnit,
    UnitPlan,
    make_stream,
    plain_tables,
    synthetic_header,
    synthetic_tables,
)

ROOT = Path(__file__).parents[2]
TABLES = synthetic_tables()
KEY = UnitPlan(Structure.KEYFRAME, (24,))
PLANS = (
    KEY,
    UnitPlan(Structure.CHAIN, (30, 31, 29)),
    UnitPlan(Structure.HIERARCHY, (28, 30, 32, 32, 34, 34)),
    KEY,
    UnitPlan(Structure.HIERARCHY, (28, 30)),
)


@pytest.fixture(scope="module")
def stream() -> tuple[MadeUnit, ...]:
    """Two keyframes with groups behind them, 6×5 blocks."""
    return make_stream(TABLES, synthetic_header(96, 80), PLANS, seed=77)


def assert_frames(got: Iterable[LatentFrame], made: MadeUnit) -> None:
    got = tuple(got)
    assert len(got) == len(made.frames)
    for frame, expected in zip(got, made.frames, strict=True):
        assert (frame.latents == expected.latents).all() and frame.quantiser == expected.quantiser
        assert (frame.fields.modes == expected.fields.modes).all()
        assert (frame.fields.directions == expected.fields.directions).all()
        assert (frame.fields.vectors == expected.fields.vectors).all()


def assert_waits_for_a_keyframe(decoder: LatentDecoder, stream: tuple[MadeUnit, ...]) -> None:
    for made in stream[1:3]:
        with pytest.raises(BitstreamError, match="needs the keyframe before it"):
            decoder.decode(made.unit)
    for made in stream[3:]:
        assert_frames(decoder.decode(made.unit), made)


def test_a_stream_holds_every_feature(stream: tuple[MadeUnit, ...]) -> None:
    """What the other tests rely on."""
    frames = [frame for made in stream for frame in made.frames]
    assert {int(mode) for frame in frames for mode in np.unique(frame.fields.modes)} == set(Mode)
    assert {
        int(direction) for frame in frames for direction in np.unique(frame.fields.directions)
    } == set(Direction)
    assert max(np.abs(frame.fields.vectors).max() for frame in frames) > 256


def test_units_are_decoded(stream: tuple[MadeUnit, ...]) -> None:
    decoder = LatentDecoder(TABLES)
    assert decoder.header is None
    for made in stream:
        assert_frames(decoder.decode(AccessUnit.parse(made.unit.to_bytes())), made)
    assert decoder.header == stream[0].unit.header


ALL_TABLES = {
    slices: synthetic_tables(7, slices, 3) for slices in ((1,), (2, 1), (1, 1, 2, 4, 8))
} | {TABLES.slices: TABLES}
PLAIN_TABLES = {slices: plain_tables(tables) for slices, tables in ALL_TABLES.items()}


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(ALL_TABLES)),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 3),
    st.lists(
        st.tuples(
            st.sampled_from(Structure), st.lists(st.integers(0, 127), min_size=1, max_size=5)
        ),
        max_size=4,
    ),
    st.integers(0, 1 << 30),
)
def test_any_stream_as_written(
    slices: tuple[int, ...],
    width: int,
    height: int,
    block_log2: int,
    units: list[tuple[Structure, list[int]]],
    seed: int,
) -> None:
    """Against the second decoder, which shares nothing."""
    tables = ALL_TABLES[slices]
    plans = [
        UnitPlan(kind, tuple(quantisers[:1] if kind == Structure.KEYFRAME else quantisers))
        for kind, quantisers in units
    ]
    decoder, slow = LatentDecoder(tables), ReferenceDecoder(PLAIN_TABLES[slices])
    header = synthetic_header(width, height, block_log2, sum(slices))
    for made in make_stream(tables, header, (KEY, *plans), seed, escape_odds=30):
        assert_frames(decoder.decode(made.unit), made)
        assert slow.decode(made.unit.to_bytes()) == [
            frame.latents.tolist() for frame in made.frames
        ]


def test_latent_checksum_by_hand() -> None:
    frames = [
        LatentFrame(np.array(values, dtype=np.int16).reshape(1, 1, 2), None, 0, 0.0, 0.0)
        for values in ((1, -2), (258, 0))
    ]
    assert latent_checksum(tuple(frames)) == zlib.crc32(b"\x01\x00\xfe\xff\x02\x01\x00\x00")


def test_decoding_starts_at_any_keyframe(stream: tuple[MadeUnit, ...]) -> None:
    assert_waits_for_a_keyframe(LatentDecoder(TABLES), stream)


def test_wrong_latents_are_found_and_a_keyframe_awaited(stream: tuple[MadeUnit, ...]) -> None:
    for index in (0, 1, 2):
        decoder = LatentDecoder(TABLES)
        for made in stream[:index]:
            decoder.decode(made.unit)
        unit = stream[index].unit
        with pytest.raises(ChecksumError, match="differ from the encoder's"):
            decoder.decode(replace(unit, latent_checksum=unit.latent_checksum ^ 1))
        assert_waits_for_a_keyframe(decoder, stream)


def test_other_tables_are_found_by_the_checksum(stream: tuple[MadeUnit, ...]) -> None:
    with pytest.raises(BitstreamError):
        LatentDecoder(synthetic_tables(seed=1)).decode(stream[0].unit)


def test_a_missing_unit_is_found(stream: tuple[MadeUnit, ...]) -> None:
    decoder = LatentDecoder(TABLES)
    decoder.decode(stream[0].unit)
    with pytest.raises(BitstreamError):
        decoder.decode(stream[2].unit)
    assert_waits_for_a_keyframe(decoder, stream)


def test_channels_must_fit_the_tables(stream: tuple[MadeUnit, ...]) -> None:
    unit = stream[0].unit
    with pytest.raises(
        BitstreamError, match="stream has 16 latent channels, the model's tables have 4"
    ):
        LatentDecoder(TABLES).decode(replace(unit, header=replace(unit.header, latent_channels=16)))


@pytest.mark.parametrize("index", [0, 2])
def test_payload_of_half_words(index: int, stream: tuple[MadeUnit, ...]) -> None:
    decoder = LatentDecoder(TABLES)
    decoder.decode(stream[0].unit)
    decoder.decode(stream[1].unit)
    with pytest.raises(TruncatedStreamError, match="whole 32-bit words"):
        decoder.decode(replace(stream[index].unit, payload=stream[index].unit.payload[:-1]))
    assert_waits_for_a_keyframe(decoder, stream)


def decode_damaged(stream: tuple[MadeUnit, ...], index: int, payload: bytes) -> None:
    """Frames whose checksum holds, or ``BitstreamError``; then the decoder takes the next
    keyframe.
    """
    decoder = LatentDecoder(TABLES)
    for made in stream[:index]:
        decoder.decode(made.unit)
    try:
        frames = decoder.decode(replace(stream[index].unit, payload=payload))
        assert latent_checksum(frames) == stream[index].unit.latent_checksum
    except BitstreamError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either outcome is right)
        with pytest.raises(BitstreamError):
            decoder.decode(stream[index + 1].unit if index < 2 else stream[1].unit)
    assert_frames(decoder.decode(stream[3].unit), stream[3])


@settings(max_examples=40)
@given(st.integers(0, 2), st.binary(max_size=400))
def test_any_bytes_as_payload(index: int, payload: bytes) -> None:
    decode_damaged(SMALL, index, payload)
    decode_damaged(SMALL, index, payload + bytes(-len(payload) % 4))


@settings(max_examples=60)
@given(st.integers(0, 2), st.data())
def test_damaged_payloads(index: int, data: st.DataObject) -> None:
    payload = bytearray(SMALL[index].unit.payload)
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    decode_damaged(SMALL, index, bytes(payload))
    decode_damaged(SMALL, index, bytes(payload[: cut // 4 * 4]))


@pytest.mark.parametrize(
    "payload", [b"", b"\0" * 4, b"\xff" * 4, b"\0" * 4096, b"\xff" * 4096, b"\xfe\xff\xff\xff" * 3]
)
def test_monotonous_payloads(payload: bytes) -> None:
    for index in range(3):
        decode_damaged(SMALL, index, payload)


SMALL = make_stream(TABLES, synthetic_header(40, 33), PLANS, seed=5)

CHECK_LARGE = """
import numpy as np, zlib
from bitstream.latent_decoder import LatentDecoder, latent_checksum
from bitstream.group_structure import Structure
from tests.bitstream.synthetic import UnitPlan, make_stream, synthetic_header, synthetic_tables
tables = synthetic_tables()
plans = (UnitPlan(Structure.KEYFRAME, (24,)), UnitPlan(Structure.HIERARCHY, (30, 32, 33)))
decoder = LatentDecoder(tables)
for made in make_stream(tables, synthetic_header(1024, 768), plans, seed=9):
    print(latent_checksum(decoder.decode(made.unit)), zlib.crc32(made.unit.to_bytes()))
random = np.random.PCG64(1).random_raw(2 * 700 * 1600)
a, b = ((random >> np.uint64(48)).astype(np.int64) - 32768).astype(np.float64).reshape(2, 700, 1600)
for product in (a @ b.T, b.T @ a):
    print(zlib.crc32(product.astype(np.int64).tobytes()))
"""


def test_threads_do_not_matter() -> None:
    results = []
    for threads in ("1", "2"):
        variables = {
            name: threads for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        }
        command = [sys.executable, "-c", CHECK_LARGE]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results.append(done.stdout.split())
    assert len(results[0]) == 6 and results[0] == results[1]
