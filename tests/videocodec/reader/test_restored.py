"""Pictures that are made of several frames: the same by a jump as in order."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec import VideoReader, decode_frames, encode

from ..stock_models import quick_bundle, temporal_bundle
from .conftest import CPU

BUNDLE_KINDS = ["temporal", "plain", "adapter"]


@pytest.fixture(scope="module")
def coded(
    tmp_path_factory: pytest.TempPathFactory, panned: Callable, write_movie: Callable
) -> Callable[[str], tuple[Path, Path]]:
    """kind → bundle and a stream of 14 frames of 56×40, a keyframe every nine; "adapter" sees clips
    of several frames.
    """
    folder, made = tmp_path_factory.mktemp("restored"), {}
    movie = write_movie(folder / "movie.mp4", panned(14, 40, 56, (1, 2)))

    def make(kind: str) -> tuple[Path, Path]:
        if kind not in made:
            bundle = (
                temporal_bundle(folder / kind)
                if kind == "temporal"
                else quick_bundle(folder / kind, restores=kind)
            )
            encode(
                movie,
                folder / f"{kind}.lv.mp4",
                model=bundle,
                gop_size=9,
                preset="superfast",
                **CPU,
            )
            made[kind] = bundle, folder / f"{kind}.lv.mp4"
        return made[kind]

    return make


@pytest.mark.parametrize(
    "kind", ["temporal", *(pytest.param(kind, marks=pytest.mark.slow) for kind in BUNDLE_KINDS[1:])]
)
def test_jumps_give_what_decoding_in_order_gives(coded: Callable, kind: str) -> None:
    bundle, stream = coded(kind)
    ordered = [frame.data for frame in decode_frames(stream, model=bundle, steps=2, **CPU)]
    plain = [frame.data for frame in decode_frames(stream, model=bundle, restore=False, **CPU)]
    assert all(np.any(a != b) for a, b in zip(ordered, plain, strict=True))
    order = list(range(14)) * 2
    random.Random(1).shuffle(order)
    with (
        VideoReader(stream, model=bundle, steps=2, memory_limit=200_000, **CPU) as video,
        video.with_settings(restore=False) as bare,
    ):
        for index in order:
            assert np.array_equal(video[index].data, ordered[index]), index
            assert np.array_equal(bare[index].data, plain[index]), index


@pytest.mark.parametrize("size", [4, 5, 16])
def test_jumps_give_the_same_in_batches(
    coded: Callable, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As accelerators take them; nine frames from keyframe to keyframe make a last batch that is
    smaller.
    """
    monkeypatch.setattr("videocodec.decoder.frames.batch_size_for", lambda device, pixels: size)
    bundle, stream = coded("temporal")
    ordered = [frame.data for frame in decode_frames(stream, model=bundle, **CPU)]
    order = random.Random(2).sample(range(14), 14)
    with VideoReader(stream, model=bundle, memory_limit=60_000, **CPU) as video:
        for index in order:
            assert np.array_equal(video[index].data, ordered[index]), index


def test_one_picture_does_not_keep_the_memory_of_its_batch(
    coded: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videocodec.decoder.frames.batch_size_for", lambda device, pixels: 4)
    bundle, stream = coded("temporal")
    with VideoReader(stream, model=bundle, read_ahead=False, **CPU) as video:
        picture = video[1].data
        assert picture.base is None or picture.base.nbytes == picture.nbytes


def test_steps_and_seed_make_pictures_of_their_own(coded: Callable) -> None:
    bundle, stream = coded("temporal")
    with VideoReader(stream, model=bundle, **CPU) as video:
        assert video.metadata.has_unet
        with video.with_settings(steps=3) as other:
            assert np.any(other[5].data != video[5].data)
            assert other.index is video.index
