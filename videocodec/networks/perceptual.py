"""LPIPS with a SqueezeNet 1.1 backbone (Zhang et al. 2018), from a safetensors file the user names.

A training loss and a measure.  The weights are not part of the project; the figure is called ``lpips-squeeze``
because its backbone and weights differ from the ``lpips`` package's default.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

_TAPS = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
_POOL_BEFORE = ("fire2", "fire4", "fire6")
_MEAN_RGB = (122.679, 116.669, 104.006)


class LpipsSqueeze(nn.Module):
    """Distance of two pictures (B, 3, H, W), RGB in [-1, 1], both at least 33 px a side → (B,), 0 for equal pictures."""

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        for name, value in load_file(str(weights)).items():
            self.register_buffer(name.replace(".", "_"), value.float())

    def _conv(self, x: torch.Tensor, name: str, **kwargs: int) -> torch.Tensor:
        return F.relu(F.conv2d(x, getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias"), **kwargs))

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Unit-length feature maps of the seven taps."""
        x = (x + 1) * 127.5 - torch.tensor(_MEAN_RGB, device=x.device).reshape(1, 3, 1, 1)
        x = self._conv(x, "conv1", stride=2)
        maps = [x]
        for fire in (f"fire{i}" for i in range(2, 10)):
            if fire in _POOL_BEFORE:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            squeezed = self._conv(x, f"{fire}_squeeze1x1")
            x = torch.cat([self._conv(squeezed, f"{fire}_expand1x1"), self._conv(squeezed, f"{fire}_expand3x3", padding=1)], 1)
            if fire in _TAPS:
                maps.append(x)
        return [m * torch.rsqrt((m * m).sum(1, keepdim=True) + 1e-10) for m in maps]

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and b.requires_grad):
            target = self.features(b)
        total = torch.zeros(a.shape[0], device=a.device)
        for i, (x, y) in enumerate(zip(self.features(a), target)):
            total = total + F.conv2d((x - y) ** 2, getattr(self, f"lin{i}_weight")).mean((1, 2, 3))
        return total
