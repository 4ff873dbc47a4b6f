"""What is fitted beside networks and filters: scales, slices, timesteps; and what pictures it is
fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from diffusers import DDIMScheduler

from bitstream.v1.quantiser import step_latent
from videocodec.calibration.fitting import latent_scale, read_pictures, timesteps
from videocodec.errors import InputError
from videocodec.models.latent_autoencoder import LatentAutoencoder

from ..stock_models import STABLE_DIFFUSION, kl_autoencoder


class TestScale:
    def test_other_peoples_latents_get_a_standard_deviation_of_one_and_a_half(
        self, tmp_path: Path, texture
    ) -> None:
        import torch

        model = kl_autoencoder(4)
        model.save_pretrained(str(tmp_path / "vae"))
        pictures = [texture(64, 80, seed) for seed in range(3)]
        scale = latent_scale(tmp_path, pictures)
        assert scale.shape == (4,) and len(set(scale.tolist())) == 1
        with torch.no_grad():
            x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 127.5 - 1
            assert float((model.encode(x).latent_dist.mode() * scale[0]).std()) == pytest.approx(
                1.5, rel=0.01
            )

    def test_the_projects_own_keep_theirs(self, tmp_path: Path, texture) -> None:
        LatentAutoencoder(4, 8, 8, 1, 1, 1, 1, 1).save_pretrained(str(tmp_path / "vae"))
        assert latent_scale(tmp_path, [texture(64, 64, 0)]).tolist() == [1, 1, 1, 1]


class TestTimesteps:
    ALPHAS = DDIMScheduler(**STABLE_DIFFUSION).alphas_cumprod.numpy()
    LATENTS = (np.random.default_rng(0).normal(0, 1.5, (4, 20, 20)).astype(np.float32),)

    def test_the_noise_there_is_as_strong_as_the_error_of_quantisation(self) -> None:
        found = timesteps(self.LATENTS, self.ALPHAS, 0.8)
        assert (found.shape, found.dtype) == ((128,), np.int32)
        assert np.all(np.diff(found) >= 0)
        noise = np.sqrt((1 - self.ALPHAS) / self.ALPHAS)[found]
        for quantiser in range(20, 60):
            assert noise[quantiser] == pytest.approx(
                0.8 * step_latent(quantiser) / 12**0.5, rel=0.05, abs=0.02
            )

    def test_no_error_is_larger_than_what_there_is(self) -> None:
        found = timesteps(self.LATENTS, self.ALPHAS, 0.8)
        assert np.sqrt((1 - self.ALPHAS) / self.ALPHAS)[found[-1]] == pytest.approx(
            0.8 * 1.5, rel=0.05
        )

    def test_another_schedule_gives_other_timesteps(self) -> None:
        linear = DDIMScheduler(
            beta_start=0.0001, beta_end=0.02, beta_schedule="linear"
        ).alphas_cumprod.numpy()
        assert not np.array_equal(
            timesteps(self.LATENTS, self.ALPHAS, 0.8), timesteps(self.LATENTS, linear, 0.8)
        )

    def test_a_schedule_that_ends_in_nothing_but_noise_is_no_trouble(self) -> None:
        zero = (
            DDIMScheduler(**STABLE_DIFFUSION, rescale_betas_zero_snr=True)
            .alphas_cumprod.numpy()
            .copy()
        )
        zero[-1] = 0
        with np.errstate(all="raise"):
            found = timesteps(self.LATENTS, zero, 1e6)
        assert found.max() < 999


class TestPictures:
    @pytest.fixture
    def folder(self, tmp_path: Path, texture: Callable[..., np.ndarray]) -> Path:
        for index in range(10):
            (tmp_path / f"{index % 2}").mkdir(exist_ok=True)
            cv2.imwrite(
                str(tmp_path / f"{index % 2}" / f"{index}.png"), texture(90 + index, 120, index)
            )
        cv2.imwrite(str(tmp_path / "small.png"), texture(79, 120, 0))
        (tmp_path / "broken.jpg").write_bytes(b"no picture")
        return tmp_path

    def test_they_are_found_below_folders_and_small_and_broken_ones_left_out(
        self, folder: Path
    ) -> None:
        assert len(read_pictures([folder], 100)) == 10

    def test_no_more_than_about_so_many_evenly(self, folder: Path) -> None:
        assert len(read_pictures([folder / "0"], 2)) == 3

    def test_large_ones_are_cut_to_their_middle(self, folder: Path) -> None:
        whole, cut = read_pictures([folder], 100)[0], read_pictures([folder], 100, 84)[0]
        assert cut.shape == (84, 84, 3)
        assert np.array_equal(cut, whole[3:87, 18:102])

    def test_none_is_refused_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(
            InputError, match="no picture of 80 px or more: give a folder of photographs"
        ):
            read_pictures([tmp_path], 5)
        with pytest.raises(InputError, match="gone: no such folder"):
            read_pictures([tmp_path, tmp_path / "gone"], 5)
