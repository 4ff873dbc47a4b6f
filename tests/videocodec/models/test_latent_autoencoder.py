"""The embedded autoencoder is a diffusers autoencoder: users load, save and call it like any
other.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.utils import BaseOutput

from videocodec.models.latent_autoencoder import LatentAutoencoder


def test_it_is_a_diffusers_model(autoencoder: LatentAutoencoder) -> None:
    assert isinstance(autoencoder, ModelMixin)
    assert isinstance(autoencoder, ConfigMixin)
    assert autoencoder.config.latent_channels == 16
    assert autoencoder.config.scaling_factor == 1.0


def test_a_saved_model_comes_back_the_same_from_config_json_and_safetensors(
    autoencoder: LatentAutoencoder, tmp_path: Path
) -> None:
    autoencoder.save_pretrained(str(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == {
        "config.json",
        "diffusion_pytorch_model.safetensors",
    }
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["_class_name"] == "LatentAutoencoder"
    assert config["width"] == 8
    again = LatentAutoencoder.from_pretrained(str(tmp_path), low_cpu_mem_usage=False)
    stated = {name: value for name, value in autoencoder.config.items() if not name.startswith("_")}
    assert {name: again.config[name] for name in stated} == stated
    for name, value in autoencoder.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_dtype_is_the_callers_choice(autoencoder: LatentAutoencoder, tmp_path: Path) -> None:
    autoencoder.half().save_pretrained(str(tmp_path))
    assert (
        LatentAutoencoder.from_pretrained(str(tmp_path), torch_dtype=torch.float32).dtype
        == torch.float32
    )
    assert (
        LatentAutoencoder.from_pretrained(str(tmp_path), torch_dtype=torch.float16).dtype
        == torch.float16
    )


@torch.no_grad()
def test_encode_and_decode_give_outputs_or_tuples_like_their_siblings(
    autoencoder: LatentAutoencoder,
) -> None:
    pictures = torch.rand(2, 3, 16, 32) * 2 - 1
    latents = autoencoder.encode(pictures).latents
    assert latents.shape == (2, 16, 2, 4)
    assert torch.equal(autoencoder.encode(pictures, return_dict=False)[0], latents)
    decoded = autoencoder.decode(latents)
    assert isinstance(decoded, BaseOutput)
    assert decoded.sample.shape == (2, 3, 16, 32)
    assert torch.equal(autoencoder.decode(latents, return_dict=False)[0], decoded.sample)
    # as with diffusers' own
    assert torch.equal(autoencoder.decode(latents, False)[0], decoded.sample)
    assert torch.equal(autoencoder(pictures).sample, decoded.sample)


@torch.no_grad()
def test_the_step_is_a_number_one_per_picture_or_a_map(autoencoder: LatentAutoencoder) -> None:
    latents = torch.randn(2, 16, 3, 4)
    by_number = autoencoder.decode(latents, step=1.5).sample
    assert torch.allclose(
        autoencoder.decode(latents, step=torch.tensor([1.5, 1.5])).sample, by_number, atol=1e-6
    )
    assert torch.allclose(
        autoencoder.decode(latents, step=torch.full((2, 3, 4), 1.5)).sample, by_number, atol=1e-6
    )
    mixed = autoencoder.decode(latents, step=torch.tensor([1.5, 0.4])).sample
    assert torch.allclose(mixed[0], by_number[0], atol=1e-6)
    assert not torch.allclose(mixed[1], by_number[1], atol=1e-6)


@torch.no_grad()
def test_without_a_step_a_fine_one_is_assumed(autoencoder: LatentAutoencoder) -> None:
    latents = torch.randn(1, 16, 2, 2)
    assert torch.equal(
        autoencoder.decode(latents).sample, autoencoder.decode(latents, step=0.3).sample
    )


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 4, 16, 16), (1, 3, 12, 16), (1, 3, 16, 20)])
def test_pictures_of_a_wrong_shape_are_refused_with_that_shape(
    autoencoder: LatentAutoencoder, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="multiples of 8, got shape") as error:
        autoencoder.encode(torch.zeros(shape))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("shape", [(16, 2, 2), (1, 4, 2, 2)])
def test_latents_of_a_wrong_shape_are_refused_with_that_shape(
    autoencoder: LatentAutoencoder, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"latents must be \(B, 16, h, w\), got shape"):
        autoencoder.decode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 3, 5), (1, 3, 4)])
def test_a_step_of_a_wrong_shape_is_refused(
    autoencoder: LatentAutoencoder, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"step must be a number, \(B,\) or \(B, h, w\)"):
        autoencoder.decode(torch.zeros(2, 16, 3, 4), step=torch.ones(shape))
