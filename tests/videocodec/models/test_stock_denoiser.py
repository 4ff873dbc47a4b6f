"""Stable Diffusion's UNets as denoisers: fed what they want, shown the neighbours, refused where
they cannot be fed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from diffusers import DDIMScheduler, UNetMotionModel

from videocodec.errors import UnknownModelError
from videocodec.models.cross_frame_attention import CrossFrameAttention, install
from videocodec.models.denoiser import Conditions, SlidingWindow
from videocodec.models.loading import load_denoiser
from videocodec.models.source import ModelSource
from videocodec.models.stock_denoiser import MotionDenoiser, StockDenoiser, check_unet

from ..stock_models import (
    PROMPT_WIDTH,
    STABLE_DIFFUSION,
    conditioning,
    motion_adapter,
    save_pipeline,
    unet,
)

ALPHAS = DDIMScheduler(**STABLE_DIFFUSION).alphas_cumprod
HEIGHT, WIDTH = 5, 7  # odd: no size that UNets were made for


def denoiser(
    channels: int = 4, inputs: int | None = None, temporal_weight: float = 1.0
) -> StockDenoiser:
    return StockDenoiser(
        unet(channels, inputs).eval(), conditioning(channels), ALPHAS, temporal_weight
    )


def motion_denoiser(channels: int = 4, inputs: int | None = None) -> MotionDenoiser:
    network = UNetMotionModel.from_unet2d(unet(channels, inputs), motion_adapter()).eval()
    return MotionDenoiser(network, conditioning(channels), ALPHAS)


def inputs_of(
    frames: int, channels: int = 4, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, Conditions]:
    """Noisy latents, timesteps and conditions of so many frames; a quarter of each is to be
    generated.
    """
    generator = torch.Generator().manual_seed(seed)
    latents, before, after, noise = torch.randn(
        4, frames, channels, HEIGHT, WIDTH, generator=generator
    )
    generate = torch.zeros(frames, HEIGHT, WIDTH)
    generate[:, :3, :3] = 1
    noise = noise * generate[:, None]
    timesteps = torch.randint(50, 400, (frames,), generator=generator)
    alpha = ALPHAS[timesteps].reshape(-1, 1, 1, 1)
    sample = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    return (
        sample,
        timesteps,
        Conditions(before, after, generate, torch.zeros(frames, HEIGHT, WIDTH), latents, noise),
    )


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """But for rounding."""
    return torch.allclose(a, b, atol=1e-4)


class TestSingleFrames:
    @pytest.mark.parametrize("channels", [4, 16])
    @pytest.mark.parametrize("inpainting", [False, True])
    def test_a_prediction_has_the_shape_of_the_latents(
        self, channels: int, inpainting: bool
    ) -> None:
        sample, timesteps, conditions = inputs_of(2, channels)
        found = denoiser(channels, 2 * channels + 1 if inpainting else None).predict(
            sample, timesteps, conditions
        )
        assert found.shape == sample.shape
        assert torch.isfinite(found).all()

    @pytest.mark.parametrize("side", ["before", "after"])
    def test_neighbours_are_seen(self, side: str) -> None:
        sample, timesteps, conditions = inputs_of(1)
        plain = denoiser().predict(sample, timesteps, conditions)
        changed = denoiser().predict(
            sample, timesteps, replace(conditions, **{side: -getattr(conditions, side)})
        )
        assert not same(plain, changed)

    def test_without_temporal_weight_they_are_not_and_the_unet_runs_as_ever(self) -> None:
        sample, timesteps, conditions = inputs_of(2)
        found = denoiser(temporal_weight=0).predict(sample, timesteps, conditions)
        other = denoiser(temporal_weight=0).predict(
            sample, timesteps, replace(conditions, before=-conditions.before)
        )
        plain = unet(4).eval()(sample, timesteps, conditioning(4).prompt.expand(2, -1, -1)).sample
        assert same(found, plain) and same(found, other)

    def test_the_weight_goes_from_none_to_all(self) -> None:
        sample, timesteps, conditions = inputs_of(1)
        none, little, half, most, full = (
            denoiser(temporal_weight=w).predict(sample, timesteps, conditions)
            for w in (0, 1e-7, 0.5, 1 - 1e-7, 1)
        )
        assert same(none, little) and same(most, full)
        assert not same(half, none) and not same(half, full)

    def test_neighbours_that_are_the_same_change_nothing(self) -> None:
        """Every key three times over: the same attention."""
        sample, timesteps, conditions = inputs_of(2)
        still = replace(conditions, before=conditions.latents, after=conditions.latents)
        assert same(
            denoiser().predict(sample, timesteps, still),
            denoiser(temporal_weight=0).predict(sample, timesteps, still),
        )

    def test_a_frame_sees_no_other_of_its_batch(self) -> None:
        sample, timesteps, conditions = inputs_of(3)
        together = denoiser().predict(sample, timesteps, conditions)
        for i in range(3):
            alone = Conditions(
                **{name: value[i : i + 1] for name, value in vars(conditions).items()}
            )
            assert same(
                denoiser().predict(sample[i : i + 1], timesteps[i : i + 1], alone),
                together[i : i + 1],
            )

    def test_neighbours_get_the_timestep_and_the_noise_of_their_frame(self) -> None:
        sample, timesteps, conditions = inputs_of(2)
        model, seen = denoiser(), []
        model._unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
        model.predict(sample, timesteps, conditions)
        (samples, times, _), alpha = seen[0], ALPHAS[timesteps].reshape(-1, 1, 1, 1)
        assert times.tolist() == 3 * timesteps.tolist()
        assert torch.equal(samples[:2], sample)
        for got, latents in ((samples[2:4], conditions.before), (samples[4:], conditions.after)):
            assert same(got, alpha.sqrt() * latents + (1 - alpha).sqrt() * conditions.noise)

    def test_the_prompt_is_heard(self) -> None:
        sample, timesteps, conditions = inputs_of(1)
        other = StockDenoiser(unet(4).eval(), conditioning(4, seed=9), ALPHAS)
        assert not same(
            denoiser().predict(sample, timesteps, conditions),
            other.predict(sample, timesteps, conditions),
        )

    def test_only_self_attention_sees_neighbours(self) -> None:
        network = unet(4)
        before = {name: type(one) for name, one in network.attn_processors.items()}
        install(network)
        for name, one in network.attn_processors.items():
            assert isinstance(one, CrossFrameAttention) == ("attn1" in name)
            assert "attn1" in name or type(one) is before[name]
        assert any("attn1" in name for name in before) and any("attn2" in name for name in before)

    @pytest.mark.parametrize("weight", [-0.1, 1.1])
    def test_a_weight_is_a_share(self, weight: float) -> None:
        with pytest.raises(ValueError, match="weight must be 0..1"):
            CrossFrameAttention(weight)


class TestInpainting:
    @pytest.mark.parametrize("make", [denoiser, motion_denoiser])
    def test_the_unet_is_shown_the_mask_and_what_is_known_with_grey_for_what_is_not(
        self, make
    ) -> None:
        sample, timesteps, conditions = inputs_of(2)
        model, seen = make(4, 9), []
        model._unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        model.predict(sample, timesteps, conditions)
        shown = seen[0][0].transpose(0, 1) if seen[0].ndim == 5 else seen[0][:2]
        assert torch.equal(shown[:, :4], sample)
        assert torch.equal(shown[:, 4], conditions.generate)
        assert same(shown[:, 5:, 3:], conditions.latents[:, :, 3:])
        assert same(
            shown[:, 5:, :3, :3], conditioning(4).grey.reshape(1, 4, 1, 1).expand(2, 4, 3, 3)
        )

    def test_of_the_neighbours_nothing_is_hidden(self) -> None:
        sample, timesteps, conditions = inputs_of(2)
        model, seen = denoiser(4, 9), []
        model._unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        model.predict(sample, timesteps, conditions)
        assert not seen[0][2:, 4].any()
        assert torch.equal(seen[0][2:4, 5:], conditions.before) and torch.equal(
            seen[0][4:, 5:], conditions.after
        )


class TestRealSizes:
    """Shapes alone, on a device without memory: the configurations that the published models
    have.
    """

    COMMON: ClassVar = {
        "block_out_channels": (320, 640, 1280, 1280),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "layers_per_block": 2,
    }
    V1: ClassVar = {**COMMON, "attention_head_dim": 8, "cross_attention_dim": 768}
    V2: ClassVar = {
        **COMMON,
        "attention_head_dim": (5, 10, 20, 20),
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
    }

    @pytest.mark.parametrize(
        "config",
        [V1, {**V1, "in_channels": 9}, V2, {**V2, "in_channels": 9}],
        ids=["1.5", "1.5 inpainting", "2.1", "2 inpainting"],
    )
    @pytest.mark.parametrize("animated", [False, True])
    def test_they_run(self, config: dict, animated: bool) -> None:
        from diffusers import MotionAdapter, UNet2DConditionModel

        with torch.device("meta"):
            network = UNet2DConditionModel(**config)
            check_unet(network, 4, Path("unet"))
            known = replace(
                conditioning(4),
                prompt=torch.zeros(1, 77, config["cross_attention_dim"]),
                grey=torch.zeros(4),
            )
            alphas = torch.zeros(1000)
            if animated:
                network = UNetMotionModel.from_unet2d(network, MotionAdapter(), load_weights=False)
            model = (MotionDenoiser if animated else StockDenoiser)(network, known, alphas)
            sample, masks = torch.zeros(2, 4, 36, 63), torch.zeros(2, 36, 63)
            found = model.predict(
                sample,
                torch.zeros(2, dtype=torch.int64),
                Conditions(sample, sample, masks, masks, sample, sample),
            )
        assert found.shape == sample.shape


class TestClips:
    @pytest.mark.parametrize("channels", [4, 16])
    def test_a_prediction_has_the_shape_of_the_latents(self, channels: int) -> None:
        sample, timesteps, conditions = inputs_of(5, channels)
        found = motion_denoiser(channels).predict(sample, timesteps, conditions)
        assert found.shape == sample.shape
        assert torch.isfinite(found).all()

    def test_every_frame_sees_every_other_in_order(self) -> None:
        sample, timesteps, conditions = inputs_of(4)
        plain = motion_denoiser().predict(sample, timesteps, conditions)
        changed = sample.clone()
        changed[0] = -changed[0]
        assert not same(motion_denoiser().predict(changed, timesteps, conditions)[3], plain[3])
        order = [1, 0, 2, 3]
        swapped = Conditions(**{name: value[order] for name, value in vars(conditions).items()})
        assert not same(
            motion_denoiser().predict(sample[order], timesteps[order], swapped)[order], plain
        )

    def test_one_frame_is_a_clip_too(self) -> None:
        sample, timesteps, conditions = inputs_of(1)
        assert motion_denoiser().predict(sample, timesteps, conditions).shape == sample.shape

    def test_it_is_told_the_mean_of_the_timesteps(self) -> None:
        sample, _, conditions = inputs_of(3)
        found = [
            motion_denoiser().predict(sample, torch.tensor(times), conditions)
            for times in ([10, 20, 60], [30, 30, 30])
        ]
        assert torch.equal(*found)

    def test_a_velocity_takes_as_much_noise_off_each_frame_as_its_own_timestep_says(self) -> None:
        """As one that predicts the noise does, whose prediction is the same at all timesteps."""
        sample, timesteps, conditions = inputs_of(3)
        network = UNetMotionModel.from_unet2d(unet(4), motion_adapter()).eval()
        told, taken = timesteps.float().mean().round().long(), []
        velocity = MotionDenoiser(network, conditioning(4), ALPHAS).predict(
            sample, timesteps, conditions
        )
        noise = ALPHAS[told].sqrt() * velocity + (1 - ALPHAS[told]).sqrt() * sample
        own = MotionDenoiser(network, conditioning(4), ALPHAS, "v_prediction").predict(
            sample, timesteps, conditions
        )
        for kind, predicted in (("epsilon", noise), ("v_prediction", own)):
            scheduler = DDIMScheduler(**STABLE_DIFFUSION, prediction_type=kind, clip_sample=False)
            scheduler.set_timesteps(1000)
            frames = zip(predicted.split(1), timesteps.tolist(), sample.split(1), strict=True)
            taken.append(
                torch.cat([scheduler.step(o, t, x).pred_original_sample for o, t, x in frames])
            )
        assert len(set(timesteps.tolist())) == 3
        torch.testing.assert_close(*taken, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        ("longest", "window"),
        [(6, SlidingWindow(6, 3)), (32, SlidingWindow(16, 8)), (1, SlidingWindow(1, 1))],
    )
    def test_windows_are_what_the_modules_were_made_for(
        self, longest: int, window: SlidingWindow
    ) -> None:
        network = UNetMotionModel.from_unet2d(unet(4), motion_adapter(longest))
        assert MotionDenoiser(network, conditioning(4), ALPHAS).window == window
        assert denoiser().window is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("config", "complaint"),
        [
            ({"num_class_embeds": 3}, "wants a class as input .num_class_embeds=3."),
            ({"class_embed_type": "timestep"}, "wants a class as input"),
            (
                {
                    "addition_embed_type": "text_time",
                    "addition_time_embed_dim": 4,
                    "projection_class_embeddings_input_dim": 16,
                },
                "wants sizes or pooled text as input .addition_embed_type='text_time'.",
            ),
            (
                {"encoder_hid_dim_type": "text_proj", "encoder_hid_dim": 8},
                "wants image or second text embeddings as input",
            ),
            ({"cross_attention_dim": (8, 16)}, "prompts of several widths"),
        ],
    )
    def test_a_unet_that_wants_what_there_is_not(self, config: dict, complaint: str) -> None:
        with pytest.raises(UnknownModelError, match=complaint) as error:
            check_unet(unet(4, **config), 4, Path("unet"))
        assert "\n" not in str(error.value) and str(error.value).startswith("unet: ")

    @pytest.mark.parametrize(("channels", "inputs"), [(16, None), (4, 8), (4, 10)])
    def test_a_unet_of_other_channels(self, channels: int, inputs: int | None) -> None:
        with pytest.raises(
            UnknownModelError,
            match=(
                r"does not fit the autoencoder's 4 latent channels: take a pair \(4 or, for"
                r" inpainting, 9 in, 4 out\)"
            ),
        ):
            check_unet(unet(channels, inputs), 4, Path("unet"))

    def test_what_fits_passes(self) -> None:
        for network in (unet(4), unet(4, 9), unet(4, cross_attention_dim=(8, 8))):
            check_unet(network, 4, Path("unet"))


class TestLoading:
    @staticmethod
    def bundle(folder: Path, restores: str, channels: int = 4) -> Path:
        save_pipeline(folder, channels, restores=restores)
        conditioning(channels).save(folder / "unet")
        return folder

    @pytest.mark.parametrize(
        ("restores", "kind"),
        [
            ("plain", StockDenoiser),
            ("inpainting", StockDenoiser),
            ("adapter", MotionDenoiser),
            ("motion", MotionDenoiser),
        ],
    )
    def test_the_folder_says_what_it_becomes(
        self, tmp_path: Path, restores: str, kind: type
    ) -> None:
        found = load_denoiser(self.bundle(tmp_path, restores), 4)
        assert type(found) is kind
        sample, timesteps, conditions = inputs_of(2)
        made = {"plain": denoiser, "inpainting": lambda: denoiser(4, 9)}.get(
            restores, motion_denoiser
        )()
        assert same(
            found.predict(sample, timesteps, conditions),
            made.predict(sample, timesteps, conditions),
        )

    def test_a_prompt_of_another_width_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        replace(conditioning(4), prompt=torch.zeros(1, 5, PROMPT_WIDTH + 1)).save(folder / "unet")
        with pytest.raises(UnknownModelError, match="the conditioning belongs to another UNet"):
            load_denoiser(folder, 4)

    def test_a_missing_prompt_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(
            UnknownModelError,
            match=(
                "conditioning.safetensors: cannot be read .*: run videocodec models calibrate again"
            ),
        ) as error:
            load_denoiser(save_pipeline(tmp_path, restores="plain"), 4)
        assert "\n" not in str(error.value)

    def test_a_motion_adapter_of_another_shape_is_refused_in_one_line(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        motion_adapter(block_out_channels=(8, 16, 16)).save_pretrained(
            str(folder / "motion_adapter")
        )
        with pytest.raises(
            UnknownModelError, match="motion_adapter: does not fit the UNet"
        ) as error:
            load_denoiser(folder, 4)
        assert "\n" not in str(error.value)

    def test_a_motion_adapter_with_inputs_of_its_own_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        motion_adapter(conv_in_channels=9).save_pretrained(str(folder / "motion_adapter"))
        with pytest.raises(UnknownModelError, match="PIA"):
            load_denoiser(folder, 4)

    def test_something_else_in_its_place_is_refused(self, tmp_path: Path) -> None:
        folder = self.bundle(tmp_path, "plain")
        unet(4).save_pretrained(str(folder / "motion_adapter"))
        with pytest.raises(UnknownModelError, match="'UNet2DConditionModel' is no MotionAdapter"):
            load_denoiser(folder, 4)

    def test_other_classes_are_no_unet(self, tmp_path: Path) -> None:
        from diffusers import UNet2DModel

        UNet2DModel(
            block_out_channels=(8,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            norm_num_groups=4,
        ).save_pretrained(str(tmp_path / "unet"))
        with pytest.raises(
            UnknownModelError,
            match="'UNet2DModel' is no UNet that videocodec can restore latents with",
        ):
            load_denoiser(tmp_path, 4)

    def test_a_source_is_checked_as_a_bundle_is(self, tmp_path: Path) -> None:
        folder = save_pipeline(tmp_path, restores="plain")
        unet(16).save_pretrained(str(folder / "unet"))
        with pytest.raises(
            UnknownModelError, match="does not fit the autoencoder's 4 latent channels"
        ):
            ModelSource.find(folder).load_unet(4)
