"""The network for twice the size in a bundle: apart from the identity, checked, run in bands."""

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
from videocodec.models.files import (
    BUNDLES,
    UPSCALER,
    UPSCALER_WEIGHTS,
    has_upscaler,
    upscaler_folder,
)
from videocodec.models.upscaling import Upscaling, load_upscaler, save_upscaler
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.scaling import magnified

SHAPE = UpscalerShape(width=8, blocks=1)


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """``second`` with one of random weights."""
    folder = tmp_path / "second"
    shutil.copytree(ModelBundle.find("second").folder, folder)
    shutil.rmtree(folder / UPSCALER, ignore_errors=True)
    torch.manual_seed(0)
    network = PictureUpscaler(SHAPE)
    torch.nn.init.normal_(network.head.weight, std=0.05)
    save_upscaler(network, folder)
    return ModelBundle.find(folder)


def test_it_changes_no_identity(bundle: ModelBundle) -> None:
    assert has_upscaler(bundle.folder)
    assert bundle.sha256 == ModelBundle.find("second").sha256
    assert load_upscaler(bundle.folder).shape == SHAPE


def test_it_is_among_the_networks_of_a_model(bundle: ModelBundle) -> None:
    network = next(each for each in describe(bundle).networks if each.part == UPSCALER)
    expected = sum(weight.numel() for weight in PictureUpscaler(SHAPE).parameters())
    assert (network.class_name, network.parameters) == ("PictureUpscaler", expected)


@pytest.mark.parametrize(("height", "width"), [(24, 40), (75, 51), (130, 96)])
def test_pictures_are_twice_as_large_whole_or_in_bands(
    bundle: ModelBundle, height: int, width: int
) -> None:
    rng = np.random.default_rng(0)
    decoded = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    steps = rng.uniform(0.3, 3, (-(-height // 16) * 2, -(-width // 16) * 2)).astype(np.float32)
    whole = Upscaling(bundle.folder, "cpu", 1).picture(decoded, steps)
    bands = Upscaling(bundle.folder, "cpu", 1, at_once=16 * width).picture(decoded, steps)
    assert whole.shape == (2 * height, 2 * width, 3)
    assert np.abs(whole.astype(int) - bands).max() <= 1
    assert np.abs(whole.astype(int) - magnified(decoded, (2 * width, 2 * height))).max() > 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "UNet2DModel"}, "'UNet2DModel' is no network for twice the size"),
        ({"width": 16}, "no weights of a network for twice the size, 16 wide"),
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
        Upscaling(bundle.folder, "cpu", 1)
    assert "\n" not in str(raised.value)


def test_damaged_weights_are_refused(bundle: ModelBundle) -> None:
    (bundle.folder / UPSCALER / UPSCALER_WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(UnknownModelError, match="upscaler"):
        load_upscaler(bundle.folder)


def test_it_may_lie_beside_any_autoencoder(bundle: ModelBundle, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ModelBundle.find("embedded").folder, other)
    shutil.copytree(bundle.folder / UPSCALER, other / UPSCALER)
    assert ModelBundle.find(other).sha256 == ModelBundle.find("embedded").sha256
    decoded, steps = np.zeros((16, 16, 3), np.uint8), np.ones((2, 2), np.float32)
    assert Upscaling(other, "cpu", 1).picture(decoded, steps).shape == (32, 32, 3)


def test_the_bundles_of_the_package_share_one() -> None:
    places = {upscaler_folder(BUNDLES / name) for name in ("embedded", "embedded-unet", "second")}
    assert places == {BUNDLES / "second" / UPSCALER}


def test_other_bundles_have_their_own_or_none(bundle: ModelBundle, tmp_path: Path) -> None:
    assert upscaler_folder(bundle.folder) == bundle.folder / UPSCALER
    assert upscaler_folder(tmp_path) is None and not has_upscaler(tmp_path)
