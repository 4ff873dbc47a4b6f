"""Restoration by diffusion: timesteps, DDIM, seeded noise where blocks are generated, and no
dependence on batches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bitstream.v1.block_fields import Mode
from videocodec.decoded import DecodedLatents
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.models.bundle import ModelBundle
from videocodec.models.denoiser import Conditions, Denoiser, TemporalDenoiser
from videocodec.models.temporal_unet import TemporalUNet
from videocodec.restoration.base import IdentityRestoration
from videocodec.restoration.diffusion import DiffusionRestoration, stream_noise
from videocodec.restoration.settings import RestorationSettings

CPU = torch.device("cpu")
DEVIATION = 2.0  # of the latents that the bundle was made for (conftest)


@pytest.fixture(scope="module")
def stream(coded_movie) -> LatentStream:
    return LatentStream(coded_movie.coded)


@pytest.fixture(scope="module")
def frames(stream: LatentStream) -> list[DecodedLatents]:
    return list(stream.frames())


def marked(frame: DecodedLatents) -> DecodedLatents:
    """The same frame with its upper left block marked for generation."""
    fields = replace(frame.latent.fields, modes=frame.latent.fields.modes.copy())
    fields.modes[0, 0] = Mode.GENERATE
    return replace(frame, latent=replace(frame.latent, fields=fields))


class Recorder(Denoiser):
    """Predicts a given picture of clean latents and remembers what it was shown."""

    def __init__(self, clean: torch.Tensor | float = 0.0) -> None:
        self.clean, self.samples, self.timesteps, self.conditions = clean, [], [], []

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        self.samples.append(sample)
        self.timesteps.append(timesteps)
        self.conditions.append(conditions)
        return torch.zeros_like(sample) + self.clean

    def to(self, device: torch.device) -> Recorder:
        return self


def restoration(
    bundle: ModelBundle, stream: LatentStream, denoiser: Denoiser | None = None, **options: int
) -> DiffusionRestoration:
    settings = RestorationSettings(**options)
    return DiffusionRestoration(bundle, stream.header, CPU, settings, denoiser)


class TestNoise:
    def test_it_is_the_same_everywhere_and_for_ever(self, stream: LatentStream) -> None:
        header = replace(stream.header, model_sha256="ab" * 32, width=96, height=64)
        noise = stream_noise(header, 7, (2, 3, 5))
        assert noise.dtype == np.float32
        assert noise.ravel()[:4] == pytest.approx(
            [0.964557, 1.552686, 1.191713, -0.269481], abs=1e-6
        )

    def test_it_is_normal(self, stream: LatentStream) -> None:
        noise = stream_noise(stream.header, 0, (16, 64, 64))
        assert abs(noise.mean()) < 0.02
        assert noise.std() == pytest.approx(1, abs=0.02)
        assert np.mean(np.abs(noise) < 1) == pytest.approx(0.683, abs=0.01)
        neighbours = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
        assert abs(neighbours) < 0.02

    def test_seed_and_model_change_it(self, stream: LatentStream) -> None:
        other = replace(stream.header, model_sha256="cd" * 32)
        drawn = [
            stream_noise(h, s, (4, 4, 4))
            for h, s in ((stream.header, 0), (stream.header, 1), (other, 0))
        ]
        assert len({d.tobytes() for d in drawn}) == 3

    @pytest.mark.parametrize("wanted", [1.0, 0.25, 0.0])
    def test_it_fills_generated_blocks_alone_by_the_timestep_and_the_denoisers_wish(
        self, bundle, stream, frames, wanted: float
    ) -> None:
        recorder, window = Recorder(), [*frames[:3], marked(frames[3]), frames[4]]
        recorder.generation_noise = wanted
        restoration(bundle, stream, recorder, seed=3).restore(window, 3, 1)
        clean = window[3].latent.latents / np.float32(64 * DEVIATION)
        t = int(recorder.timesteps[0][0])
        alpha = float(bundle.load_scheduler().alphas_cumprod[t])
        extra = (recorder.samples[0][0].numpy() / alpha**0.5 - clean) / ((1 - alpha) / alpha) ** 0.5
        assert np.abs(extra[:, 2:]).max() < 1e-4
        assert np.abs(extra[:, :, 2:]).max() < 1e-4
        assert extra[:, :2, :2] == pytest.approx(
            wanted * stream_noise(stream.header, 3, extra.shape)[:, :2, :2], abs=1e-3
        )
        assert recorder.conditions[0].generate.sum() == 4

    def test_the_projects_own_network_says_how_much_it_learnt_with(self) -> None:
        unet = TemporalUNet(
            block_out_channels=(8, 8), down_blocks=(1, 1), up_blocks=(1,), generation_noise=0.5
        )
        assert TemporalDenoiser(unet).generation_noise == 0.5


class TestSteps:
    def test_the_result_is_what_the_denoiser_says_in_latent_units(
        self, bundle, stream, frames
    ) -> None:
        clean = torch.randn(2, 16, 8, 12)
        for steps in (1, 3):
            restored = restoration(bundle, stream, Recorder(clean), steps=steps).restore(
                frames[:5], 1, 2
            )
            assert (restored.shape, restored.dtype) == ((2, 16, 8, 12), np.float32)
            assert restored == pytest.approx(clean.numpy() * 64 * DEVIATION, rel=1e-4, abs=1e-2)

    def test_the_timestep_is_that_of_the_mean_quantiser(self, bundle, stream, frames) -> None:
        recorder = Recorder()
        coarse = replace(frames[2], quantiser_map=np.full((8, 12), 60, np.uint8))
        coarse.quantiser_map[:, :6] = 50
        restoration(bundle, stream, recorder).restore([*frames[:2], coarse, *frames[3:5]], 1, 2)
        means = [round(float(frames[1].quantiser_map.mean())), 55]
        assert recorder.timesteps[0].tolist() == [bundle.timesteps[q] for q in means]
        assert recorder.conditions[0].log2_step[1, 0, 0] == pytest.approx(
            np.log2(0.25) + (50 - 16) / 12, abs=0.01
        )

    def test_steps_walk_down_evenly_along_the_same_noise(self, bundle, stream, frames) -> None:
        recorder, clean = Recorder(0.25), 0.25
        restoration(bundle, stream, recorder, steps=4).restore(frames[:5], 2, 1)
        alphas = bundle.load_scheduler().alphas_cumprod
        t = [int(now[0]) for now in recorder.timesteps]
        assert t == [t[0] * k // 4 for k in (4, 3, 2, 1)]
        noises = [
            (x / alphas[i].sqrt() - clean) / ((1 - alphas[i]) / alphas[i]).sqrt()
            for x, i in zip(recorder.samples, t, strict=True)
        ]
        for noise in noises[1:]:
            torch.testing.assert_close(noise, noises[0], atol=1e-3, rtol=1e-3)

    def test_there_is_at_least_one(self, bundle, stream) -> None:
        with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
            restoration(bundle, stream, Recorder(), steps=0)


def test_neighbours_are_shown_in_the_denoisers_units(bundle, stream, frames) -> None:
    recorder = Recorder()
    still = [
        replace(
            f,
            latent=replace(
                f.latent,
                fields=replace(f.latent.fields, vectors=np.zeros_like(f.latent.fields.vectors)),
            ),
        )
        for f in frames[:5]
    ]
    restoration(bundle, stream, recorder).restore(still, 2, 1)
    for shown, other in ((recorder.conditions[0].before, 1), (recorder.conditions[0].after, 3)):
        assert shown[0].numpy() == pytest.approx(
            frames[other].latent.latents / (64 * DEVIATION), abs=1e-5
        )


def test_an_untrained_unet_changes_nothing(bundle, stream, frames) -> None:
    restored = restoration(bundle, stream).restore(frames[:6], 2, 3)
    assert restored == pytest.approx(np.stack([f.latent.latents for f in frames[2:5]]), abs=0.05)


def test_batches_do_not_matter(bundle, stream, frames) -> None:
    torch.manual_seed(0)
    unet = TemporalUNet(block_out_channels=(8, 8), down_blocks=(1, 1), up_blocks=(1,)).eval()
    torch.nn.init.normal_(unet.conv_out.weight, std=0.1)
    restore = restoration(bundle, stream, TemporalDenoiser(unet))
    assert restore.reach == 1
    together = restore.restore(frames[:8], 1, 6)
    alone = np.concatenate([restore.restore(frames[i - 1 : i + 2], 1, 1) for i in range(1, 7)])
    assert np.abs(together - np.stack([f.latent.latents for f in frames[1:7]])).max() > 1
    assert together == pytest.approx(alone, abs=0.02)


@pytest.mark.parametrize("restore", [True, False])
def test_a_batch_goes_to_the_device_in_one_copy(
    bundle, stream, frames, restore: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes from the host, with three steps too, is made a tensor by from_numpy, the
    tables when the decoder is made.
    """
    decoder = PictureDecoder(
        stream,
        "cpu",
        1,
        restoration(bundle, stream, Recorder(), steps=3) if restore else IdentityRestoration(),
    )
    decoder.reuse = None  # as on a device: only CPUs make parts of pictures
    copies = []
    for name in ("from_numpy", "tensor", "as_tensor"):
        real = getattr(torch, name)
        monkeypatch.setattr(
            torch,
            name,
            lambda *given, real=real, **options: copies.append(given[0]) or real(*given, **options),
        )
    assert len(decoder.pictures(frames[:6], range(1, 5))) == 4
    monkeypatch.undo()
    channels, (count, height, width) = (
        frames[0].latent.latents.shape[0],
        (4, *frames[0].quantiser_map.shape),
    )
    assert [copy.shape for copy in copies if not isinstance(copy, torch.Tensor)] == [
        (count, 3 * channels + 3 if restore else channels + 1, height, width)
    ]
