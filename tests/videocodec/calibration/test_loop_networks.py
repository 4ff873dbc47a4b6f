"""The loop's networks of few bits beside those of the training; map and weights for encoders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v2.integer_layers import IntegerLayer, LayerShape
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.loop_networks import LoopNetworks
from videocodec.calibration.error_weights import measure_error_weights
from videocodec.calibration.loop_networks import integer_layer, loop_networks
from videocodec.calibration.search_map import fit_search_map
from videocodec.encoder.picture_search import loop_picture
from videocodec.networks.second.autoencoder import SecondShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.second.start import start_from_principal_components

HEIGHT, WIDTH, CHANNELS = 64, 96, 6


@pytest.fixture(scope="module")
def pictures(panned: Callable[..., np.ndarray]) -> list[np.ndarray]:
    return list(panned(3, HEIGHT, WIDTH, (1, 2)))


@pytest.fixture(scope="module", params=["relu", "silu"])
def codec(pictures: list[np.ndarray], request: pytest.FixtureRequest) -> SecondCodec:
    """A linear start, and layers that do something."""
    torch.manual_seed(0)
    codec = SecondCodec(SecondShape(CHANNELS, 8, 8, 12, 1, 8, 2, request.param))
    start_from_principal_components(codec, pictures)
    with torch.no_grad():
        for network in (codec.encoder, codec.decoder):
            for name, parameter in network.named_parameters():
                if not name.startswith("linear"):
                    parameter += 0.05 * torch.randn_like(parameter)
    return codec.eval()


@pytest.fixture(scope="module")
def loop(codec: SecondCodec, pictures: list[np.ndarray]) -> LoopNetworks:
    return loop_networks(codec, pictures)


def test_pictures_and_latents_are_those_of_the_training(
    codec: SecondCodec, loop: LoopNetworks, pictures: list[np.ndarray]
) -> None:
    tensor = torch.from_numpy(pictures[1]).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        latents = codec.encoder(tensor)
        step = torch.tensor([4.0])  # quantiser 64
        quantised = torch.round(latents / step) * step
        decoded = codec.decoder(quantised, torch.log2(step))[0].clamp(-1, 1).numpy()
    found = loop.latents(loop_picture(pictures[1], HEIGHT, WIDTH)) / UNITS_PER_LATENT
    error = found - latents[0].numpy()
    assert np.sqrt(np.mean(error**2)) < 0.03
    units = np.rint(quantised[0].numpy() * UNITS_PER_LATENT).astype(np.int32)
    picture = loop.picture(units, np.full(units.shape[1:], 64)) / MIDDLE - 1
    assert 127.5 * np.sqrt(np.mean((picture - decoded) ** 2)) < 1  # grey levels


def test_sums_stay_within_the_bound(loop: LoopNetworks) -> None:
    tensors = loop.to_tensors()
    again = LoopNetworks.of(lambda name, _: tensors[name].astype(np.int64), CHANNELS)
    assert again.layers.keys() == loop.layers.keys()


def test_weights_take_as_many_bits_as_sums_leave() -> None:
    shape = LayerShape("layer", 2, 3, 511)
    weights = np.array([[0.5, -0.25, 0.125], [0.001, 0.002, -0.0005]])
    made = integer_layer(shape, weights, np.array([1.0, -1.0]))
    assert isinstance(made, IntegerLayer)
    scaled = np.ldexp(made.weights, -made.shift[:, None])
    assert np.abs(scaled - weights).max() < 1e-5
    sums = np.abs(made.weights).sum(1) * 511 + np.abs(made.bias[:, 0])
    assert (sums < 1 << 24).all() and (np.abs(made.weights) < 1 << 15).all()


def test_weights_too_large_for_exact_sums_are_refused() -> None:
    with pytest.raises(ValueError, match="too large for exact sums"):
        integer_layer(LayerShape("layer", 1, 1, 511), np.array([[1e6]]), np.zeros(1))


def test_the_search_map_is_about_what_the_network_does(
    loop: LoopNetworks, pictures: list[np.ndarray]
) -> None:
    fitted = fit_search_map(loop, [(pictures[0], pictures[1]), (pictures[1], pictures[2])])
    assert fitted.shape == (CHANNELS, 3 * 16 * 16)
    first, second = (loop_picture(one, HEIGHT, WIDTH) for one in (pictures[0], pictures[2]))
    wanted = loop.latents(second) - loop.latents(first)
    difference = np.pad((second - first).astype(np.float32), ((0, 0), (4, 4), (4, 4)))
    windows = np.lib.stride_tricks.sliding_window_view(difference, (16, 16), axis=(1, 2))
    seen = windows[:, ::8, ::8].transpose(1, 2, 0, 3, 4).reshape(-1, 3 * 16 * 16)
    found = (seen @ fitted.T).T.reshape(wanted.shape)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.8


def test_errors_count_by_what_they_do_to_pictures(
    codec: SecondCodec, pictures: list[np.ndarray]
) -> None:
    before = measure_error_weights(codec, pictures[:1])
    assert before.mean() == pytest.approx(1) and (before > 0).all()
    changed = SecondCodec(codec.shape)
    changed.load_state_dict(codec.state_dict())
    with torch.no_grad():
        changed.decoder.linear.weight[2] *= 3
    after = measure_error_weights(changed.eval(), pictures[:1])
    assert after[2] / after[0] > 1.5 * before[2] / before[0]
