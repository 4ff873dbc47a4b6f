"""LPIPS as a loss: a distance, with gradients for the picture that is being made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from videocodec.errors import UnknownModelError
from videocodec.judges.lpips import LpipsSqueeze


@pytest.fixture(scope="module")
def lpips(lpips_weights: Path) -> LpipsSqueeze:
    return LpipsSqueeze(lpips_weights)


def test_one_distance_per_picture_zero_only_for_equal_ones(lpips: LpipsSqueeze) -> None:
    torch.manual_seed(0)
    a = torch.rand(3, 3, 48, 64) * 2 - 1
    b = a.clone()
    b[1] = (b[1] + 0.1 * torch.randn(3, 48, 64)).clamp(-1, 1)
    b[2] = torch.rand(3, 48, 64) * 2 - 1
    distance = lpips(a, b)
    assert distance.shape == (3,)
    assert float(distance[0]) == pytest.approx(0, abs=1e-6)
    assert 0 < float(distance[1]) < float(distance[2])
    assert torch.allclose(distance, lpips(b, a), rtol=1e-4)


def test_gradients_reach_the_first_picture(lpips: LpipsSqueeze) -> None:
    a = torch.zeros(1, 3, 40, 40, requires_grad=True)
    lpips(a, torch.ones(1, 3, 40, 40) * 0.5).sum().backward()
    assert float(a.grad.abs().sum()) > 0


def test_its_weights_are_not_trained(lpips: LpipsSqueeze) -> None:
    assert not list(lpips.parameters())


class TestOtherFiles:
    """One clear line each, that names the file."""

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(
            UnknownModelError,
            match=(
                r"absent\.safetensors: no such file: give a safetensors file with the weights of"
                r" LPIPS"
            ),
        ):
            LpipsSqueeze(tmp_path / "absent.safetensors")

    def test_of_another_kind(self, tmp_path: Path) -> None:
        (tmp_path / "lpips.pth").write_bytes(b"\x80\x02}q\x00." * 20)
        with pytest.raises(
            UnknownModelError, match=r"lpips\.pth: not a safetensors file \(.+\): give"
        ):
            LpipsSqueeze(tmp_path / "lpips.pth")

    @pytest.mark.parametrize(
        ("name", "shape", "said"),
        [
            ("fire5.squeeze1x1.bias", None, "is missing"),
            ("lin6.weight", None, "is missing"),
            ("conv1.weight", (96, 3, 7, 7), "is 96×3×7×7, not 64×3×3×3"),
        ],
    )
    def test_of_another_network(
        self,
        lpips_weights: Path,
        tmp_path: Path,
        name: str,
        shape: tuple[int, ...] | None,
        said: str,
    ) -> None:
        tensors = load_file(str(lpips_weights))
        del tensors[name]
        if shape is not None:
            tensors[name] = torch.zeros(shape)
        save_file(tensors, str(tmp_path / "other.safetensors"))
        with pytest.raises(UnknownModelError, match=f"other.safetensors: {name} {said}: give"):
            LpipsSqueeze(tmp_path / "other.safetensors")
