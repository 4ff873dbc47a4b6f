"""What there is to know of a bundle, from its files alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videocodec.errors import UnknownModelError
from videocodec.models.bundle import ModelBundle
from videocodec.models.description import describe

from ..stock_models import kl_autoencoder, quick_bundle, unet


def test_the_embedded_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = ModelBundle.find("embedded")
    found = describe(bundle)
    assert (found.name, found.sha256, found.latent_channels, found.slices) == (
        "embedded",
        bundle.sha256,
        16,
        [1, 1, 2, 4, 8],
    )
    assert found.networks[0].class_name == "LatentAutoencoder"
    assert found.networks[0].parameters == sum(
        p.numel() for p in bundle.load_autoencoder().parameters()
    )
    assert found.bytes == sum(f.stat().st_size for f in bundle.folder.rglob("*") if f.is_file())
    json.dumps(found.to_dict())


@pytest.mark.parametrize(
    ("restores", "restoration"),
    [
        ("", "none"),
        ("plain", "cross-frame attention"),
        ("inpainting", "cross-frame attention, inpainting"),
        ("adapter", "sliding windows"),
        ("motion", "sliding windows"),
    ],
)
def test_how_it_restores(tmp_path: Path, restores: str, restoration: str) -> None:
    found = describe(
        ModelBundle.find(
            quick_bundle(tmp_path / "bundle", restores=restores, prediction_type="v_prediction")
        )
    )
    assert found.restoration == restoration
    assert found.prediction_type == ("v_prediction" if restores else None)
    assert set(found.timesteps.values()) == ({300} if restores else set())
    parts = {network.part: network.parameters for network in found.networks}
    assert parts["vae"] == kl_autoencoder(16).num_parameters()
    if restores == "plain":
        assert parts["unet"] == unet(16).num_parameters()


def test_what_cannot_be_read_is_named_in_one_line(tmp_path: Path) -> None:
    folder = quick_bundle(tmp_path / "bundle")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(
        UnknownModelError, match="diffusion_pytorch_model.safetensors: cannot be read"
    ) as error:
        describe(ModelBundle.find(folder))
    assert "\n" not in str(error.value)
    (folder / "vae" / "config.json").write_text("[")
    with pytest.raises(UnknownModelError, match="config.json: cannot be read"):
        describe(ModelBundle.find(folder))
