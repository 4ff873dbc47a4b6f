"""Models to calibrate: pipelines and bare autoencoders, checked where they lie, refused in one
clear line.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from videocodec.errors import UnknownModelError
from videocodec.models.autoencoders import codebook_size, latent_channels, latents_of
from videocodec.models.loading import load_scheduler
from videocodec.models.source import ModelSource

from ..stock_models import (
    SCHEDULERS,
    STABLE_DIFFUSION,
    WEIGHTS,
    codebook_autoencoder,
    kl_autoencoder,
    motion_adapter,
    save_pipeline,
    tiny_autoencoder,
    unet,
)


def complaint(folder: Path | str, channels: int = 4) -> str:
    """The one line that a source is refused with."""
    with pytest.raises(UnknownModelError) as error:
        source = ModelSource.find(folder)
        source.load_autoencoder()
        source.load_unet(channels)
    assert "\n" not in str(error.value)
    return str(error.value)


class TestFinding:
    def test_a_pipeline_has_its_networks_in_folders(self, tmp_path: Path) -> None:
        source = ModelSource.find(save_pipeline(tmp_path / "sd", restores="plain"))
        assert (source.name, source.bare, source.has_unet, source.autoencoder_folder) == (
            "sd",
            False,
            True,
            tmp_path / "sd" / "vae",
        )

    @pytest.mark.parametrize("make", [kl_autoencoder, tiny_autoencoder])
    def test_a_bare_autoencoder_lies_at_the_top(self, tmp_path: Path, make) -> None:
        make(4).save_pretrained(str(tmp_path))
        source = ModelSource.find(str(tmp_path))
        assert (source.bare, source.has_unet, source.autoencoder_folder) == (True, False, tmp_path)
        assert source.load_autoencoder().config.latent_channels == 4

    def test_a_codebook_has_the_channels_of_its_entries(self, tmp_path: Path) -> None:
        origin = ModelSource.find(save_pipeline(tmp_path / "vq", 3, vae="codebook"))
        model = origin.load_autoencoder()
        assert (latent_channels(model), model.config.latent_channels) == (3, 4)
        assert codebook_size(model) == 32
        with torch.inference_mode():
            latents = latents_of(model, torch.zeros(1, 3, 64, 64))
        assert latents.shape == (1, 3, 8, 8)

    def test_a_codebook_of_another_stride_is_refused(self, tmp_path: Path) -> None:
        codebook_autoencoder(3, levels=3).save_pretrained(str(tmp_path / "vq"))
        assert "must have a stride of 8 px" in complaint(tmp_path / "vq")

    def test_autoencoders_need_not_begin_so(self, tmp_path: Path) -> None:
        """Stable Diffusion's for inpainting, whose decoder is larger."""
        from diffusers import AsymmetricAutoencoderKL

        blocks = {
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "norm_num_groups": 4,
        }
        widths = {"down_block_out_channels": (8,) * 4, "up_block_out_channels": (16,) * 4}
        AsymmetricAutoencoderKL(**blocks, **widths).save_pretrained(str(tmp_path))
        assert type(ModelSource.find(tmp_path).load_autoencoder()) is AsymmetricAutoencoderKL

    def test_a_folder_without_a_model_says_what_is_missing(self, tmp_path: Path) -> None:
        assert f"{tmp_path}: no vae/config.json and no config.json here" in complaint(tmp_path)

    def test_no_folder_and_no_name_on_the_hub(self) -> None:
        assert (
            complaint("/no/such/folder")
            == "/no/such/folder: no such folder, and no org/name of a model on the hub"
        )

    @pytest.mark.parametrize(
        ("name", "what"),
        [("v1-5.ckpt", "refusing pickled weights"), ("v1-5.safetensors", "this is a file")],
    )
    def test_a_single_file_is_no_folder(self, tmp_path: Path, name: str, what: str) -> None:
        (tmp_path / name).write_bytes(b"\x80\x04.")
        assert what in complaint(tmp_path / name)
        assert "give a folder in diffusers' layout" in complaint(tmp_path / name)

    def test_of_a_pipeline_with_a_transformer_the_autoencoder_is_taken_and_a_note_says_so(
        self, tmp_path: Path
    ) -> None:
        folder = save_pipeline(tmp_path, 16)
        (folder / "transformer").mkdir()
        source = ModelSource.find(folder)
        assert not source.has_unet
        assert source.notes == [
            "transformer/ is not supported (flow matching): the autoencoder alone is taken, without"
            " restoration"
        ]
        assert ModelSource.find(save_pipeline(tmp_path / "sd", restores="plain")).notes == []


class TestRefusals:
    def test_pickled_weights(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path)
        (folder / "vae" / WEIGHTS).rename(folder / "vae" / "diffusion_pytorch_model.bin")
        assert (
            f"{folder / 'vae'}: refusing pickled weights (diffusion_pytorch_model.bin)"
            in complaint(folder)
        )

    def test_pickled_weights_of_the_unet(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path, restores="plain")
        (folder / "unet" / WEIGHTS).rename(folder / "unet" / "diffusion_pytorch_model.bin")
        assert f"{folder / 'unet'}: refusing pickled weights" in complaint(folder)

    @pytest.mark.parametrize("part", ["vae", "unet", "motion_adapter"])
    def test_missing_weights(self, tmp_path: Path, part: str) -> None:
        folder = save_pipeline(tmp_path, restores="adapter")
        (folder / part / WEIGHTS).unlink()
        assert complaint(folder) == f"{folder / part}: {WEIGHTS} is missing: put it there"

    def test_weights_under_another_name(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path)
        (folder / "vae" / WEIGHTS).rename(
            folder / "vae" / "diffusion_pytorch_model.fp16.safetensors"
        )
        assert complaint(folder).endswith(
            "is missing: copy diffusion_pytorch_model.fp16.safetensors to that name"
        )

    def test_shards_of_a_variant_are_not_to_be_copied(self, tmp_path: Path) -> None:
        kl_autoencoder(4).half().save_pretrained(
            str(tmp_path), max_shard_size="20KB", variant="fp16"
        )
        assert complaint(tmp_path).endswith(
            "is missing: there are only shards of a variant, save the network again without one"
        )

    @pytest.mark.parametrize(
        "file", ["vae/config.json", "unet/config.json", "scheduler/scheduler_config.json"]
    )
    def test_a_missing_config(self, tmp_path: Path, file: str) -> None:
        folder = save_pipeline(tmp_path, restores="plain")
        (folder / file).unlink()
        assert complaint(folder) == f"{folder / file}: cannot be read (it is missing: put it there)"

    def test_another_class_in_the_place_of_the_autoencoder(self, tmp_path: Path) -> None:
        unet(4).save_pretrained(str(tmp_path))
        assert "'UNet2DConditionModel' is no autoencoder" in complaint(tmp_path)

    def test_another_class_in_the_place_of_the_unet(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path, restores="plain")
        motion_adapter().save_pretrained(str(folder / "unet"))
        assert "'MotionAdapter' is no UNet that videocodec can restore latents with" in complaint(
            folder
        )

    def test_a_unet_for_other_latents(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path, 16, restores="plain")
        kl_autoencoder(4).save_pretrained(str(folder / "vae"))
        assert (
            "takes 16 channels and gives 16, which does not fit the autoencoder's 4 latent channels"
            in complaint(folder)
        )

    @pytest.mark.parametrize(("levels", "shape"), [(3, "4x16x16"), (5, "4x4x4")])
    def test_another_stride(self, tmp_path: Path, levels: int, shape: str) -> None:
        kl_autoencoder(4, levels).save_pretrained(str(tmp_path))
        assert (
            f"makes {shape} latents of 64x64 px: an autoencoder must have a stride of 8 px"
            in complaint(tmp_path)
        )

    def test_more_channels_than_a_stream_holds(self, tmp_path: Path) -> None:
        tiny_autoencoder(65).save_pretrained(str(tmp_path))
        assert "has 65 latent channels, a stream holds at most 64" in complaint(tmp_path)

    def test_an_autoencoder_of_something_other_than_pictures(self, tmp_path: Path) -> None:
        kl_autoencoder(4, in_channels=1, out_channels=1).save_pretrained(str(tmp_path))
        assert "a AutoencoderKL does not encode RGB pictures one by one" in complaint(tmp_path)

    def test_an_autoencoder_of_clips(self, tmp_path: Path) -> None:
        """Stable Video Diffusion's encodes single pictures like any other, and decodes them as
        clips.
        """
        from diffusers import AutoencoderKLTemporalDecoder

        widths = (32, 32, 32, 32)
        AutoencoderKLTemporalDecoder(
            down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=widths
        ).save_pretrained(str(tmp_path))
        assert (
            complaint(tmp_path)
            == f"{tmp_path}: a AutoencoderKLTemporalDecoder is made for clips, with layers over"
            " time: give an autoencoder of single pictures"
        )


class TestSchedulers:
    @pytest.mark.parametrize(
        "name", ["DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "PNDMScheduler"]
    )
    @pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
    def test_whatever_class_it_was_saved_by_it_is_ddim_with_the_same_noise(
        self, tmp_path: Path, name: str, prediction_type: str
    ) -> None:
        saved = SCHEDULERS[name](**STABLE_DIFFUSION, prediction_type=prediction_type)
        saved.save_pretrained(str(tmp_path / "scheduler"))
        found = load_scheduler(tmp_path)
        assert type(found).__name__ == "DDIMScheduler"
        assert torch.equal(found.alphas_cumprod, saved.alphas_cumprod)
        assert found.config.prediction_type == prediction_type

    @pytest.mark.parametrize("name", ["DDIMScheduler", "PNDMScheduler"])
    def test_latents_are_never_clipped_to_the_range_of_pictures(
        self, tmp_path: Path, name: str
    ) -> None:
        SCHEDULERS[name](**STABLE_DIFFUSION).save_pretrained(str(tmp_path / "scheduler"))
        scheduler = load_scheduler(tmp_path)
        scheduler.set_timesteps(1000)
        large = torch.full((1, 4, 2, 2), 3.0)
        clean = scheduler.step(
            torch.zeros_like(large), 100, scheduler.alphas_cumprod[100].sqrt() * large
        ).pred_original_sample
        assert torch.allclose(clean, large, atol=1e-4)

    def test_flow_matching_is_refused_by_name(self, tmp_path: Path) -> None:
        folder = save_pipeline(
            tmp_path, restores="plain", scheduler="FlowMatchEulerDiscreteScheduler"
        )
        assert (
            "FlowMatchEulerDiscreteScheduler is flow matching, which videocodec cannot restore"
            " latents with" in complaint(folder)
        )

    def test_a_scheduler_without_betas_is_refused_by_name(self, tmp_path: Path) -> None:
        from diffusers import EDMEulerScheduler

        folder = save_pipeline(tmp_path, restores="plain")
        EDMEulerScheduler().save_pretrained(str(folder / "scheduler"))
        assert (
            "'EDMEulerScheduler' has no beta_schedule: take a scheduler like DDIM, PNDM or Euler"
            in complaint(folder)
        )
