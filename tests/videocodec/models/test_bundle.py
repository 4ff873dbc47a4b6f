"""Model bundles: found by name or folder, known by their bytes, refused with one clear line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from bitstream.v1.tables import TablesError
from videocodec.errors import UnknownModelError
from videocodec.models.bundle import TABLES_FILE, ModelBundle, available

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"


OWN = ("embedded", "embedded-unet", "second")  # inside the package


def one_line(error: BaseException) -> str:
    """The message, which must be one line."""
    assert "\n" not in str(error)
    return str(error)


class TestFinding:
    def test_the_embedded_bundle_is_there_by_name_and_fits_in_20_megabytes(self) -> None:
        bundle = ModelBundle.find("embedded")
        assert "embedded" in available()
        assert bundle.name == "embedded"
        assert (
            sum(file.stat().st_size for file in bundle.folder.rglob("*") if file.is_file())
            <= 20_000_000
        )
        assert bundle.latent_scale.shape == (bundle.tables.latent_channels,)

    def test_the_one_with_a_unet_is_the_other_with_a_unet(self) -> None:
        """The same autoencoder and tables: with either the latents of a video are the same, and
        rates too.
        """
        plain, restoring = (ModelBundle.find(name) for name in OWN[:2])
        assert (plain.has_unet, restoring.has_unet) == (False, True)
        for name in (TABLES_FILE, "vae/diffusion_pytorch_model.safetensors"):
            assert dict(plain.files)[name] == dict(restoring.files)[name]
        assert plain.sha256 != restoring.sha256
        for bundle in (plain, restoring):
            assert bundle.sha256 in (bundle.folder / "README.md").read_text()

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_folder_is_a_bundle_too_and_gives_it_its_name(self, folder: Path, kind: type) -> None:
        bundle = ModelBundle.find(kind(folder))
        assert (bundle.name, bundle.folder) == ("small", folder.resolve())

    def test_an_unknown_name_lists_the_choices(self) -> None:
        with pytest.raises(
            UnknownModelError,
            match="unknown model 'nonesuch': choose one of .*embedded.* or the folder of a bundle",
        ) as error:
            ModelBundle.find("nonesuch")
        one_line(error.value)

    def test_a_model_without_tables_says_how_to_make_them(self, folder: Path) -> None:
        (folder / TABLES_FILE).unlink()
        with pytest.raises(
            UnknownModelError,
            match=(
                "not calibrated for this codec: run videocodec models calibrate .* and give that"
                " BUNDLE"
            ),
        ) as error:
            ModelBundle.find(folder)
        assert str(folder) in one_line(error.value)

    def test_a_folder_that_is_no_model_at_all_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(
            UnknownModelError, match="no codec/tables.safetensors in this folder: make a bundle"
        ) as error:
            ModelBundle.find(tmp_path)
        assert str(tmp_path) in one_line(error.value)

    def test_a_file_is_no_model(self, folder: Path) -> None:
        with pytest.raises(
            UnknownModelError, match="a model is a folder in diffusers' layout, and this is a file"
        ):
            ModelBundle.find(folder / WEIGHTS)

    def test_a_bundle_in_the_users_folder_is_found_by_its_name(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(folder.parent))
        assert available() == (*OWN, "small")
        assert ModelBundle.find("small").folder == folder.resolve()
        shutil.copytree(folder, folder.parent / "someone" / "theirs")
        assert available() == (*OWN, "small", "someone/theirs")
        assert ModelBundle.find("someone/theirs").name == "theirs"

    def test_what_is_half_made_there_is_not_listed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(folder.parent / "models"))
        shutil.copytree(folder, folder.parent / "models" / ".calibrating-1234" / "small")
        assert available() == OWN

    @pytest.mark.parametrize(
        "name", ["vae/diffusion_pytorch_model.bin", "unet/model.pt", "model.ckpt", "weights.pth"]
    )
    def test_pickled_weights_are_refused_even_beside_good_ones(
        self, folder: Path, name: str
    ) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\x80\x04.")
        with pytest.raises(UnknownModelError, match="refusing pickled weights") as error:
            ModelBundle.find(folder)
        assert Path(name).name in one_line(error.value)


class TestIdentity:
    def test_it_does_not_depend_on_where_the_folder_lies(self, folder: Path) -> None:
        identity = ModelBundle.find(folder).sha256
        assert len(identity) == 64
        assert ModelBundle.find(folder.rename(folder.with_name("moved"))).sha256 == identity

    @pytest.mark.parametrize("name", [WEIGHTS, TABLES_FILE, "vae/config.json", "model_index.json"])
    def test_it_changes_with_any_byte_that_decoding_depends_on(
        self, folder: Path, name: str
    ) -> None:
        before = ModelBundle.find(folder).sha256
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)
        assert ModelBundle.find(folder).sha256 != before

    def test_it_covers_a_unet(self, folder: Path) -> None:
        before = ModelBundle.find(folder).sha256
        (folder / "unet").mkdir()
        (folder / "unet" / "config.json").write_text("{}")
        assert ModelBundle.find(folder).sha256 != before

    @pytest.mark.parametrize(
        "name",
        [
            "unet/conditioning.safetensors",
            "motion_adapter/config.json",
            "scheduler/scheduler_config.json",
        ],
    )
    def test_it_covers_all_that_restores(self, folder: Path, name: str) -> None:
        before = ModelBundle.find(folder).sha256
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(b"{}")
        assert ModelBundle.find(folder).sha256 != before

    def test_notes_and_training_state_do_not_count(self, folder: Path) -> None:
        before = ModelBundle.find(folder).sha256
        (folder / "README.md").write_text("a model card")
        (folder / "codec" / "rate_model.safetensors").write_bytes(b"only training needs this")
        assert ModelBundle.find(folder).sha256 == before


class TestTables:
    def test_damaged_tables_are_named(self, folder: Path) -> None:
        (folder / TABLES_FILE).write_bytes(b"\0" * 100)
        with pytest.raises(TablesError, match="codec tables cannot be read") as error:
            _ = ModelBundle.find(folder).tables
        assert str(folder) in one_line(error.value)

    def test_tables_without_a_scale_are_named(self, folder: Path) -> None:
        tensors = load_file(str(folder / TABLES_FILE))
        del tensors["latent_scale"]
        save_file(tensors, str(folder / TABLES_FILE))
        with pytest.raises(UnknownModelError, match="no latent_scale") as error:
            _ = ModelBundle.find(folder).latent_scale
        assert "tables.safetensors" in one_line(error.value)

    def test_the_scale_is_one_number_per_channel(self, folder: Path) -> None:
        scale = ModelBundle.find(folder).latent_scale
        assert (scale.shape, scale.dtype) == ((16,), np.float32)


class TestLoadingTheAutoencoder:
    def test_it_comes_ready_for_inference_in_float32(self, folder: Path) -> None:
        model = ModelBundle.find(folder).load_autoencoder()
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert {str(parameter.dtype) for parameter in model.parameters()} == {"torch.float32"}

    def test_diffusers_own_autoencoders_load_too(self, folder: Path) -> None:
        from diffusers import AutoencoderTiny

        AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8)
        ).save_pretrained(str(folder / "vae"))
        assert type(ModelBundle.find(folder).load_autoencoder()).__name__ == "AutoencoderTiny"

    def test_other_diffusers_classes_are_not_autoencoders(self, folder: Path) -> None:
        self._change_config(folder, _class_name="UNet2DModel")
        with pytest.raises(
            UnknownModelError, match="'UNet2DModel' is no autoencoder that diffusers .* knows"
        ) as error:
            ModelBundle.find(folder).load_autoencoder()
        assert "config.json" in one_line(error.value)

    @pytest.mark.parametrize("name", ["AutoencoderOfTheFuture", None, 7])
    def test_an_unknown_class_is_named(self, folder: Path, name: object) -> None:
        self._change_config(folder, _class_name=name)
        with pytest.raises(UnknownModelError, match="is no autoencoder") as error:
            ModelBundle.find(folder).load_autoencoder()
        assert repr(name) in one_line(error.value)

    @pytest.mark.parametrize("text", ["{", "[1]", ""], ids=["cut short", "a list", "empty"])
    def test_a_config_that_is_no_config_is_named(self, folder: Path, text: str) -> None:
        (folder / "vae" / "config.json").write_text(text)
        with pytest.raises(UnknownModelError, match="config.json: cannot be read") as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    def test_a_missing_config_is_named(self, folder: Path) -> None:
        (folder / "vae" / "config.json").unlink()
        with pytest.raises(UnknownModelError, match="config.json: cannot be read") as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    def test_missing_weights_are_named(self, folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        with pytest.raises(
            UnknownModelError,
            match="vae: cannot be loaded .*no file named diffusion_pytorch_model.safetensors",
        ) as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    @pytest.mark.parametrize(
        "damage",
        [lambda data: data[:1000], lambda data: data[:20] + b"\xff" + data[21:], lambda data: b""],
        ids=["cut", "bad byte", "empty"],
    )
    def test_damaged_weights_are_named(self, folder: Path, damage) -> None:
        (folder / WEIGHTS).write_bytes(damage((folder / WEIGHTS).read_bytes()))
        with pytest.raises(UnknownModelError, match="vae: cannot be loaded") as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    def test_weights_of_another_shape_are_named(self, folder: Path) -> None:
        self._change_config(folder, coarse_width=12)
        with pytest.raises(UnknownModelError, match="size mismatch") as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    def test_a_gap_in_the_weights_is_never_filled_with_random_numbers(self, folder: Path) -> None:
        self._change_config(folder, decoder_wide_blocks=2)
        with pytest.raises(
            UnknownModelError, match=r"weights are missing \(decoder.wide.1"
        ) as error:
            ModelBundle.find(folder).load_autoencoder()
        one_line(error.value)

    @staticmethod
    def _change_config(folder: Path, **changes: object) -> None:
        file = folder / "vae" / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
