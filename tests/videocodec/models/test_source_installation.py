"""Models copied from where they lie into a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models.files import own_files
from videocodec.models.source import ModelSource, weight_files

from ..stock_models import (
    WEIGHTS,
    kl_autoencoder,
    save_pipeline,
)


class TestInstalling:
    def test_only_configs_and_safetensors_are_copied(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path / "sd", restores="adapter")
        for name in (
            "vae/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "sd.ckpt",
            "scheduler/notes.txt",
        ):
            (folder / name).write_bytes(b"not this")
        source = ModelSource.find(folder)
        source.install(tmp_path / "bundle", source.load_autoencoder())
        copied = sorted(
            f.relative_to(tmp_path / "bundle").as_posix()
            for f in (tmp_path / "bundle").rglob("*")
            if f.is_file()
        )
        assert copied == sorted(
            [
                "model_index.json",
                "scheduler/scheduler_config.json",
                *(
                    f"{part}/{name}"
                    for part in ("vae", "unet", "motion_adapter")
                    for name in ("config.json", WEIGHTS)
                ),
            ]
        )
        assert json.loads((tmp_path / "bundle" / "model_index.json").read_text())["unet"] == [
            "diffusers",
            "UNet2DConditionModel",
        ]

    def test_what_old_configs_leave_to_the_class_is_written_down(self, tmp_path: Path) -> None:
        """Stable Diffusion 1.5's has no scaling_factor."""
        folder = save_pipeline(tmp_path / "sd")
        config = json.loads((folder / "vae" / "config.json").read_text())
        del config["scaling_factor"]
        (folder / "vae" / "config.json").write_text(json.dumps(config))
        source = ModelSource.find(folder)
        source.install(tmp_path / "bundle", source.load_autoencoder())
        assert (
            json.loads((tmp_path / "bundle" / "vae" / "config.json").read_text())["scaling_factor"]
            == 0.18215
        )

    def test_shards_are_loaded_without_a_word(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        kl_autoencoder(4).save_pretrained(str(tmp_path), max_shard_size="30KB")
        capfd.readouterr()
        ModelSource.find(tmp_path).load_autoencoder()
        assert capfd.readouterr() == ("", "")

    def test_weights_in_shards_are_taken_whole(self, tmp_path: Path) -> None:
        kl_autoencoder(4).save_pretrained(str(tmp_path / "vae"), max_shard_size="30KB")
        names = weight_files(tmp_path / "vae")
        assert len(names) > 2 and names[0] == "diffusion_pytorch_model.safetensors.index.json"
        source = ModelSource.find(tmp_path)
        source.install(tmp_path / "bundle", source.load_autoencoder())
        with torch.no_grad():
            a, b = (
                ModelSource.find(folder).load_autoencoder().decode(torch.ones(1, 4, 2, 2)).sample
                for folder in (tmp_path, tmp_path / "bundle")
            )
        assert torch.equal(a, b)

    def test_keys_of_old_checkpoints_are_understood(self, tmp_path: Path) -> None:
        """sd-vae-ft-mse calls the projections of its attention query, key, value and proj_attn."""
        from safetensors.torch import load_file, save_file

        kl_autoencoder(4).save_pretrained(str(tmp_path))
        old = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}
        renamed = {}
        for name, value in load_file(str(tmp_path / WEIGHTS)).items():
            for new, before in old.items():
                name = name.replace(new, before)
            renamed[name] = value
        assert any("proj_attn" in name for name in renamed)
        save_file(renamed, str(tmp_path / WEIGHTS), {"format": "pt"})
        ModelSource.find(tmp_path).load_autoencoder()


def test_a_text_encoder_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    pipeline = save_pipeline(tmp_path / "pipeline", restores="plain")
    bundle = tmp_path / "bundle"
    origin = ModelSource.find(pipeline)
    origin.install(bundle, origin.load_autoencoder())
    with pytest.raises(UnknownModelError, match="there is no text_encoder/"):
        origin.install_text_encoder(bundle)
    files = {
        "text_encoder": ("config.json", "model.safetensors", "model.bin"),
        "tokenizer": ("vocab.json", "merges.txt"),
    }
    for part, names in files.items():
        (pipeline / part).mkdir()
        for name in names:
            (pipeline / part / name).write_text(name)
    origin.install_text_encoder(bundle)
    kept = [name for name in own_files(bundle) if name.split("/")[0] in files]
    assert sorted(kept) == [
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
    ]
    assert not (bundle / "text_encoder" / "model.bin").exists()
