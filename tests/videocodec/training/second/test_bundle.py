"""A bundle from weights and tables: what does not belong together is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bitstream.v1.tables import TablesError
from tests.bitstream.v2.synthetic import random_tables, with_inter_tables
from tools.train import bundle_v2
from videocodec.errors import InputError, UnknownModelError
from videocodec.models.bundle import ModelBundle
from videocodec.models.upscaling import load_upscaler
from videocodec.networks.second.autoencoder import SecondDecoder, SecondShape
from videocodec.networks.second.codec import ACTIVATION, SecondCodec
from videocodec.networks.upscaling import PictureUpscaler, UpscalerShape
from videocodec.training.second.bundle import install_second, install_upscaler, shape_of

SHAPE = SecondShape(
    channels=4,
    fine_width=8,
    width=12,
    encoder_low_width=16,
    encoder_low_blocks=1,
    decoder_low_width=20,
    decoder_low_blocks=2,
    activation="silu",
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    file = tmp_path / "weights.safetensors"
    half = {name: value.half() for name, value in SecondCodec(SHAPE).state_dict().items()}
    save_file(half, str(file), {ACTIVATION: "silu"})
    return file


def test_networks_of_any_size_keep_their_weights(weights: Path, tmp_path: Path) -> None:
    tables = with_inter_tables(random_tables(0, (1, 1, 2)))
    made = install_second(weights, tables, tmp_path / "made", "# About\n\nNothing.")
    codec, found = SecondCodec(SHAPE), made.load_autoencoder()
    codec.load(weights)
    assert isinstance(found.decoder, SecondDecoder)
    pictures, step = torch.rand(1, 3, 24, 32) * 2 - 1, torch.tensor([0.7])
    with torch.inference_mode():
        latents = codec.encoder(pictures)
        assert torch.equal(found.encode(pictures).latents, latents)
        decoded = codec.decoder(latents, torch.log2(step))
        assert torch.equal(found.decode(latents, step=step).sample, decoded)
    assert made.tables.slices == (1, 1, 2) and made.latent_scale.tolist() == [1.0] * 4
    card = (made.folder / "README.md").read_text("utf-8")
    assert f"`{made.sha256}`" in card and card.endswith("## About\n\nNothing.\n")


def test_a_head_for_twice_the_size_is_on_the_card_and_in_no_identity(
    weights: Path, tmp_path: Path
) -> None:
    tables = with_inter_tables(random_tables(0, (1, 1, 2)))
    made = install_second(weights, tables, tmp_path / "made", "# About\n\nNothing.")
    plain = (made.folder / "README.md").read_text("utf-8")
    assert "| upscaler |" not in plain
    for width in (8, 12):
        head = PictureUpscaler(UpscalerShape(width=width, blocks=1))
        install_upscaler(head, made)
        card = (made.folder / "README.md").read_text("utf-8")
        assert card.count("| upscaler | makes decoded pictures twice as large") == 1
        assert [line for line in card.splitlines() if "| upscaler |" not in line] == (
            plain.splitlines()
        )
        assert load_upscaler(made.folder).shape == head.shape
        assert ModelBundle.find(made.folder).sha256 == made.sha256
    again = install_second(weights, tables, made.folder, "# About\n\nNothing.")
    assert (again.folder / "README.md").read_text("utf-8") == card


def test_making_a_bundle_again_keeps_its_head(weights: Path, tmp_path: Path) -> None:
    tables, bundle = tmp_path / "tables.safetensors", tmp_path / "made"
    fitted = with_inter_tables(random_tables(0, (1, 1, 2)))
    made = install_second(weights, fitted, bundle, "")
    shutil.copy(made.tables_file, tables)
    install_upscaler(PictureUpscaler(UpscalerShape(width=8, blocks=1)), made)
    (tmp_path / "about.md").write_text("# Others\n")
    words = {"weights": weights, "tables": tables, "bundle": bundle, "about": tmp_path / "about.md"}
    bundle_v2.main([str(word) for name, value in words.items() for word in (f"--{name}", value)])
    card = (bundle / "README.md").read_text("utf-8")
    assert "## Others" in card and card.count("| upscaler |") == 1
    assert load_upscaler(bundle).shape.width == 8


def test_the_sizes_are_read_off_the_weights(weights: Path) -> None:
    assert shape_of(weights) == SecondShape(**vars(SHAPE) | {"activation": "relu"})


@pytest.mark.parametrize(
    "tables", [random_tables(0, (1, 1, 2)), with_inter_tables(random_tables(0, (1, 3)))]
)
def test_tables_that_do_not_fit_are_refused(weights: Path, tables, tmp_path: Path) -> None:
    with pytest.raises(TablesError, match=r"the weights need \(1, 1, 2\), with them"):
        install_second(weights, tables, tmp_path / "made", "")
    assert not (tmp_path / "made").exists()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, str(file))
    with pytest.raises(InputError, match="no weights of the second autoencoder"):
        shape_of(file)


def test_an_unknown_activation_is_one_line(weights: Path, tmp_path: Path) -> None:
    tables = with_inter_tables(random_tables(0, (1, 1, 2)))
    made = install_second(weights, tables, tmp_path / "made", "")
    config = made.folder / "vae" / "config.json"
    config.write_text(config.read_text().replace("silu", "tanhish"))
    with pytest.raises(UnknownModelError, match="the activation 'tanhish' is none of relu, silu"):
        ModelBundle.find(made.folder).load_autoencoder()
