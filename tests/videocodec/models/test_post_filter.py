"""videocodec/models/post_filter.py: pictures of integers, by kernels and by NumPy, as trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bitstream.v2 import compiled
from videocodec.calibration.post_filter import integer_post_filter
from videocodec.decoded import QUANTISER_STEPS
from videocodec.errors import UnknownModelError
from videocodec.models.files import POST_FILTER, POST_FILTER_WEIGHTS, has_post_filter
from videocodec.models.post_filter import PostFilter, filtered
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


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    shape=st.sampled_from([(5, 1), (16, 2), (32, 3)]),
)
def test_kernels_give_what_numpy_gives(
    seed: int, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    if compiled.await_kernels() is None:
        pytest.skip("no kernels here")
    picture, quantisers = picture_of(seed, *size)
    network = network_of(seed, *shape)
    by_kernels = integer_post_filter(network).picture(picture, quantisers)
    alone, loaded = integer_post_filter(network), compiled.kernels
    try:
        compiled.kernels = lambda: None
        by_numpy = alone.picture(picture, quantisers)
    finally:
        compiled.kernels = loaded
    assert by_kernels.shape == picture.shape
    assert np.array_equal(by_kernels, by_numpy)
    assert not np.array_equal(by_kernels, picture) or picture.size < 50


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
