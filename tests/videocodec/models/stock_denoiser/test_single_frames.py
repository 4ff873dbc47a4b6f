"""Stable Diffusion's UNets as denoisers of single frames, shown the neighbours and the mask."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from videocodec.models.cross_frame_attention import CrossFrameAttention, install
from videocodec.models.denoiser import Conditions
from videocodec.models.stock_denoiser import StockDenoiser

from ...stock_models import (
    conditioning,
    unet,
)
from .denoisers import ALPHAS, denoiser, inputs_of, motion_denoiser, same


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
                **{n: v[i : i + 1] for n, v in vars(conditions).items() if v is not None}
            )
            assert same(
                denoiser().predict(sample[i : i + 1], timesteps[i : i + 1], alone),
                together[i : i + 1],
            )

    def test_neighbours_get_the_timestep_and_the_noise_of_their_frame(self) -> None:
        sample, timesteps, conditions = inputs_of(2)
        model, seen = denoiser(), []
        model.unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
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
        model.unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
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
        model.unet.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        model.predict(sample, timesteps, conditions)
        assert not seen[0][2:, 4].any()
        assert torch.equal(seen[0][2:4, 5:], conditions.before) and torch.equal(
            seen[0][4:, 5:], conditions.after
        )
