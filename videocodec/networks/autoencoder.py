"""The embedded autoencoder as bare torch modules: a linear block transform with a network beside
it.

The linear path is an 8×8 stride-8 convolution and its transpose, so the codec starts as a working
block-transform codec and the network only learns what a linear map cannot do.  Most capacity sits
at 1/8 resolution, where a multiplication is worth 64 of those at full resolution: dense residual
blocks (He et al. 2016, pre-activation) and depthwise 5×5 blocks with an inverted bottleneck
(ConvNeXt, Liu et al. 2022) without normalisation layers, whose statistics would make a frame depend
on its size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .reach import reach_of
from .starts import zeroed


class ResidualBlock(nn.Module):
    """x + conv(SiLU(conv(SiLU(x)))), two dense 3×3 convolutions; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        zeroed(self.second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.second(F.silu(self.first(F.silu(x))))
        return out


class WideBlock(nn.Module):
    """x + 1×1(SiLU(1×1(depthwise 5×5(x)))): a wide receptive field for a quarter of a dense block's
    cost.
    """

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.expand = nn.Conv2d(channels, expansion * channels, 1)
        self.project = nn.Conv2d(expansion * channels, channels, 1)
        zeroed(self.project)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.project(F.silu(self.expand(self.depthwise(x))))
        return out


class Encoder(nn.Module):
    """RGB in [-1, 1], (B, 3, H, W) with H and W multiples of 8 → latents (B, C, H/8, W/8),
    float.
    """

    def __init__(
        self,
        latent_channels: int,
        width: int,
        coarse_width: int,
        blocks: int,
        wide_blocks: int,
        expansion: int,
    ) -> None:
        super().__init__()
        self.linear = nn.Conv2d(3, latent_channels, 8, stride=8, bias=False)
        self.stem = nn.Conv2d(48, width, 3, padding=1)
        self.fine = nn.Sequential(*[ResidualBlock(width) for _ in range(blocks)])
        self.down = nn.Conv2d(width, coarse_width, 4, stride=2, padding=1)
        self.coarse = nn.Sequential(*[ResidualBlock(coarse_width) for _ in range(blocks)])
        self.wide = nn.Sequential(*[WideBlock(coarse_width, expansion) for _ in range(wide_blocks)])
        self.head = nn.Conv2d(coarse_width, latent_channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.fine(self.stem(F.pixel_unshuffle(x, 4)))
        y = self.wide(self.coarse(self.down(y)))
        latents: torch.Tensor = self.linear(x) + self.head(y)
        return latents


class Decoder(nn.Module):
    """Latents (B, C, h, w) and log2 of the quantiser step, (B,) or a map (B, h, w) → RGB in about
    [-1, 1], (B, 3, 8h, 8w).
    """

    def __init__(
        self,
        latent_channels: int,
        width: int,
        coarse_width: int,
        blocks: int,
        fine_blocks: int,
        wide_blocks: int,
        expansion: int,
    ) -> None:
        super().__init__()
        self.linear = nn.ConvTranspose2d(latent_channels, 3, 8, stride=8, bias=False)
        self.stem = nn.Conv2d(latent_channels + 1, coarse_width, 3, padding=1)
        self.coarse = nn.Sequential(*[ResidualBlock(coarse_width) for _ in range(blocks)])
        self.wide = nn.Sequential(*[WideBlock(coarse_width, expansion) for _ in range(wide_blocks)])
        self.up = nn.Conv2d(coarse_width, 4 * width, 3, padding=1)
        self.fine = nn.Sequential(*[ResidualBlock(width) for _ in range(fine_blocks)])
        self.head = nn.Conv2d(width, 48, 3, padding=1)

    @property
    def reach(self) -> int:
        """How many latent positions around one the 8×8 px of a position depend on."""
        fine = reach_of(self.fine, self.head)  # at twice the resolution
        return reach_of(self.stem, self.coarse, self.wide, self.up) + -(-fine // 2)

    def forward(self, z: torch.Tensor, log2_step: torch.Tensor) -> torch.Tensor:
        plane = log2_step.to(z)
        plane = (
            plane[:, None]
            if plane.ndim == 3
            else plane.reshape(-1, 1, 1, 1).expand(z.shape[0], 1, *z.shape[2:])
        )
        y = self.stem(torch.cat([z / 3, plane], 1))
        y = F.pixel_shuffle(self.up(self.wide(self.coarse(y))), 2)
        pictures: torch.Tensor = self.linear(z) + F.pixel_shuffle(self.head(self.fine(y)), 4)
        return pictures
