"""DISTS: a distance, and files that do not hold its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.judges.dists import CHANNELS, STAGES, Dists


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    """Random weights in the shapes of the published ones."""
    generator, inputs, tensors = torch.Generator().manual_seed(3), 3, {}
    for stage, channels in zip(STAGES, CHANNELS[1:], strict=True):
        for layer in stage:
            weight = torch.randn(channels, inputs, 3, 3, generator=generator)
            tensors[f"features.{layer}.weight"] = weight * (2 / (9 * inputs)) ** 0.5
            tensors[f"features.{layer}.bias"] = torch.zeros(channels)
            inputs = channels
    for name in ("alpha", "beta"):
        tensors[name] = torch.rand(1, sum(CHANNELS), 1, 1, generator=generator)
    return tensors


def test_equal_pictures_have_no_distance_and_noise_makes_one(
    tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    save_file(tensors, str(tmp_path / "dists.safetensors"))
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1))
    dists = Dists(tmp_path / "dists.safetensors")
    distances = [float(dists(picture + size * noise, picture)) for size in (0.0, 0.1, 0.5)]
    assert distances[0] == pytest.approx(0, abs=1e-5)
    assert distances[0] < distances[1] < distances[2] < 1


@pytest.mark.parametrize(
    ("name", "shape", "problem"),
    [
        ("beta", None, "is missing"),
        ("features.10.weight", (8, 8, 3, 3), "is 8×8×3×3, not 256×128×3×3"),
    ],
)
def test_a_file_of_another_network_is_refused_in_one_line(
    tensors: dict[str, torch.Tensor],
    tmp_path: Path,
    name: str,
    shape: tuple[int, ...] | None,
    problem: str,
) -> None:
    others = {key: value for key, value in tensors.items() if key != name}
    if shape is not None:
        others[name] = torch.zeros(shape)
    save_file(others, str(tmp_path / "other.safetensors"))
    with pytest.raises(
        UnknownModelError, match=f"other.safetensors: {name} {problem}: give .*DISTS"
    ):
        Dists(tmp_path / "other.safetensors")


def test_an_absent_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="absent: no such file: give .*DISTS with VGG-16"):
        Dists(tmp_path / "absent")
