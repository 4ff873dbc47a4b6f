"""From a file to exact latents: every frame with what is known about it, and errors that name file
and place.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from bitstream.errors import BitstreamError, ChecksumError, UnsupportedVersionError
from bitstream.group_structure import Structure
from bitstream.sequence_header import NEWEST_VERSION, SequenceHeader
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.decoded import QuantiserMaps
from videocodec.decoder.latents import LatentStream, bundle_for
from videocodec.errors import ModelMismatchError, UnknownModelError
from videocodec.models.bundle import ModelBundle

HEADER = SequenceHeader(
    format_version=1,
    width=48,
    height=32,
    time_base=Fraction(1, 25),
    latent_channels=1,
    crf=28,
    gop_size=250,
    preset=0,
    model_name="none",
    model_sha256="0" * 64,
)


def edit_unit(
    change: Callable[[AccessUnit], AccessUnit], only: int | None = None
) -> Callable[[int, bytes], bytes]:
    """For ``rewrite``: change the fields of access units and give them good checksums again."""
    return lambda index, data: (
        change(AccessUnit.parse(data)).to_bytes() if only in (None, index) else data
    )


def test_every_frame_comes_in_display_order_with_its_times(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    frames = list(stream.frames())
    assert [frame.index for frame in frames] == list(range(22))
    assert [float(frame.pts * stream.header.time_base) for frame in frames] == pytest.approx(
        [index / 25 for index in range(22)]
    )
    assert [frame.kind for frame in frames] == [
        "keyframe" if index % 10 == 0 else "inter" for index in range(22)
    ]
    assert all(
        frame.latent.latents.shape == (stream.header.latent_channels, 8, 12) for frame in frames
    )
    assert all(frame.latent.latents.dtype == np.int16 for frame in frames)


def test_it_can_be_read_as_often_as_one_likes(coded_movie) -> None:
    stream = LatentStream(coded_movie.coded)
    first, second = ([frame.latent.latents for frame in stream.frames()] for _ in range(2))
    assert np.array_equal(first, second)


def test_byte_shares_of_frames_add_up_to_their_access_units(coded_movie) -> None:
    frames = iter(LatentStream(coded_movie.coded).frames())
    for sample in StreamReader(coded_movie.coded).units():
        shares = [next(frames).byte_share for _ in range(AccessUnit.parse(sample.data).frame_count)]
        assert min(shares) > 0
        assert sum(shares) == pytest.approx(len(sample.data), rel=0.02)


def test_a_damaged_access_unit_is_named_with_file_and_frame(
    coded_movie, rewrite: Callable[..., Path]
) -> None:
    damaged = rewrite(
        coded_movie.coded,
        lambda index, data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if index == 1 else data,
    )
    frames = LatentStream(damaged).frames()
    next(frames)
    with pytest.raises(
        ChecksumError, match=r"changed.lv.mp4: access unit 1 \(frame 1\): it is damaged"
    ):
        list(frames)


def test_a_wrong_latent_checksum_is_its_own_error(
    coded_movie, rewrite: Callable[..., Path]
) -> None:
    wrong = rewrite(
        coded_movie.coded,
        edit_unit(lambda unit: replace(unit, latent_checksum=unit.latent_checksum ^ 1), only=1),
    )
    with pytest.raises(
        ChecksumError,
        match=(
            "access unit 1 .*: reconstructed latents differ from the encoder's: the model's tables"
            " or this program differ"
        ),
    ):
        list(LatentStream(wrong).frames())


def test_a_newer_format_says_upgrade(coded_movie, rewrite: Callable[..., Path]) -> None:
    def newer(index: int, data: bytes) -> bytes:
        changed = data[:5] + bytes([NEWEST_VERSION + 1]) + data[6:-4]
        return changed + zlib.crc32(changed).to_bytes(4, "big") if data[1:5] == b"LVID" else data

    with pytest.raises(
        UnsupportedVersionError,
        match=rf"format {NEWEST_VERSION + 1}, this program reads {NEWEST_VERSION}.*upgrade",
    ):
        LatentStream(rewrite(coded_movie.coded, newer))


class TestModels:
    def test_the_bundle_is_found_by_its_sha(self, coded_movie) -> None:
        assert bundle_for(LatentStream(coded_movie.coded).header).name == "embedded"

    def test_a_model_of_the_same_name_with_other_weights_says_which_version_to_take(
        self, coded_movie, rewrite: Callable[..., Path]
    ) -> None:
        other = rewrite(
            coded_movie.coded,
            edit_unit(
                lambda unit: (
                    unit
                    if unit.header is None
                    else replace(unit, header=replace(unit.header, model_sha256="ab" * 32))
                )
            ),
        )
        with pytest.raises(
            ModelMismatchError,
            match=(
                "changed.lv.mp4: stream needs model embedded abababababababab…, this .* has"
                " embedded .*: decode with the version"
            ),
        ):
            LatentStream(other)
        with pytest.raises(
            ModelMismatchError,
            match=(
                "needs model embedded abababababababab…, embedded is .*: give the bundle that wrote"
            ),
        ):
            LatentStream(other, "embedded")

    def test_an_unknown_model_says_to_give_its_folder(
        self, coded_movie, rewrite: Callable[..., Path]
    ) -> None:
        def foreign(unit: AccessUnit) -> AccessUnit:
            return (
                unit
                if unit.header is None
                else replace(
                    unit, header=replace(unit.header, model_name="sd-vae", model_sha256="ab" * 32)
                )
            )

        with pytest.raises(
            ModelMismatchError,
            match=(
                "needs model sd-vae abab.* unknown here: this installation has .*embedded.* give"
                " that folder as the model"
            ),
        ):
            LatentStream(rewrite(coded_movie.coded, edit_unit(foreign)))

    def test_a_model_given_by_name_is_looked_up(self, coded_movie) -> None:
        assert (
            LatentStream(coded_movie.coded, "embedded").bundle.sha256
            == ModelBundle.find("embedded").sha256
        )
        with pytest.raises(UnknownModelError, match="unknown model 'nonesuch'"):
            LatentStream(coded_movie.coded, "nonesuch")


@pytest.mark.parametrize(
    ("field", "value"), [("width", 80), ("height", 33), ("model_sha256", "ab" * 32)]
)
def test_a_header_that_changes_in_mid_stream_is_refused_by_name(
    coded_movie, rewrite: Callable[..., Path], field: str, value: object
) -> None:
    def change(index: int, data: bytes) -> bytes:
        unit = AccessUnit.parse(data)
        return (
            replace(unit, header=replace(unit.header, **{field: value})).to_bytes()
            if index and unit.is_keyframe
            else data
        )

    with pytest.raises(BitstreamError, match=rf"frame 10\): {field} changes from .* to {value}"):
        list(LatentStream(rewrite(coded_movie.coded, change)).frames())


class TestQuantiserMaps:
    """Which quantiser last refined each position, for decoders that remove its noise."""

    @staticmethod
    def maps(structure: Structure, *frames: tuple[int, BlockFields]) -> list[np.ndarray]:
        """The maps of a unit of 2×3 blocks after a keyframe of quantiser 30; frames in display
        order.
        """
        maps = QuantiserMaps(2)
        key = AccessUnit(Structure.KEYFRAME, HEADER, 0, (1,), (30,), 0, b"")
        first = maps.of(
            key,
            (
                LatentFrame(
                    np.zeros((1, 4, 6), np.int16), BlockFields.blank(2, 3, Mode.INTRA), 30, 0.0, 0.0
                ),
            ),
        )
        assert np.all(first[0] == 30)
        unit = AccessUnit(structure, None, 1, (1,) * len(frames), (40,) * len(frames), 0, b"")
        return maps.of(
            unit,
            tuple(
                LatentFrame(np.zeros((1, 4, 6), np.int16), fields, quantiser, 0.0, 0.0)
                for quantiser, fields in frames
            ),
        )

    def test_copied_blocks_keep_what_they_had_and_coded_ones_take_the_frames(self) -> None:
        fields = BlockFields.blank(2, 3, Mode.SKIP)
        fields.modes[1, 2], fields.modes[0, 1], fields.modes[0, 0] = (
            Mode.RESIDUAL,
            Mode.INTRA,
            Mode.GENERATE,
        )
        (found,) = self.maps(Structure.CHAIN, (40, fields))
        assert np.all(found[2:, 4:] == 40)
        assert np.all(found[:2, 2:4] == 40)
        assert np.sum(found == 30) == 16

    def test_copied_blocks_bring_it_along_from_where_they_come(self) -> None:
        first, second = BlockFields.blank(2, 3, Mode.SKIP), BlockFields.blank(2, 3, Mode.SKIP)
        first.modes[0, 2] = Mode.RESIDUAL
        second.vectors[0] = (0, 16)
        found = self.maps(Structure.CHAIN, (40, first), (50, second))[1]
        assert np.all(found[:2, 2:] == 40)
        assert np.sum(found == 40) == 8

    def test_between_two_references_each_block_asks_the_one_it_uses_and_an_average_the_finer(
        self,
    ) -> None:
        last, between = BlockFields.blank(2, 3, Mode.RESIDUAL), BlockFields.blank(2, 3, Mode.SKIP)
        between.directions[0] = [Direction.PAST, Direction.FUTURE, Direction.AVERAGE]
        found = self.maps(Structure.HIERARCHY, (45, between), (40, last))
        assert np.all(found[1] == 40)
        assert found[0][0].tolist() == [30, 30, 40, 40, 30, 30]
