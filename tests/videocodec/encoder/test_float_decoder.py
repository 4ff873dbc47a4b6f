"""The decoder without PyTorch is the decoder with it, and so are its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videocodec.encoder.float_decoder import FloatDecoder
from videocodec.encoder.torch_decoder import TorchDecoder
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.networks.second.autoencoder import SecondDecoder, SecondShape

SHAPE = SecondShape(
    channels=5, fine_width=6, width=8, decoder_low_width=10, decoder_low_blocks=2, activation="relu"
)


def seen(channels: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents, steps, and a gradient of the picture."""
    rng = np.random.default_rng(height)
    latents = rng.standard_normal((channels, height, width)).astype(np.float32) * 3
    steps = rng.uniform(0.3, 3, (height, width)).astype(np.float32)
    return latents, steps, rng.standard_normal((3, 8 * height, 8 * width)).astype(np.float32)


@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 1)])
def test_pictures_and_gradients_are_pytorchs(activation: str, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    decoder = SecondDecoder(SecondShape(**vars(SHAPE) | {"activation": activation}))
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    weights = {name: value.numpy() for name, value in decoder.state_dict().items()}
    scale = np.linspace(0.5, 2, 5, dtype=np.float32)

    def pictures(scaled: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = decoder(
            scaled / torch.from_numpy(scale)[:, None, None], torch.log2(steps)
        )
        return made

    latents, steps, gradient = seen(5, *size)
    expected, expected_back = TorchDecoder(pictures, torch.device("cpu"))(latents, steps)
    made, back = FloatDecoder(weights, scale, 2, activation)(latents, steps)
    assert made.dtype == np.float32 and made.shape == gradient.shape
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-3)
    wanted = expected_back(gradient)
    np.testing.assert_allclose(back(gradient), wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def test_it_is_read_from_the_files_of_a_model() -> None:
    bundle = ModelBundle.find("second")
    decoder, runtime = FloatDecoder.of(bundle), AutoencoderRuntime(bundle, "cpu", 1)
    assert decoder is not None
    latents, steps, _ = seen(len(bundle.latent_scale), 4, 4)
    expected, _ = TorchDecoder(runtime.pictures, runtime.device)(latents, steps)
    np.testing.assert_allclose(decoder(latents, steps)[0], expected, atol=1e-4)


def test_models_of_another_kind_have_none() -> None:
    assert FloatDecoder.of(ModelBundle.find("embedded")) is None
