"""Configs that ask for more than their weights: refused before memory or time are spent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models.budget import check_config, within_weights
from videocodec.models.loading import load_autoencoder_in, load_scheduler

from ..stock_models import STABLE_DIFFUSION, kl_autoencoder


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    """A folder with an autoencoder whose config a test may change."""
    kl_autoencoder(4).save_pretrained(str(tmp_path / "vae"))
    return tmp_path / "vae"


def change(folder: Path, **values: object) -> None:
    """Other values in the config."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    "values",
    [
        {"layers_per_block": 60_000},
        {"block_out_channels": [2048] * 4},
        {"latent_channels": 65_536, "block_out_channels": [64] * 4},
    ],
    ids=["deep", "wide", "latents"],
)
def test_a_network_larger_than_its_weights_is_refused(vae: Path, values: dict[str, object]) -> None:
    change(vae, **values)
    with pytest.raises(
        UnknownModelError,
        match=(
            "vae: cannot be loaded .its config.json asks for a larger network than its weights"
            " are of"
        ),
    ):
        load_autoencoder_in(vae)
    change(vae, layers_per_block=1, block_out_channels=[8] * 4, latent_channels=4)
    load_autoencoder_in(vae)  # nothing is left of the refusal


def test_numbers_that_no_network_needs_are_refused(vae: Path, tmp_path: Path) -> None:
    change(vae, norm_num_groups=[[1, 10**12]])
    with pytest.raises(
        UnknownModelError, match="config.json: asks for 1e[+]12, at most 65536 is allowed"
    ):
        load_autoencoder_in(vae)
    (tmp_path / "scheduler").mkdir()
    config = STABLE_DIFFUSION | {"_class_name": "DDIMScheduler", "num_train_timesteps": 10**12}
    (tmp_path / "scheduler/scheduler_config.json").write_text(json.dumps(config))
    with pytest.raises(UnknownModelError, match="scheduler_config.json: asks for 1e[+]12"):
        load_scheduler(tmp_path)
    check_config({"a": [1, 2.5, "x", None, True, {"b": -65536}]}, vae)


@pytest.mark.parametrize(
    "name",
    [
        "/dev/zero",
        "../other/diffusion_pytorch_model-00001-of-00002.safetensors",
        "pytorch_model.bin",
        7,
    ],
)
def test_shards_are_files_of_the_network_itself(vae: Path, name: object) -> None:
    index = {"metadata": {}, "weight_map": {"decoder.conv_in.weight": name}}
    (vae / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnknownModelError, match="index.json: .* is no shard of this network"):
        load_autoencoder_in(vae)


def test_real_shards_are_read(tmp_path: Path) -> None:
    kl_autoencoder(4).save_pretrained(str(tmp_path / "vae"), max_shard_size="20KB")
    assert (tmp_path / "vae/diffusion_pytorch_model.safetensors.index.json").is_file()
    load_autoencoder_in(tmp_path / "vae")


def test_quantised_weights_are_refused_by_name(vae: Path) -> None:
    change(vae, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(UnknownModelError, match="config.json: quantised weights are not supported"):
        load_autoencoder_in(vae)


def test_other_networks_outside_are_not_counted(vae: Path) -> None:
    with within_weights(vae):
        torch.nn.Linear(8, 8)
    torch.nn.Linear(3000, 3000)
    with pytest.raises(UnknownModelError), within_weights(vae):
        torch.nn.Linear(3000, 3000)
