"""tools/bench/motion_bounds.py: vectors, overlapped blocks, and predictors that have to agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

pytest.importorskip("ssimulacra2")  # the picture loader's module measures with it

from tools.bench.motion_bounds import PREDICTORS, Bounds, moved_by, overlapped, vectors_of
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second.start import start_from_principal_components

torch.set_num_threads(1)


def test_vectors_of_a_moved_picture_are_found_and_undo_it(
    texture: Callable[..., np.ndarray],
) -> None:
    """Whole pixels exactly, away from the edges; quarters are no worse."""
    luma = texture(96, 96, 0)[..., 0].astype(np.float32)
    source = np.roll(luma, (-3, 5), (0, 1))
    vectors = vectors_of(source, luma, 16, quarters=False)
    assert (vectors[1:-1, 1:-1] == (3, -5)).all()
    moved = moved_by(luma, vectors, 16)
    assert np.array_equal(moved[16:-16, 16:-16], source[16:-16, 16:-16])
    finer = moved_by(luma, vectors_of(source, luma, 16, quarters=True), 16)
    assert np.abs(finer - source).sum() <= np.abs(moved - source).sum()


def test_overlapped_blocks_that_move_alike_are_plain_motion_compensation(
    texture: Callable[..., np.ndarray],
) -> None:
    """Weights sum to 1; where vectors differ there is a ramp in place of a step."""
    picture = texture(64, 64, 1).astype(np.float32)
    vectors = np.full((4, 4, 2), (2.0, -1.0), np.float32)
    assert np.allclose(overlapped(picture, vectors, 16), moved_by(picture, vectors, 16), atol=1e-3)
    vectors[:, 2:] = (6.0, 3.0)
    ramp = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    step, smooth = moved_by(ramp, vectors, 16), overlapped(ramp, vectors, 16)
    assert np.abs(np.diff(smooth[32], 2)).max() < np.abs(np.diff(step[32], 2)).max()


def test_without_motion_filters_copy_and_networks_pay_for_decoding(
    texture: Callable[..., np.ndarray],
) -> None:
    """Filters of phase 0 are the same place; errors are in squared steps."""
    picture, codec = texture(64, 64, 2), SecondCodec()
    start_from_principal_components(codec, [picture])
    channels = codec.encoder.linear.out_channels
    bounds = Bounds(codec.eval(), np.zeros((8, 8, 25 * channels, channels)), 40)
    still = picture.astype(np.float32)
    found = dict(zip(PREDICTORS, bounds.errors(still, still), strict=True))
    assert found["filters, 16 px"] == pytest.approx(found["same place"], rel=1e-2)
    assert 0 < found["same place"] < channels / 2 < found["nothing"]
    assert found["networks, 16 px"] == pytest.approx(found["networks, 8 px"])
    latents = bounds.encoded(still)
    assert np.square(latents).sum(0).mean() == pytest.approx(found["nothing"])
