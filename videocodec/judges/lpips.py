"""LPIPS with a SqueezeNet 1.1 backbone (Zhang et al. 2018), from a safetensors file the user names.

A training loss, a measure, and what an encoder looks through at its own pictures
(``encoder/judging.py``).  The weights are not part of the project; the figure is called
``lpips-squeeze`` because its backbone and weights differ from the ``lpips`` package's default.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from .weights_file import load_checked

_TAPS = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
_POOL_BEFORE = ("fire2", "fire4", "fire6")
MEAN_RGB = (122.679, 116.669, 104.006)
# squeezed to, expanded to twice
_FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def _shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of a file of weights."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (64, 3, 3, 3),
        "conv1.bias": (64,),
        "lin0.weight": (1, 64, 1, 1),
    }
    inputs = 64
    for number, (squeezed, expanded) in enumerate(_FIRES, start=2):
        for name, (outputs, of, side) in {
            "squeeze1x1": (squeezed, inputs, 1),
            "expand1x1": (expanded, squeezed, 1),
            "expand3x3": (expanded, squeezed, 3),
        }.items():
            shapes |= {
                f"fire{number}.{name}.weight": (outputs, of, side, side),
                f"fire{number}.{name}.bias": (outputs,),
            }
        inputs = 2 * expanded
        if f"fire{number}" in _TAPS:
            shapes[f"lin{_TAPS.index(f'fire{number}')}.weight"] = (1, inputs, 1, 1)
    return shapes


class LpipsSqueeze(nn.Module):
    """Distance of two pictures (B, 3, H, W), RGB in [-1, 1], both at least 33 px a side → (B,), 0
    for equal pictures.

    Raises ``UnknownModelError`` for a file that does not hold the weights.
    """

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        tensors = load_checked(Path(weights), _shapes(), "LPIPS with SqueezeNet 1.1")
        for name, value in tensors.items():
            self.register_buffer(name.replace(".", "_"), value)

    def _conv(self, x: torch.Tensor, name: str, **kwargs: int) -> torch.Tensor:
        return F.relu(
            F.conv2d(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"), **kwargs)
        )

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Unit-length feature maps of the seven taps."""
        x = (x + 1) * 127.5 - torch.tensor(MEAN_RGB, device=x.device).reshape(1, 3, 1, 1)
        x = self._conv(x, "conv1", stride=2)
        maps = [x]
        for fire in (f"fire{i}" for i in range(2, 10)):
            if fire in _POOL_BEFORE:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            squeezed = self._conv(x, f"{fire}_squeeze1x1")
            x = torch.cat(
                [
                    self._conv(squeezed, f"{fire}_expand1x1"),
                    self._conv(squeezed, f"{fire}_expand3x3", padding=1),
                ],
                1,
            )
            if fire in _TAPS:
                maps.append(x)
        return [m * torch.rsqrt((m * m).sum(1, keepdim=True) + 1e-10) for m in maps]

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and b.requires_grad):
            target = self.features(b)
        total = torch.zeros(a.shape[0], device=a.device)
        for i, (x, y) in enumerate(zip(self.features(a), target, strict=True)):
            total = total + F.conv2d((x - y) ** 2, getattr(self, f"lin{i}_weight")).mean((1, 2, 3))
        return total
