"""The temporal UNet: its budget, where it starts, what it looks at, and what it must not depend
on.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from videocodec.models.bundle import ModelBundle
from videocodec.models.loading import load_network
from videocodec.models.temporal_unet import TemporalUNet

NAMES = ("sample", "timestep", "before", "after", "generate", "log2_step")


def inputs(
    batch: int = 2, height: int = 8, width: int = 12, channels: int = 16
) -> dict[str, torch.Tensor]:
    """Random inputs of the right shapes."""
    torch.manual_seed(1)
    planes = {
        name: torch.randn(batch, channels, height, width) for name in ("sample", "before", "after")
    }
    generate = (torch.rand(batch, height, width) < 0.2).float()
    return planes | {
        "generate": generate,
        "log2_step": torch.rand(batch, height, width),
        "timestep": torch.full((batch,), 200),
    }


@pytest.fixture(scope="module")
def untrained() -> TemporalUNet:
    return TemporalUNet().eval()


@pytest.fixture(scope="module")
def shipped() -> TemporalUNet:
    return load_network(ModelBundle.find("embedded-unet").folder / "unet", TemporalUNet)


@pytest.fixture(scope="module")
def unet() -> TemporalUNet:
    """Small, with weights that let every input through."""
    torch.manual_seed(0)
    model = TemporalUNet(
        block_out_channels=(8, 12, 16), down_blocks=(1, 1, 1), up_blocks=(1, 0)
    ).eval()
    nn.init.normal_(model.conv_out.weight, std=0.3)
    return model


class TestBudget:
    def test_it_has_at_most_six_million_parameters(self, shipped: TemporalUNet) -> None:
        assert sum(p.numel() for p in shipped.parameters()) <= 6_000_000

    @torch.inference_mode()
    def test_a_frame_of_512_by_288_takes_at_most_a_billion_multiplications(
        self, shipped: TemporalUNet
    ) -> None:
        model, total = shipped, 0

        def count(module: nn.Module, _: tuple, output: torch.Tensor) -> None:
            nonlocal total
            if isinstance(module, nn.Conv2d):
                total += module.weight.numel() * output[0, 0].numel()
            elif isinstance(module, nn.Linear):
                total += module.weight.numel()

        hooks = [module.register_forward_hook(count) for module in model.modules()]
        model(**inputs(1, 36, 64))
        for hook in hooks:
            hook.remove()
        assert 0.1e9 < total <= 1.0e9

    def test_its_default_shape_is_the_one_that_is_shipped(
        self, shipped: TemporalUNet, untrained: TemporalUNet
    ) -> None:
        assert {name: value.shape for name, value in shipped.state_dict().items()} == {
            name: value.shape for name, value in untrained.state_dict().items()
        }

    def test_its_bundle_fits_in_25_megabytes(self) -> None:
        folder = ModelBundle.find("embedded-unet").folder
        assert (
            sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 25_000_000
        )


@torch.inference_mode()
def test_untrained_it_takes_nothing_off(untrained: TemporalUNet) -> None:
    given = inputs()
    clean = untrained(**given).sample
    torch.testing.assert_close(clean, given["sample"] / untrained.alphas_cumprod[200].sqrt())


@torch.inference_mode()
def test_the_correction_is_as_large_as_the_noise_of_the_timestep(unet: TemporalUNet) -> None:
    alphas = unet.alphas_cumprod
    sizes = []
    for t in (20, 300):
        given = inputs() | {"timestep": torch.full((2,), t)}
        given["sample"] = given["sample"] * alphas[t].sqrt()
        sizes.append(
            float(
                (unet(**given).sample - given["sample"] / alphas[t].sqrt()).std()
                / ((1 - alphas[t]) / alphas[t]).sqrt()
            )
        )
    assert 0.5 < sizes[0] / sizes[1] < 2


@torch.inference_mode()
@pytest.mark.parametrize("name", NAMES)
def test_every_input_counts(unet: TemporalUNet, name: str) -> None:
    given = inputs()
    changed = given | {name: given[name] + 1 if name != "timestep" else torch.tensor([200, 350])}
    if name == "timestep":  # the same latents, said to be noisier
        ratio = (unet.alphas_cumprod[350] / unet.alphas_cumprod[200]).sqrt()
        changed["sample"] = given["sample"] * torch.tensor([1.0, ratio]).reshape(2, 1, 1, 1)
    assert (unet(**given).sample[1] - unet(**changed).sample[1]).abs().max() > 1e-3


@torch.inference_mode()
def test_frames_of_a_batch_do_not_see_each_other(unet: TemporalUNet) -> None:
    given = inputs(3)
    whole = unet(**given).sample
    for i in range(3):
        alone = unet(**{name: value[i : i + 1] for name, value in given.items()}).sample
        torch.testing.assert_close(alone[0], whole[i], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 6), (7, 9), (18, 22)])
def test_any_size_will_do(unet: TemporalUNet, height: int, width: int) -> None:
    assert unet(**inputs(1, height, width)).sample.shape == (1, 16, height, width)


@torch.inference_mode()
def test_far_from_the_border_a_larger_frame_changes_nothing(unet: TemporalUNet) -> None:
    """No statistics over the frame: a crop of a picture is restored as the picture is."""
    given = inputs(1, 96, 96)
    whole = unet(**given).sample
    cut = {name: value[..., :64, :64] if value.ndim > 1 else value for name, value in given.items()}
    torch.testing.assert_close(
        unet(**cut).sample[..., :20, :20], whole[..., :20, :20], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("before", (2, 16, 8, 11)),
        ("after", (1, 16, 8, 12)),
        ("generate", (2, 1, 8, 12)),
        ("log2_step", (2,)),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    unet: TemporalUNet, name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        unet(**(inputs() | {name: torch.zeros(shape)}))


def test_latents_of_other_channels_are_refused(unet: TemporalUNet) -> None:
    with pytest.raises(ValueError, match="sample must have 16 channels"):
        unet(**inputs(channels=4))


def test_levels_and_their_blocks_must_be_as_many() -> None:
    with pytest.raises(
        ValueError, match="down_blocks needs 2 and up_blocks 1 entries, got 1 and 0"
    ):
        TemporalUNet(block_out_channels=(8, 8))


def test_it_is_saved_and_loaded_as_diffusers_does(unet: TemporalUNet, tmp_path) -> None:
    unet.save_pretrained(str(tmp_path))
    again = TemporalUNet.from_pretrained(str(tmp_path), use_safetensors=True)
    assert {file.name for file in tmp_path.iterdir()} == {
        "config.json",
        "diffusion_pytorch_model.safetensors",
    }
    assert tuple(again.config.block_out_channels) == (8, 12, 16)
    torch.testing.assert_close(again(**inputs()).sample, unet(**inputs()).sample)
