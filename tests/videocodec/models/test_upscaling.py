"""The head for twice the size in a bundle: beside the model's identity, checked, run in parts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models.bundle import ModelBundle
from videocodec.models.description import describe
from videocodec.models.files import UPSCALER, has_upscaler
from videocodec.models.parts import Rectangle
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.models.upscaling import WEIGHTS, UpscalingRuntime, load_upscaler, save_upscaler
from videocodec.networks.second.upscaling import UpscalerShape, UpscalingHead

SHAPE = UpscalerShape(width=8, blocks=1)


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """``second`` with a head of random weights."""
    folder = tmp_path / "second"
    shutil.copytree(ModelBundle.find("second").folder, folder)
    shutil.rmtree(folder / UPSCALER, ignore_errors=True)
    torch.manual_seed(0)
    head = UpscalingHead(SHAPE)
    torch.nn.init.normal_(head.head.weight, std=0.05)
    save_upscaler(head, folder)
    return ModelBundle.find(folder)


def test_a_head_changes_no_identity(bundle: ModelBundle) -> None:
    assert has_upscaler(bundle.folder)
    assert bundle.sha256 == ModelBundle.find("second").sha256
    assert load_upscaler(bundle.folder).shape == SHAPE


def test_a_head_is_among_the_networks_of_a_model(bundle: ModelBundle) -> None:
    head = next(each for each in describe(bundle).networks if each.part == UPSCALER)
    expected = sum(weight.numel() for weight in UpscalingHead(SHAPE).parameters())
    assert (head.class_name, head.parameters) == ("UpscalingHead", expected)


def test_pictures_are_twice_as_large_and_encoding_is_as_ever(bundle: ModelBundle) -> None:
    usual, large = AutoencoderRuntime(bundle, "cpu", 1), UpscalingRuntime(bundle, "cpu", 1)
    source = np.random.default_rng(0).integers(0, 256, (1, 24, 40, 3), dtype=np.uint8)
    latents = usual.encode(source, 32, 48)
    assert (large.encode(source, 32, 48) == latents).all()
    units = np.rint(latents * 16).astype(np.float32)
    steps = np.full((1, *latents.shape[2:]), 0.5, np.float32)
    assert usual.decode(units, steps, 24, 40).shape == (1, 24, 40, 3)
    assert large.decode(units, steps, 48, 80).shape == (1, 48, 80, 3)
    assert large.bytes_per_latent > 0 and large.reach > usual.reach


def test_parts_of_a_picture_are_those_of_the_whole(bundle: ModelBundle) -> None:
    runtime = UpscalingRuntime(bundle, "cpu", 1)
    rng = np.random.default_rng(0)
    latents = rng.normal(0, 30, (1, 48, 48, 80)).astype(np.float32)
    steps = rng.uniform(0.3, 3, (1, 48, 80)).astype(np.float32)
    height, width = 16 * 48 - 6, 16 * 80 - 10
    whole = runtime.decode_at_once(latents, steps, height, width)
    for part in (Rectangle(0, 0, 8, 8), Rectangle(16, 24, 32, 40), Rectangle(40, 72, 48, 80)):
        made = runtime.decode_part(latents, steps, part, height, width)
        place = part.pixels(16)
        expected = whole[:, place.top : place.bottom, place.left : place.right]
        assert made.shape == expected.shape
        assert np.abs(made.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "UNet2DModel"}, "'UNet2DModel' is no head for twice the size"),
        ({"width": 16}, "no weights of a head for twice the size, 16 wide"),
        ({"width": 60000}, "asks for a larger network than its weights are of"),
        ({"width": "wide"}, "cannot be loaded"),
        ({"blocks": 1 << 40}, "at most 65536 is allowed"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_in_a_line(
    bundle: ModelBundle, change: dict[str, object], message: str
) -> None:
    file = bundle.folder / UPSCALER / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UnknownModelError, match=message) as raised:
        UpscalingRuntime(bundle, "cpu", 1)
    assert "\n" not in str(raised.value)


def test_damaged_weights_are_refused(bundle: ModelBundle) -> None:
    (bundle.folder / UPSCALER / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(UnknownModelError, match="upscaler"):
        load_upscaler(bundle.folder)


def test_a_head_beside_another_autoencoder_is_refused(bundle: ModelBundle, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ModelBundle.find("embedded").folder, other)
    shutil.copytree(bundle.folder / UPSCALER, other / UPSCALER)
    with pytest.raises(UnknownModelError, match="a head for the second autoencoder, and this is"):
        UpscalingRuntime(ModelBundle.find(other), "cpu", 1)
