"""Running an autoencoder: padding in, cropping out, devices, threads, and other people's models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.errors import DeviceError, OutOfMemoryError, UnknownModelError, VideoCodecError
from videocodec.models import runtime as runtime_module
from videocodec.models.bundle import TABLES_FILE, ModelBundle
from videocodec.models.runtime import AutoencoderRuntime, pick_device
from videocodec.models.threads import set_threads

from ..stock_models import codebook_autoencoder, quick_bundle


@pytest.fixture
def runtime(folder: Path) -> AutoencoderRuntime:
    return AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)


def test_sides_that_do_not_fit_are_padded_with_the_edge_and_cropped_again(
    runtime: AutoencoderRuntime, texture: Callable[..., np.ndarray]
) -> None:
    picture = texture(21, 37, 3)
    padded = np.pad(picture, ((0, 11), (0, 11), (0, 0)), mode="edge")
    latents = runtime.encode(picture[None], 32, 48)
    assert (latents.shape, latents.dtype) == ((1, 16, 4, 6), np.float32)
    assert np.allclose(latents, runtime.encode(padded[None], 32, 48), atol=1e-5)
    whole_latents = np.rint(latents * UNITS_PER_LATENT).astype(np.int16)
    steps = np.full((1, 4, 6), 0.3, np.float32)
    decoded = runtime.decode(whole_latents, steps, 21, 37)
    assert (decoded.shape, decoded.dtype) == ((1, 21, 37, 3), np.uint8)
    assert np.array_equal(decoded, runtime.decode(whole_latents, steps, 32, 48)[:, :21, :37])


def test_the_embedded_model_gives_the_picture_back(texture: Callable[..., np.ndarray]) -> None:
    runtime = AutoencoderRuntime(ModelBundle.find("embedded"), "cpu", 1)
    pictures = np.stack([texture(64, 80, seed) for seed in range(2)])
    latents = np.rint(runtime.encode(pictures, 64, 80) * UNITS_PER_LATENT)
    decoded = runtime.decode(latents, np.full((2, 8, 10), 0.25, np.float32), 64, 80)
    error = np.mean((decoded.astype(float) - pictures) ** 2, axis=(1, 2, 3))
    assert np.all(error < 0.1 * pictures.reshape(2, -1).var(1))


def test_latents_are_scaled_for_coding_and_scaled_back_for_decoding(
    folder: Path, texture: Callable[..., np.ndarray]
) -> None:
    picture, steps = texture(32, 32, 1)[None], np.full((1, 4, 4), 0.3, np.float32)
    plain = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    latents = plain.encode(picture, 32, 32)
    save_file(
        load_file(str(folder / TABLES_FILE)) | {"latent_scale": np.full(16, 2.5, np.float32)},
        str(folder / TABLES_FILE),
    )
    scaled = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    assert np.allclose(scaled.encode(picture, 32, 32), 2.5 * latents, atol=1e-4)
    a = plain.decode(latents * UNITS_PER_LATENT, steps, 32, 32)
    b = scaled.decode(2.5 * latents * UNITS_PER_LATENT, steps, 32, 32)
    assert np.abs(a.astype(int) - b).max() <= 1


def test_a_map_of_steps_reaches_the_decoder(runtime: AutoencoderRuntime) -> None:
    latents = np.random.default_rng(0).integers(-100, 100, (1, 16, 8, 8))
    fine, coarse = (np.full((1, 8, 8), step, np.float32) for step in (0.3, 30))
    assert not np.array_equal(
        runtime.decode(latents, fine, 64, 64), runtime.decode(latents, coarse, 64, 64)
    )


def test_decoders_that_know_no_step_work_without_it(folder: Path) -> None:
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    AutoencoderTiny(
        latent_channels=16,
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).save_pretrained(str(folder / "vae"))
    runtime = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    latents = runtime.encode(np.zeros((2, 16, 24, 3), np.uint8), 16, 24)
    assert latents.shape == (2, 16, 2, 3)
    assert runtime.decode(
        latents * UNITS_PER_LATENT, np.ones((2, 2, 3), np.float32), 16, 24
    ).shape == (2, 16, 24, 3)


def test_of_a_variational_autoencoder_the_mode_is_coded(folder: Path) -> None:
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        latent_channels=16,
    ).save_pretrained(str(folder / "vae"))
    runtime = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    picture = np.full((1, 16, 16, 3), 90, np.uint8)
    assert np.array_equal(runtime.encode(picture, 16, 16), runtime.encode(picture, 16, 16))


def test_of_a_codebook_the_entries_are_coded_and_shown(folder: Path) -> None:
    """Latents are entries of the codebook, and what lies near one is decoded as that."""
    codebook_autoencoder(16).save_pretrained(str(folder / "vae"))
    made = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)
    latents = made.encode(picture, 32, 48) / made.bundle.latent_scale[:, None, None]
    entries = made.model.quantize.embedding.weight.numpy()
    vectors = latents[0].reshape(16, -1).T
    distances = np.abs(vectors[:, None] - entries).max(2)
    assert distances.min(1).max() < 1e-6
    steps = np.ones((1, 4, 6), np.float32)
    scaled = UNITS_PER_LATENT * latents * made.bundle.latent_scale[:, None, None]
    shown = made.decode(scaled, steps, 32, 48)
    assert np.array_equal(made.decode(1.01 * scaled, steps, 32, 48), shown)


def test_distances_to_a_codebook_count_as_memory(folder: Path) -> None:
    entries = 1 << 16
    codebook_autoencoder(16, entries).save_pretrained(str(folder / "vae"))
    made = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    assert made.bytes_per_latent >= 8 * entries


def test_tables_of_another_number_of_channels_are_refused(folder: Path) -> None:
    save_file(
        load_file(str(folder / TABLES_FILE)) | {"latent_scale": np.ones(4, np.float32)},
        str(folder / TABLES_FILE),
    )
    with pytest.raises(
        UnknownModelError,
        match="latent_scale must be 16 positive numbers, .*: calibrate this model again",
    ):
        AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)


def test_autoencoders_of_another_stride_are_refused(folder: Path) -> None:
    from diffusers import AutoencoderTiny

    AutoencoderTiny(
        latent_channels=16,
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1),
    ).save_pretrained(str(folder / "vae"))
    with pytest.raises(
        UnknownModelError,
        match=r"makes \(1, 3, 16, 16\) of 4×4 latents: an autoencoder must have a stride of 8 px",
    ):
        AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1).encode(
            np.zeros((1, 16, 16, 3), np.uint8), 16, 16
        )


def test_pictures_for_which_there_is_no_memory_are_refused_before_it_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = AutoencoderRuntime(ModelBundle.find(folder), "cpu", 1)
    latents, steps = np.zeros((1, 16, 8, 10), np.int16), np.ones((1, 8, 10), np.float32)
    least = 8 * 10 * 64 * 3 * 4  # the picture itself, float32
    monkeypatch.setattr("videocodec.models.runtime.available_bytes", lambda: least)
    with pytest.raises(
        OutOfMemoryError,
        match=r"not enough memory to decode pictures of 80×64 on cpu: a layer of .* takes 0.0 GiB",
    ):
        runtime.decode(latents, steps, 64, 80)
    monkeypatch.setattr("videocodec.models.runtime.available_bytes", lambda: 40 * least)
    assert runtime.decode(latents, steps, 64, 80).shape == (1, 64, 80, 3)


class TestDevices:
    def test_cpu_is_always_there(self) -> None:
        assert pick_device("cpu") == torch.device("cpu")

    def test_auto_prefers_an_accelerator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert pick_device("auto").type == "cpu"
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        assert pick_device("auto").type == "mps"
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert pick_device("auto").type == "cuda"

    def test_a_device_that_is_not_there_is_an_error_that_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(DeviceError, match="device cuda is not available .*: use --device auto"):
            pick_device("cuda")

    def test_an_unknown_device_lists_the_choices(self) -> None:
        with pytest.raises(DeviceError, match="one of auto, cpu, cuda, mps, got 'tpu'"):
            pick_device("tpu")

    def test_device_errors_are_errors_of_this_package(self) -> None:
        assert issubclass(DeviceError, VideoCodecError)
        assert issubclass(DeviceError, RuntimeError)


def test_threads_are_set_as_asked_and_zero_is_no_number_of_threads() -> None:
    before = torch.get_num_threads()
    try:
        set_threads(1)
        assert torch.get_num_threads() == 1
        set_threads(None)
        assert torch.get_num_threads() >= 1
        with pytest.raises(ValueError, match="threads must be a whole number of at least 1, got 0"):
            set_threads(0)
    finally:
        torch.set_num_threads(before)


class TestHalfPrecision:
    """CUDA's half precision, as the CPU does it too, if slowly."""

    @pytest.fixture(autouse=True)
    def _half(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            runtime_module,
            "decoding_precision",
            lambda device: torch.autocast("cpu", torch.float16),
        )

    @pytest.mark.parametrize(("size", "passes"), [(1.0, 1), (1000.0, 2)])
    def test_what_overflows_in_it_runs_again_in_full(self, size: float, passes: int) -> None:
        layer, x, seen = torch.nn.Conv2d(1, 1, 1, bias=False), torch.full((1, 1, 2, 2), size), []
        torch.nn.init.constant_(layer.weight, 300.0)

        def network() -> torch.Tensor:
            seen.append(layer(x).dtype)
            return layer(x)

        with torch.inference_mode():
            found = runtime_module.run_for_pictures(torch.device("cpu"), network)
        assert torch.equal(found, 300 * x) and found.dtype == torch.float32
        assert seen == [torch.float16, torch.float32][:passes]

    def test_an_autoencoder_whose_features_it_cannot_hold_gives_the_same_pictures(
        self, tmp_path: Path, monkeypatch
    ) -> None:
        """As Stable Diffusion XL's does, of which half precision makes black pictures."""
        bundle = ModelBundle.find(quick_bundle(tmp_path / "large"))
        runtime = AutoencoderRuntime(bundle, "cpu", 1)
        first = runtime.model.decoder.conv_in
        first.weight.mul_(1e6), first.bias.mul_(1e6)
        latents = (
            np.random.default_rng(0)
            .normal(0, 1.5 * UNITS_PER_LATENT, (1, 16, 4, 4))
            .astype(np.float32)
        )
        steps = np.full((1, 4, 4), 0.3, np.float32)
        found = runtime.decode(latents, steps, 32, 32)
        monkeypatch.undo()
        assert np.array_equal(found, runtime.decode(latents, steps, 32, 32)) and found.std() > 0


@pytest.mark.parametrize("name", ["embedded", "second"])
def test_tiles_of_a_gradient_have_no_seams(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made in tiles, it is what it is as a whole, within rounding, everywhere; padding is cut."""
    runtime = AutoencoderRuntime(ModelBundle.find(name), "cpu", 1)
    height, width, rows, columns = 187, 1277, 24, 160
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    gradient = np.stack([across, down, 1 - across * down], 2)
    picture = np.rint(255 * gradient).astype(np.uint8)[None]
    latents = np.rint(runtime.encode(picture, 8 * rows, 8 * columns) * UNITS_PER_LATENT)
    steps = np.full((1, rows, columns), 0.5, np.float32)
    whole = runtime.decode(latents, steps, height, width)
    sizes = []
    at_once = runtime.decode_at_once

    def watched(latents: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        sizes.append(latents.shape[2] * latents.shape[3])
        return at_once(latents, *rest)

    monkeypatch.setattr(runtime, "decode_at_once", watched)
    monkeypatch.setattr(runtime_module, "MOST_AT_ONCE", 3000)
    tiled = runtime.decode(latents, steps, height, width)
    assert len(sizes) > 1 and max(sizes) <= 3000
    difference = np.abs(tiled.astype(int) - whole)
    assert tiled.shape == whole.shape
    assert difference.max() <= 1 and np.mean(difference > 0) < 1e-3
