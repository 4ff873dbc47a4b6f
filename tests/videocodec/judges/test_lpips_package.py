"""Weights of the package lpips: what is made of them gives that package's figures."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from videocodec.errors import MissingPackageError, OutputError, OutputExistsError
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.judges.lpips_package import write_weights

CHANNELS = (64, 128, 256, 384, 384, 512, 512)
SLICES = (range(2), range(2, 5), range(5, 8), range(8, 10), (10,), (11,), (12,))
FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)}
FIRES |= {9: (256, 48, 192), 10: (384, 48, 192), 11: (384, 64, 256), 12: (512, 64, 256)}


class Fire(nn.Module):
    """As torchvision names its parts."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1, self.expand3x3 = (
            nn.Conv2d(squeezed, expanded, 1),
            nn.Conv2d(squeezed, expanded, 3, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


def layer(index: int) -> nn.Module:
    if index == 0:
        return nn.Conv2d(3, 64, 3, stride=2)
    if index == 1:
        return nn.ReLU()
    return Fire(*FIRES[index]) if index in FIRES else nn.MaxPool2d(3, 2, ceil_mode=True)


class Package(nn.Module):
    """LPIPS with SqueezeNet in the layout of the package lpips 0.1.4, with random weights."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scaling_layer, self.net = nn.Module(), nn.Module()
        self.scaling_layer.register_buffer(
            "shift", torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1)
        )
        self.scaling_layer.register_buffer(
            "scale", torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1)
        )
        for number, indices in enumerate(SLICES, start=1):
            part = nn.Sequential()
            for index in indices:
                part.add_module(str(index), layer(index))
            setattr(self.net, f"slice{number}", part)
        for i, channels in enumerate(CHANNELS):
            linear = nn.Module()
            linear.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))
            linear.model[1].weight.data.abs_()
            setattr(self, f"lin{i}", linear)
        self.eval()

    @torch.no_grad()
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        a, b = ((x - self.scaling_layer.shift) / self.scaling_layer.scale for x in (a, b))
        total = 0
        for i in range(7):
            a, b = (getattr(self.net, f"slice{i + 1}")(x) for x in (a, b))
            unit = (x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b))
            total = total + getattr(self, f"lin{i}").model((next(unit) - next(unit)).square()).mean(
                (1, 2, 3)
            )
        return total


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What the package, which is stood in for, is asked for."""
    asked: list[dict] = []
    stand_in = SimpleNamespace(LPIPS=lambda **options: asked.append(options) or Package())
    monkeypatch.setitem(sys.modules, "lpips", stand_in)
    return asked


def test_the_figures_are_those_of_the_package(requests: list[dict], tmp_path: Path) -> None:
    write_weights(tmp_path / "lpips.safetensors")
    assert requests[0]["net"] == "squeeze"
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.rand(2, 3, 70, 93, generator=generator) * 2 - 1 for _ in range(2))
    expected, found = Package()(a, b), LpipsSqueeze(tmp_path / "lpips.safetensors")(a, b)
    assert expected.min() > 0
    assert torch.allclose(found, expected, rtol=1e-3)
    assert [file.name for file in tmp_path.iterdir()] == ["lpips.safetensors"]


def test_without_the_package_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(MissingPackageError, match="pip install lpips"):
        write_weights(tmp_path / "lpips.safetensors")
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_replaced_only_if_asked(requests: list[dict], tmp_path: Path) -> None:
    file = tmp_path / "lpips.safetensors"
    file.write_text("precious")
    with pytest.raises(OutputExistsError, match="lpips.safetensors exists: pass -y"):
        write_weights(file)
    assert file.read_text() == "precious" and not requests
    write_weights(file, overwrite=True)
    assert LpipsSqueeze(file)


def test_a_folder_that_is_not_there_is_refused_in_one_line(
    requests: list[dict], tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=r"absent/lpips: cannot be written \("):
        write_weights(tmp_path / "absent" / "lpips")
