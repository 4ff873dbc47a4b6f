"""The float twin of the bitstream's context networks: rate model of training, and what calibration
fits.

Channels are coded in slices, each slice in two checkerboard passes.  A pass sees all earlier slices
and, in the second pass, the first half of its own slice: the checkerboard of He et al. 2021 with
the channel slices of Minnen & Singh 2020, small enough (3×3 neighbourhoods, one hidden layer, ReLU)
to be evaluated in exact integers. ``bitstream/context_model.py`` is the normative integer form;
planes and their order are the same here.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .starts import zeroed


def checkerboard(height: int, width: int, device: torch.device) -> torch.Tensor:
    """(1, 1, height, width) mask, 1 where a position belongs to the first pass (row + column
    even).
    """
    rows = torch.arange(height, device=device)[:, None]
    columns = torch.arange(width, device=device)[None]
    return ((rows + columns) % 2 == 0).float()[None, None]


def slice_sizes(channels: int) -> tuple[int, ...]:
    """Channels per slice: doubling from one, the rest in the last (16 → 1, 1, 2, 4, 8; 4 → 1, 1,
    2).
    """
    slices, size = [1], 1
    while sum(slices) < channels:
        slices.append(min(size, channels - sum(slices)))
        size *= 2
    return tuple(slices)


class SliceContext(nn.Module):
    """Mean and log2 scale for the channels of one slice, from earlier slices and the visible part
    of its own.

    ``inter`` adds three kinds of planes: coded positions, and for each channel of the slice
    the magnitudes of the prediction and of the previous frame's levels.
    """

    def __init__(
        self,
        earlier: int,
        width: int,
        hidden: int,
        inter: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.width, self.hidden = width, hidden
        # Signed values and magnitudes of everything visible, second pass, log2 of the step, inside
        # the picture.
        planes = 2 * (earlier + width) + 3 + (1 + 2 * width if inter else 0)
        self.gather = nn.Conv2d(planes, hidden + 2 * width, 3, padding=1)
        self.mix = nn.Conv2d(hidden, 2 * width, 1)
        if generator is not None:
            bound = 1 / math.sqrt(9 * planes)  # as PyTorch begins
            for parameter in self.gather.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
        zeroed(self.mix)

    def forward(
        self,
        earlier: torch.Tensor,
        visible: torch.Tensor,
        second: float,
        log2_step: torch.Tensor,
        side: torch.Tensor | None = None,
    ) -> torch.Tensor:
        seen = torch.cat([earlier, visible], 1)
        plane = torch.ones_like(seen[:, :1])
        planes = [seen, seen.abs(), plane * second, plane * log2_step.reshape(-1, 1, 1, 1), plane]
        x = torch.cat(planes if side is None else [*planes, side], 1)
        hidden, direct = self.gather(x).split([self.hidden, 2 * self.width], 1)
        mean_and_scale: torch.Tensor = direct + self.mix(F.relu(hidden))
        return mean_and_scale


class ContextModel(nn.Module):
    """Predicts every quantised latent from those coded before it.

    ``slices`` are channel counts that add up to C.  generator: of the first weights; without it
    they are drawn from PyTorch's global one.
    """

    def __init__(
        self,
        slices: tuple[int, ...] = (1, 1, 2, 4, 8),
        hidden: int = 32,
        inter: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.slices = tuple(slices)
        self.nets = nn.ModuleList(
            SliceContext(sum(slices[:i]), width, hidden, inter, generator)
            for i, width in enumerate(slices)
        )

    @property
    def contexts(self) -> list[SliceContext]:
        """The network of each slice."""
        return [net for net in self.nets if isinstance(net, SliceContext)]

    def forward(
        self,
        context: torch.Tensor,
        log2_step: torch.Tensor,
        coded: torch.Tensor | None = None,
        magnitudes: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``context`` (B, C, h, w) in units of the step → mean (same units) and log2 scale, both
        (B, C, h, w).

        Inter models also take ``coded`` (B, 1, h, w) and ``magnitudes`` (B, 2, C, h, w).
        """
        height, width = context.shape[2:]
        first = checkerboard(height, width, context.device)
        means, scales, start = [], [], 0
        for net, channels in zip(self.contexts, self.slices, strict=True):
            earlier, visible_levels = context[:, :start], context[:, start : start + channels]
            side = None
            if coded is not None and magnitudes is not None:
                side = torch.cat(
                    [
                        coded,
                        magnitudes[:, 0, start : start + channels],
                        magnitudes[:, 1, start : start + channels],
                    ],
                    1,
                )
            blind = net(earlier, torch.zeros_like(visible_levels), 0.0, log2_step, side)
            sighted = net(earlier, visible_levels * first, 1.0, log2_step, side)
            mean, scale = (blind * first + sighted * (1 - first)).chunk(2, 1)
            means.append(mean)
            scales.append(scale)
            start += channels
        return torch.cat(means, 1), torch.cat(scales, 1)


def logistic_bits(
    value: torch.Tensor, mean: torch.Tensor, log2_scale: torch.Tensor
) -> torch.Tensor:
    """Bits of each value under a logistic distribution integrated over ±0.5 (same units as the
    step).
    """
    scale = torch.exp2(log2_scale.clamp(-5, 7))
    centred = (value - mean).abs()
    likelihood = torch.sigmoid((0.5 - centred) / scale) - torch.sigmoid((-0.5 - centred) / scale)
    return -torch.log2(likelihood.clamp_min(1e-9))
