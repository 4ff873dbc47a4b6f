"""Variances beside latents: which autoencoders give them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec.models.autoencoders import gives_variance
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime

from ..stock_models import quick_bundle


@pytest.mark.parametrize(("vae", "gives"), [("kl", True), ("tiny", False), ("codebook", False)])
def test_an_autoencoder_that_makes_a_distribution_says_how_sure_it_is(
    tmp_path: Path, texture: Callable[..., np.ndarray], vae: str, gives: bool
) -> None:
    runtime = AutoencoderRuntime(
        ModelBundle.find(quick_bundle(tmp_path / "quick", vae=vae)), "cpu", 1
    )
    pictures = texture(32, 48, 3)[None]
    latents, log_variance = runtime.encode_with_variance(pictures, 32, 48)
    assert np.array_equal(latents, runtime.encode(pictures, 32, 48))
    assert gives_variance(runtime.model) == (log_variance is not None) == gives
    if log_variance is not None:
        assert (log_variance.shape, log_variance.dtype) == (latents.shape, np.float32)
        with torch.no_grad():
            x = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1
            expected = runtime.model.encode(x).latent_dist.logvar
        assert np.allclose(log_variance, expected.numpy(), atol=1e-4)
