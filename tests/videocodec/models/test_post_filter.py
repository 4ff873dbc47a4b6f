"""videocodec/models/post_filter.py: pictures of integers, by kernels and by NumPy, as trained."""

from __future__ import annotations

import pickle
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bitstream.crew import Crew, helped
from bitstream.v2 import compiled
from bitstream.v2.integer_layers import NARROW_SUM, IntegerLayer
from videocodec.calibration.post_filter import integer_post_filter
from videocodec.decoded import QUANTISER_STEPS
from videocodec.errors import UnknownModelError
from videocodec.models.files import POST_FILTER, POST_FILTER_WEIGHTS, has_post_filter
from videocodec.models.post_filter import (
    PICTURE_CHANNELS,
    PostFilter,
    filtered,
    layer_shapes,
)
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape


def network_of(seed: int, width: int = 5, layers: int = 2, size: float = 0.3) -> PostFilterNetwork:
    """One that does something."""
    torch.manual_seed(seed)
    network = PostFilterNetwork(PostFilterShape(width, layers))
    torch.nn.init.normal_(network.last.weight, std=size / (9 * width) ** 0.5)
    return network.eval()


def picture_of(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its quantisers."""
    rng = np.random.default_rng(seed)
    positions = -(-height // 8), -(-width // 8)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return picture, rng.integers(0, 128, positions, dtype=np.uint8)


def both(post_filter: PostFilter, picture: np.ndarray, quantisers: np.ndarray) -> tuple:
    """What NumPy makes of a picture, and kernels; skips the test where there are none."""
    if (kernels := compiled.await_kernels()) is None:
        pytest.skip("no kernels here")
    found = []
    for used in (None, kernels):
        with patch("bitstream.v2.compiled.kernels", lambda used=used: used):
            found.append(post_filter.picture(picture, quantisers))
    return tuple(found)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    size=st.tuples(st.integers(1, 40), st.integers(1, 100)),
    shape=st.sampled_from([(5, 1), (16, 2), (32, 3), (48, 2), (70, 1)]),
    strip_bytes=st.sampled_from([1, 1 << 20]),
)
def test_kernels_give_what_numpy_gives(
    seed: int, size: tuple[int, int], shape: tuple[int, int], strip_bytes: int
) -> None:
    picture, quantisers = picture_of(seed, *size)
    made_by = integer_post_filter(network_of(seed, *shape))
    with strips_of(strip_bytes):
        by_numpy, by_kernels = both(made_by, picture, quantisers)
    assert by_kernels.shape == picture.shape
    assert np.array_equal(by_kernels, by_numpy)
    assert not np.array_equal(by_kernels, picture) or picture.size < 50


def strips_of(size: int) -> AbstractContextManager[Any]:
    """Filters by kernels have planes of so many bytes, or of the fewest rows that they can have."""
    if compiled.await_kernels() is None or compiled.kernels().picture_filter is None:
        return nullcontext()
    return patch("bitstream.v2.compiled.picture_filter.STRIP_BYTES", size)


def at_the_bound(width: int, layers: int, seed: int, evenness: float = 0.2) -> PostFilter:
    """One with weights as large as sums allow, and shifts from none to the largest.

    evenness: from few weights that are large to many that are not.
    """
    rng, made = np.random.default_rng(seed), {}
    for shape in layer_shapes(width, layers):
        most = (NARROW_SUM - (1 << 14)) // shape.limit
        share = rng.dirichlet(np.full(shape.inputs, evenness), shape.outputs)
        weights = (share * most).astype(np.int64) * rng.choice([-1, 1], share.shape)
        tensors = {
            "weights": weights,
            "bias": rng.integers(-(1 << 13), 1 << 13, shape.outputs),
            "shift": rng.choice([0, 1, 5, 12, 23, 24, 25, 40], shape.outputs),
        }
        made[shape.name] = IntegerLayer.of(
            lambda part, _, own=tensors: own[part.rsplit(".")[-1]], shape.name, shape
        )
    return PostFilter(made)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    shape=st.sampled_from([(1, 1), (16, 2), (32, 3), (40, 2)]),
    evenness=st.sampled_from([0.2, 9.0]),
)
def test_kernels_give_what_numpy_gives_with_the_largest_weights(
    seed: int, shape: tuple[int, int], evenness: float
) -> None:
    picture, quantisers = picture_of(seed, 17, 30)
    picture[:] = np.where(picture < 128, 0, 255)
    assert np.array_equal(*both(at_the_bound(*shape, seed, evenness), picture, quantisers))


@pytest.mark.parametrize(("size", "fits"), [(3600, True), (3700, False)])
def test_the_quantiser_may_have_large_weights(size: int, fits: bool) -> None:
    """Kernels see it in several places, which share them."""
    post_filter = at_the_bound(32, 2, 3, evenness=9.0)
    weights = post_filter.layers["layers.0.stem"].weights
    weights[:, : 9 * PICTURE_CHANNELS] //= 4
    weights[:, 9 * PICTURE_CHANNELS :] = 0
    weights[:, -1] = size
    picture, quantisers = picture_of(3, 40, 50)
    assert np.array_equal(*both(post_filter, picture, quantisers))
    if (by := compiled.kernels().picture_filter) is not None:
        assert by.can_do(list(post_filter.layers.values())) == fits


def test_weights_that_kernels_have_no_room_for_are_numpys() -> None:
    post_filter, (picture, quantisers) = at_the_bound(8, 2, 1), picture_of(1, 9, 12)
    weights = post_filter.layers["layers.1.stem"].weights
    weights[0] = 0
    weights[0, :9] = 3645  # whose sum has more than 15 bits
    assert np.array_equal(*both(post_filter, picture, quantisers))


def test_several_threads_make_the_picture_of_one() -> None:
    """Also where there are more threads than rows."""
    post_filter = integer_post_filter(network_of(4, 32, 2))
    for size in ((2, 30), (70, 100)):
        picture, quantisers = picture_of(4, *size)
        with strips_of(1):
            alone, _ = both(post_filter, picture, quantisers)
            for helpers in (1, 4):
                crew = Crew(helpers)
                crew.begin()
                with helped(crew):
                    for _ in range(5):
                        assert np.array_equal(post_filter.picture(picture, quantisers), alone)
                crew.dismiss()


def test_filters_are_pickled_without_what_kernels_made_of_them() -> None:
    post_filter, (picture, quantisers) = integer_post_filter(network_of(2)), picture_of(2, 8, 8)
    before = len(pickle.dumps(post_filter))
    _, made = both(post_filter, picture, quantisers)
    assert len(pickle.dumps(post_filter)) == before
    again = pickle.loads(pickle.dumps(post_filter))
    assert np.array_equal(again.picture(picture, quantisers), made)


def test_integers_are_the_network_but_for_rounding() -> None:
    picture, quantisers = picture_of(3, 48, 64)
    network = network_of(3, 32, 3)
    made = integer_post_filter(network).picture(picture, quantisers)
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    log2_steps = torch.from_numpy(np.log2(QUANTISER_STEPS[quantisers]))[None]
    with torch.inference_mode():
        wanted = network(planes, log2_steps)[0].permute(1, 2, 0).add(1).mul(127.5).clamp(0, 255)
    apart = np.abs(made - wanted.numpy())
    assert apart.mean() < 0.6 and apart.max() < 6
    assert np.abs(picture - wanted.numpy()).mean() > 3


def test_a_network_of_zeros_leaves_pictures_alone() -> None:
    network = PostFilterNetwork(PostFilterShape(4, 1))
    picture, quantisers = picture_of(5, 31, 17)
    assert np.array_equal(integer_post_filter(network).picture(picture, quantisers), picture)


def test_it_is_kept_in_a_bundle(tmp_path: Path) -> None:
    assert PostFilter.load(tmp_path) is None and not has_post_filter(tmp_path)

    def make(latents: np.ndarray, quantisers: np.ndarray, height: int, width: int) -> np.ndarray:
        return np.full((height, width, 3), 77, np.uint8)

    assert filtered(make, tmp_path) is make
    one = integer_post_filter(network_of(1))
    one.save(tmp_path)
    loaded = PostFilter.load(tmp_path)
    assert loaded is not None and has_post_filter(tmp_path)
    picture, quantisers = picture_of(1, 20, 24)
    wanted = one.picture(picture, quantisers)
    assert np.array_equal(loaded.picture(picture, quantisers), wanted)
    flat = np.full((20, 24, 3), 77, np.uint8)
    made = filtered(make, tmp_path)(np.zeros((1, 3, 3), np.int32), quantisers, 20, 24)
    assert np.array_equal(made, one.picture(flat, quantisers))


@pytest.mark.parametrize("tensors", [None, {}, {"shape": np.array([0, 3])}, {"shape": [4, 1]}])
def test_what_is_none_is_refused_in_one_line(tmp_path: Path, tensors: dict | None) -> None:
    file = tmp_path / POST_FILTER / POST_FILTER_WEIGHTS
    file.parent.mkdir()
    if tensors is None:
        file.write_bytes(b"nothing")
    else:
        save_file({name: np.asarray(value) for name, value in tensors.items()}, str(file))
    with pytest.raises(UnknownModelError, match=r"post_filter.safetensors: no post-filter \(.+\)$"):
        PostFilter.load(tmp_path)
