"""Single files in the layouts of Stable Diffusion, FLUX and TAESD: the same networks come out as
went in.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from videocodec.models.configurations import FAMILIES, configurations
from videocodec.models.layouts import Layout
from videocodec.models.single_files import unpack
from videocodec.models.source import ModelSource

from ..single_files import (
    MARKS,
    autoencoder,
    checkpoint,
    compvis_names,
    compvis_unet,
    config_beside,
    taesd,
    write,
    write_taesd,
)
from ..stock_models import unet

PRECISIONS = [torch.float32, torch.float16, torch.bfloat16]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket is an error."""

    def refuse(*of: object, **settings: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _same(model: torch.nn.Module, other: torch.nn.Module, precision: torch.dtype) -> bool:
    ours, theirs = model.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name].to(precision).float(), theirs[name]) for name in ours
    )


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
def test_an_autoencoder_alone_by_compvis_names(
    tmp_path: Path, precision: torch.dtype, channels: int, prefix: str
) -> None:
    model = autoencoder(channels, quant=channels == 4)
    tensors = {prefix + name: tensor for name, tensor in compvis_names(model).items()}
    file = write(tmp_path / "vae-ft-mse.safetensors", tensors, precision)
    config_beside(file, model)
    unpacked = unpack(file, tmp_path / "out")
    assert unpacked.notes == []
    loaded = ModelSource.find(unpacked.folder).load_autoencoder()
    assert _same(model, loaded, precision)
    assert loaded.config.scaling_factor == 0.5
    stored = load_file(str(unpacked.folder / "vae" / "diffusion_pytorch_model.safetensors"))
    assert {tensor.dtype for tensor in stored.values()} == {precision}


@pytest.mark.parametrize("model", [autoencoder(4), taesd(16)], ids=["kl", "tiny"])
def test_diffusers_names(tmp_path: Path, model: torch.nn.Module) -> None:
    file = write(tmp_path / "vae.safetensors", model.state_dict(), torch.float16)
    config_beside(file, model)
    unpacked = unpack(file, tmp_path / "out")
    assert _same(model, ModelSource.find(unpacked.folder).load_autoencoder(), torch.float16)


def test_diffusers_own_config_beside_its_own_file(tmp_path: Path) -> None:
    model = autoencoder(4)
    model.save_pretrained(str(tmp_path / "vae"))
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    unpacked = unpack(file, tmp_path / "out")
    assert _same(model, ModelSource.find(unpacked.folder).load_autoencoder(), torch.float32)


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("channels", [4, 16])
def test_taesds_two_files(tmp_path: Path, precision: torch.dtype, channels: int) -> None:
    model = taesd(channels)
    encoder, decoder = write_taesd(tmp_path, model, precision)
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    for index, source in enumerate((encoder, decoder, (encoder, decoder), [decoder, encoder])):
        folder = tmp_path / str(index)
        loaded = ModelSource.find(unpack(source, folder).folder).load_autoencoder()
        assert _same(model, loaded, precision)
        with torch.inference_mode():
            latents = loaded.encode(picture).latents
            assert loaded.decode(latents).sample.shape == picture.shape


@pytest.mark.parametrize("family", MARKS)
def test_the_family_of_a_checkpoint_and_what_is_read_of_it(tmp_path: Path, family: str) -> None:
    file = checkpoint(tmp_path / "model.safetensors", family)
    layout = Layout.read(file)
    assert layout.family()[0] == family
    assert all(name.startswith("first_stage_model.") for name in layout.autoencoder_names)
    if family in ("sdxl", "sd3", "flux"):
        unpacked = unpack(file, tmp_path / "out")
        assert [note for note in unpacked.notes if "is left out" in note and family in note]
        assert sorted(f.name for f in unpacked.folder.iterdir()) == ["vae"]


@pytest.mark.parametrize(
    ("family", "prediction"), [("sd1", "epsilon"), ("sd2", "v_prediction"), ("sd2-base", "epsilon")]
)
def test_the_unet_of_a_checkpoint(tmp_path: Path, family: str, prediction: str) -> None:
    file = checkpoint(tmp_path / "model.safetensors", family.partition("-")[0])
    tensors, config = compvis_unet()
    write(file, load_file(str(file)) | tensors, torch.float16)
    file.with_suffix(".unet.json").write_text(json.dumps(config))
    chosen = family if "-" in family else None
    unpacked = unpack(file, tmp_path / "out", chosen)
    assert unpacked.family == family
    assert any("--family sd2-base" in note for note in unpacked.notes) == (family == "sd2")
    source = ModelSource.find(unpacked.folder)
    loaded = source.load_unet(4)
    assert loaded is not None
    assert _same(unet(4), loaded, torch.float16)
    scheduler = json.loads((unpacked.folder / "scheduler/scheduler_config.json").read_text())
    assert scheduler["prediction_type"] == prediction


def test_only_what_is_taken_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = checkpoint(tmp_path / "model.safetensors", "sdxl")
    read: list[str] = []

    class Spy:
        def __init__(self, *of: object) -> None:
            self._tensors = safe_open(*of)

        def __enter__(self) -> Spy:
            self._tensors.__enter__()
            return self

        def __exit__(self, *of: object) -> None:
            self._tensors.__exit__(*of)

        def get_tensor(self, name: str) -> torch.Tensor:
            read.append(name)
            return self._tensors.get_tensor(name)

    monkeypatch.setattr("videocodec.models.single_files.safe_open", Spy)
    unpack(file, tmp_path / "out")
    assert read and all(name.startswith("first_stage_model.") for name in read)


class TestFamilies:
    """The package's own configurations, at full size: shapes alone."""

    @pytest.mark.parametrize("family", FAMILIES)
    def test_are_read_by_their_classes(self, family: str) -> None:
        import diffusers

        scales = {"sdxl": 0.13025, "sd3": 1.5305, "flux": 0.3611, "taesd": 1.0}
        for part, config in configurations(family).items():
            if part == "scheduler":
                continue
            kind = getattr(diffusers, str(config["_class_name"]))
            with torch.device("meta"):
                model = kind.from_config(config)
            if part == "vae":
                assert model.config.scaling_factor == scales.get(family, 0.18215)
                assert model.config.latent_channels == (16 if family in ("sd3", "flux") else 4)
                if family != "taesd":
                    count = sum(parameter.numel() for parameter in model.parameters())
                    assert round(count / 1e5) == (838 if family in ("sd3", "flux") else 837)
            else:
                count = sum(parameter.numel() for parameter in model.parameters())
                assert round(count / 1e6) == (860 if family == "sd1" else 866)

    @pytest.mark.parametrize(
        ("channels", "family", "other"), [(4, "sd1", "sdxl"), (16, "flux", "sd3")]
    )
    def test_an_autoencoder_alone_leaves_a_doubt(
        self, tmp_path: Path, channels: int, family: str, other: str
    ) -> None:
        file = write(
            tmp_path / "ae.safetensors", compvis_names(autoencoder(channels)), torch.float32
        )
        found, doubt = Layout.read(file).family()
        assert found == family and f"of {other} (--family)" in doubt
        config = json.loads(
            (unpack(file, tmp_path / "out", other).folder / "vae/config.json").read_text()
        )
        assert config["scaling_factor"] == configurations(other)["vae"]["scaling_factor"]

    def test_remarks_of_a1111_beside_a_file_are_no_configuration(self, tmp_path: Path) -> None:
        file = write(tmp_path / "ae.safetensors", compvis_names(autoencoder(4)), torch.float32)
        file.with_suffix(".json").write_text('{"description": "mine", "sd version": "SD1"}')
        assert unpack(file, tmp_path / "out").family == "sd1"
