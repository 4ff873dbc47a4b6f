"""Single files that are refused, each in one line that names them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.models.single_files import is_single_file, unpack
from videocodec.models.source import ModelSource

from ..single_files import (
    autoencoder,
    checkpoint,
    compvis_names,
    config_beside,
    taesd,
    write,
    write_taesd,
)


def _truncated(folder: Path) -> Path:
    file = checkpoint(folder / "model.safetensors", "sd1")
    file.write_bytes(file.read_bytes()[:-100])
    return file


def _pickle(folder: Path) -> Path:
    (folder / "model.ckpt").write_bytes(pickle.dumps({}))
    return folder / "model.ckpt"


def _renamed_pickle(folder: Path) -> Path:
    torch.save({"a": torch.ones(3)}, folder / "model.safetensors")
    return folder / "model.safetensors"


def _foreign(folder: Path) -> Path:
    save_file({"lora_up.weight": torch.ones(3, 3)}, str(folder / "lora.safetensors"))
    return folder / "lora.safetensors"


def _denoiser_alone(folder: Path) -> Path:
    save_file({"double_blocks.0.img_mod.lin.bias": torch.ones(3)}, str(folder / "f.safetensors"))
    return folder / "f.safetensors"


def _half(folder: Path) -> Path:
    encoder, decoder = write_taesd(folder, taesd())
    decoder.unlink()
    return encoder


def _eighth(folder: Path) -> Path:
    return write(folder / "vae.safetensors", compvis_names(autoencoder(4)), torch.float8_e4m3fn)


def _other_width(folder: Path) -> Path:
    return write(folder / "vae.safetensors", compvis_names(autoencoder(8)), torch.float32)


REFUSED = {
    "truncated": (_truncated, "no safetensors file, or one that is cut off"),
    "pickle": (_pickle, "refusing pickled weights, which can run programs: convert them"),
    "renamed pickle": (_renamed_pickle, "no safetensors file, or one that is cut off"),
    "missing": (lambda folder: folder / "no.safetensors", "no such file"),
    "foreign": (_foreign, "it holds tensors like lora_up.weight"),
    "denoiser": (_denoiser_alone, "a network that denoises, without its autoencoder"),
    "half of TAESD": (_half, "put its decoder beside it"),
    "eight bits": (_eighth, "holds an autoencoder in F8_E4M3: take one in F32, F16, BF16"),
    "eight channels": (_other_width, "8 latent channels belongs to no family"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_one_line_says_why_a_file_is_refused(tmp_path: Path, make, reason: str) -> None:
    file = make(tmp_path)
    assert is_single_file(file) and is_single_file(str(file))
    with pytest.raises(UnknownModelError) as refusal:
        unpack(file, tmp_path / "out")
    assert reason in str(refusal.value) and str(file) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_files_that_are_no_pair(tmp_path: Path) -> None:
    encoder, _ = write_taesd(tmp_path, taesd())
    with pytest.raises(UnknownModelError, match="one must be TAESD's encoder"):
        unpack([encoder, encoder], tmp_path / "out")
    (tmp_path / "other").mkdir()
    _, decoder = write_taesd(tmp_path / "other", taesd(16))
    with pytest.raises(UnknownModelError, match="makes 4 latent channels, .* takes 16"):
        unpack([encoder, decoder], tmp_path / "out")


def test_a_family_that_does_not_fit(tmp_path: Path) -> None:
    file = write(tmp_path / "ae.safetensors", compvis_names(autoencoder(4)), torch.float32)
    with pytest.raises(UnknownModelError, match="of 4 latent channels, and family flux is of"):
        unpack(file, tmp_path / "out", "flux")
    with pytest.raises(UnknownModelError, match="no family 'sd9': there are sd1, sd2"):
        unpack(file, tmp_path / "out", "sd9")


def test_a_file_that_lacks_a_tensor(tmp_path: Path) -> None:
    model = autoencoder(4)
    tensors = compvis_names(model)
    del tensors["decoder.mid.attn_1.q.weight"]
    file = write(tmp_path / "vae.safetensors", tensors, torch.float32)
    config_beside(file, model)
    unpacked = unpack(file, tmp_path / "out")
    with pytest.raises(UnknownModelError, match="decoder.mid_block.attentions.0.to_q.weight"):
        ModelSource.find(unpacked.folder).load_autoencoder()


def test_folders_and_names_on_the_hub_are_no_files(tmp_path: Path) -> None:
    assert not is_single_file(tmp_path) and not is_single_file("org/name")
    assert is_single_file("org/name.safetensors")  # which is not asked for on the hub
