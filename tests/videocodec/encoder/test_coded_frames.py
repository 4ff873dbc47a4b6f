"""The coding loop, seen from outside: frames in, access units out, whatever the structure of the
groups.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import MAX_FRAMES
from bitstream.latent_decoder import LatentDecoder
from bitstream.v1.block_fields import Direction, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.encoder.chunk_coder import (
    ChunkCoder,
    ChunkTask,
    CodingPlan,
)
from videocodec.encoder.chunks import KeyframePlanner, plan_chunks
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import EncoderSettings

from .chunk_scenes import Source, keyframes, part, scene


@pytest.fixture
def encoded(linear_codec) -> Callable[..., list[AccessUnit]]:
    """encoded(pictures, **settings) → access units."""

    def encode(pictures: list[np.ndarray], **settings: object) -> list[AccessUnit]:
        height, width = pictures[0].shape[:2]
        settings = EncoderSettings(**({"crf": 28} | settings))
        frames, header = list(Source(pictures)), linear_codec.header(width, height)
        search, coder = (
            MotionSearch.for_header(header, settings.effort.flow_preset),
            ChunkCoder(linear_codec, header),
        )
        units = []
        for chunk in plan_chunks(
            (search.luma(frame.rgb) for frame in frames), KeyframePlanner(search, settings.gop_size)
        ):
            if chunk is not None:
                (coded,) = coder.code(
                    ChunkTask(chunk, (CodingPlan(settings),)), lambda chunk: part(frames, chunk)
                )
                units += [AccessUnit.parse(data) for data in coded.access_units()]
        return units

    return encode


@pytest.fixture
def decoded(linear_codec) -> Callable[[list[AccessUnit]], list[LatentFrame]]:
    """The frames of access units in display order, checksums verified."""

    def decode(units: list[AccessUnit]) -> list[LatentFrame]:
        decoder = LatentDecoder(linear_codec.tables)
        return [
            frame for unit in units for frame in decoder.decode(AccessUnit.parse(unit.to_bytes()))
        ]

    return decode


class TestFrames:
    def test_every_frame_comes_out_with_its_timestamps_and_decodes(
        self, encoded, decoded, smooth
    ) -> None:
        units = encoded(scene(smooth, 1, 21, (1, 1)))
        assert [pts for unit in units for pts in unit.pts] == list(range(0, 42, 2))
        assert [duration for unit in units for duration in unit.durations] == [2] * 21
        assert len(decoded(units)) == 21

    def test_decoded_latents_are_close_to_those_of_the_pictures(
        self, linear_codec, encoded, decoded, smooth
    ) -> None:
        pictures = scene(smooth, 2, 9, (1, 2))
        for picture, frame in zip(pictures, decoded(encoded(pictures, crf=8)), strict=True):
            wanted = linear_codec.latents(picture)
            assert np.mean((frame.latents / 64 - wanted) ** 2) < 0.1 * wanted.var()

    def test_a_finer_crf_takes_more_bytes_and_gives_less_error(
        self, linear_codec, encoded, decoded, smooth
    ) -> None:
        pictures = scene(smooth, 3, 10, (1, 2))
        sizes, errors = [], []
        for crf in (10, 25, 40):
            units = encoded(pictures, crf=crf)
            sizes.append(sum(len(unit.to_bytes()) for unit in units))
            errors.append(
                np.mean(
                    [
                        (frame.latents / 64 - linear_codec.latents(picture)) ** 2
                        for picture, frame in zip(pictures, decoded(units), strict=True)
                    ]
                )
            )
        assert sizes == sorted(sizes, reverse=True)
        assert errors == sorted(errors)

    @pytest.mark.parametrize("size", [(33, 50), (1, 1), (16, 16)])
    def test_any_size_works(self, encoded, decoded, smooth, size: tuple[int, int]) -> None:
        pictures = [smooth(*size, 4)] * 3
        assert decoded(encoded(pictures))[0].latents.shape == (
            4,
            -(-size[0] // 16) * 2,
            -(-size[1] // 16) * 2,
        )


class TestModes:
    def test_a_static_clip_is_all_skip_after_its_keyframe(self, encoded, decoded, smooth) -> None:
        """The codec error of the keyframe may be mended once; then nothing is left to say."""
        units = encoded(scene(smooth, 5, 18))
        assert keyframes(units) == [0]
        for frame in decoded(units)[1:]:
            assert np.all(frame.fields.modes == Mode.SKIP)
            assert not frame.fields.vectors.any()
        assert sum(len(unit.payload) for unit in units[1:]) < 17 * 8

    def test_a_new_object_is_coded_when_it_appears_and_then_copied(
        self, encoded, decoded, smooth
    ) -> None:
        pictures = [picture.copy() for picture in scene(smooth, 6, 12)]
        for picture in pictures[5:]:
            picture[16:48, 32:64] = 255 - picture[16:48, 32:64][::-1]
        units = encoded(pictures)
        assert keyframes(units) == [0]
        coded = np.stack([frame.fields.coded for frame in decoded(units)[1:]])
        there, elsewhere = coded[:, 1:3, 2:4], coded.copy()
        elsewhere[:, 1:3, 2:4] = False
        assert there.any(0).mean() >= 0.75
        assert not elsewhere.any()
        assert there.sum() <= 2 * there[0].size

    def test_a_pan_is_sent_as_its_vector(self, encoded, decoded, smooth) -> None:
        """A vector is the camera's motion over the time that lies between a frame and its
        reference.
        """
        step = (1, 3)
        units = encoded(scene(smooth, 8, 17, step))
        frames = decoded(units)
        right, first = [], 0
        for unit in units:
            for entry in unit.references if not unit.is_keyframe else ():
                fields, time = frames[first + entry.display_index].fields, entry.number
                for vectors, number, unused in (
                    (fields.vectors[0], entry.past, Direction.FUTURE),
                    (fields.vectors[1], entry.future, Direction.PAST),
                ):
                    used = (fields.modes != Mode.INTRA) & (fields.directions != unused)
                    used[[0, -1]] = used[:, [0, -1]] = False
                    if number is not None and used.any() and abs(time - number) <= 4:
                        right.append(
                            np.abs(vectors[used] - (time - number) * np.array(step)).max(-1) <= 1
                        )
            first += unit.frame_count
        right = np.concatenate(right)
        assert len(right) > 50
        assert right.mean() >= 0.9

    def test_a_keyframe_is_all_intra(self, encoded, decoded, smooth) -> None:
        assert np.all(decoded(encoded(scene(smooth, 9, 2)))[0].fields.modes == Mode.INTRA)


class TestKeyframes:
    def test_a_scene_cut_is_a_keyframe(self, encoded, smooth) -> None:
        assert keyframes(
            encoded(scene(smooth, 11, 12, (0, 1)) + scene(smooth, 12, 12, (1, 0)))
        ) == [0, 12]

    def test_a_pan_is_none(self, encoded, smooth) -> None:
        assert keyframes(encoded(scene(smooth, 13, 24, (2, 3)))) == [0]

    @pytest.mark.parametrize("gop_size", [1, 5, 16, 18])
    def test_gop_size_is_the_longest_distance(self, encoded, smooth, gop_size: int) -> None:
        assert keyframes(encoded(scene(smooth, 14, 20), gop_size=gop_size)) == list(
            range(0, 20, gop_size)
        )

    def test_the_distance_counts_from_a_cut(self, encoded, smooth) -> None:
        assert keyframes(encoded(scene(smooth, 15, 12) + scene(smooth, 16, 14), gop_size=15)) == [
            0,
            12,
        ]
        assert keyframes(encoded(scene(smooth, 15, 12) + scene(smooth, 16, 14), gop_size=13)) == [
            0,
            12,
            25,
        ]

    def test_camera_flashes_do_not_make_keyframes_close_to_each_other(
        self, encoded, decoded, smooth
    ) -> None:
        pictures = [picture.copy() for picture in scene(smooth, 17, 30)]
        for index in (3, 12, 13, 15):
            pictures[index] = 255 - pictures[index] // 4
        units = encoded(pictures)
        found = keyframes(units)
        assert found[0] == 0
        assert all(second - first >= 8 for first, second in itertools.pairwise(found))
        assert len(decoded(units)) == 30

    @pytest.mark.parametrize("group_size", [1, 4, 16])
    def test_groups_hold_at_most_group_size_frames(self, encoded, smooth, group_size: int) -> None:
        units = encoded(scene(smooth, 18, 40), group_size=group_size)
        assert max(unit.frame_count for unit in units) == group_size <= MAX_FRAMES
        assert sum(unit.frame_count for unit in units) == 40
