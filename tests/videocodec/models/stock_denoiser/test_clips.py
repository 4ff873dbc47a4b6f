"""UNets with motion modules as denoisers of clips."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, UNetMotionModel

from videocodec.models.denoiser import Conditions, SlidingWindow
from videocodec.models.stock_denoiser import MotionDenoiser

from ...stock_models import (
    STABLE_DIFFUSION,
    conditioning,
    motion_adapter,
    unet,
)
from .denoisers import ALPHAS, denoiser, inputs_of, motion_denoiser, same


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
        known = {n: v for n, v in vars(conditions).items() if v is not None}
        swapped = Conditions(**{name: value[order] for name, value in known.items()})
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
