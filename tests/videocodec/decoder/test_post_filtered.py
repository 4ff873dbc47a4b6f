"""Pictures through a model's post-filter: wherever pictures are shown, unless they are wanted as
decoded.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from videocodec import VideoReader, decode_frames
from videocodec.calibration.post_filter import integer_post_filter
from videocodec.decoded import QUANTISER_STEPS
from videocodec.decoder.latents import LatentStream
from videocodec.models.bundle import ModelBundle
from videocodec.models.files import POST_FILTER
from videocodec.models.post_filter import PostFilter
from videocodec.models.upscaling import Upscaling
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape

from .same_pictures import check

CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The packaged model with a filter that changes much."""
    folder = tmp_path_factory.mktemp("models") / "second"
    shutil.copytree(ModelBundle.find("second").folder, folder)
    torch.manual_seed(0)
    network = PostFilterNetwork(PostFilterShape(8, 2))
    torch.nn.init.normal_(network.last.weight, std=0.02)
    shutil.rmtree(folder / POST_FILTER, ignore_errors=True)
    integer_post_filter(network).save(folder)
    changed = ModelBundle.find(folder)
    assert changed.sha256 == ModelBundle.find("second").sha256  # no part of its identity
    return changed


@pytest.fixture(scope="module")
def decoded(second_movie, bundle: ModelBundle) -> list[np.ndarray]:
    """Every picture (3, H, W) without it."""
    frames = decode_frames(second_movie.coded, pictures="exact", model=bundle.folder, **CPU)
    return [frame.data for frame in frames]


@pytest.fixture(scope="module")
def expected(second_movie, bundle: ModelBundle, decoded: list[np.ndarray]) -> list[np.ndarray]:
    """Every picture (3, H, W) through it."""
    post_filter = PostFilter.load(bundle.folder)
    assert post_filter is not None
    frames = LatentStream(second_movie.coded).frames()
    made = [
        post_filter.picture(
            np.ascontiguousarray(picture.transpose(1, 2, 0)), frame.quantiser_map
        ).transpose(2, 0, 1)
        for picture, frame in zip(decoded, frames, strict=True)
    ]
    assert (
        np.mean([np.abs(a - b.astype(int)).mean() for a, b in zip(made, decoded, strict=True)]) > 1
    )
    return made


@pytest.mark.parametrize("threads", [1, 2])
def test_it_filters_what_is_shown(
    second_movie, bundle: ModelBundle, expected: list[np.ndarray], threads: int
) -> None:
    shown = decode_frames(second_movie.coded, model=bundle.folder, device="cpu", threads=threads)
    check(shown, expected)


def test_not_where_pictures_are_wanted_as_decoded(
    second_movie, bundle: ModelBundle, decoded: list[np.ndarray]
) -> None:
    check(decode_frames(second_movie.coded, model=bundle.folder, restore=False, **CPU), decoded)


def test_in_readers(
    second_movie,
    bundle: ModelBundle,
    expected: list[np.ndarray],
    decoded: list[np.ndarray],
) -> None:
    with VideoReader(second_movie.coded, model=bundle.folder, **CPU) as video:
        assert video.metadata.has_post_filter
        check((video[index] for index in (9, 3, 4, 9)), expected)
    with VideoReader(second_movie.coded, model=bundle.folder, restore=False, **CPU) as video:
        check((video[index] for index in (9, 3)), decoded)
    with VideoReader(second_movie.coded, model=bundle.folder, pictures="exact", **CPU) as video:
        assert not video.metadata.has_post_filter
        check((video[index] for index in (4, 9)), decoded)


def test_of_float_pictures_too(
    second_movie, bundle: ModelBundle, expected: list[np.ndarray]
) -> None:
    shown = decode_frames(second_movie.coded, model=bundle.folder, pictures="float", **CPU)
    apart = [np.abs(frame.data - expected[frame.index].astype(int)).mean() for frame in shown]
    assert 0 < np.mean(apart) < 1.5


def test_a_scale_of_two_is_made_of_filtered_pictures(
    second_movie,
    bundle: ModelBundle,
    expected: list[np.ndarray],
    decoded: list[np.ndarray],
) -> None:
    """Its network learnt from such."""
    upscaling = Upscaling(bundle.folder, "cpu", 1)
    steps = [
        QUANTISER_STEPS[each.quantiser_map] for each in LatentStream(second_movie.coded).frames()
    ]

    def large(pictures: list[np.ndarray], number: int) -> np.ndarray:
        picture = np.ascontiguousarray(pictures[number].transpose(1, 2, 0))
        return upscaling.picture(picture, steps[number]).transpose(2, 0, 1)

    options = {"model": bundle.folder, "scale": 2, **CPU}
    for number, frame in enumerate(decode_frames(second_movie.coded, **options)):
        assert np.array_equal(frame.data, large(expected, number))
    with VideoReader(second_movie.coded, **options) as video:
        assert video.metadata.makes_up_detail and video.metadata.has_post_filter
        assert np.array_equal(video[4].data, large(expected, 4))
    with VideoReader(second_movie.coded, restore=False, **options) as video:
        assert np.array_equal(video[4].data, large(decoded, 4))
