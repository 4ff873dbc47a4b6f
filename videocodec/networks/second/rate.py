"""Levels around the conditional mean: what the context networks expect is subtracted before
quantisation and added after, and what is sent is the rest.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..context import SliceContext, checkerboard, logistic_bits, slice_sizes


class Rate(nn.Module):
    """Quantises latents slice by slice and counts their bits.

    Slices of 1, 1, 2, 4, … channels are coded one after the other, each in two checkerboard passes;
    a pass sees the slices before, and the second one the first half of its own.  Parameters are
    those of ``SliceContext``, the float twin of the bitstream's networks.
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.slices = slice_sizes(channels)
        self.nets = nn.ModuleList(
            SliceContext(sum(self.slices[:i]), own, hidden) for i, own in enumerate(self.slices)
        )

    def forward(
        self,
        scaled: torch.Tensor,
        log2_step: torch.Tensor,
        dead_zone: torch.Tensor,
        sent: torch.Tensor,
        noise: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents in steps, (B, C, h, w) float32 → quantised ones, in steps too, and bits (B,).

        log2_step: (B,).
        dead_zone: (B,), by how much less than 0.5 a magnitude is rounded up from.
        sent: (B, C) of 0 and 1; channels that are not sent are 0 and cost nothing.
        noise: (B, C, h, w) in ±0.5, of which the bits are counted instead of rounded values, for
        training.
        Gradients of rounding pass straight through.
        """
        first = checkerboard(*scaled.shape[2:], scaled.device)
        done, bits, start = [scaled[:, :0]], torch.zeros_like(log2_step), 0
        for net, own in zip(self.nets, self.slices, strict=True):
            channels = slice(start, start + own)
            value, there = scaled[:, channels], sent[:, channels, None, None]
            passes = _Passes(net, torch.cat(done, 1), log2_step)
            half = _quantised(value, passes.first.chunk(2, 1)[0], dead_zone) * first
            known = torch.where(first > 0, passes.first, passes.second(half))
            mean, log2_scale = known.chunk(2, 1)
            quantised = half + _quantised(value, mean, dead_zone) * (1 - first)
            counted = quantised if noise is None else value + noise[:, channels]
            bits = bits + (logistic_bits(counted, mean, log2_scale) * there).sum((1, 2, 3))
            done.append(quantised * there)
            start += own
        return torch.cat(done, 1), bits


class _Passes:
    """Both passes of a slice's network, of which the first is a part of the second: the visible
    half, and the plane that says so, are zero there.

    Sums are the same as ``SliceContext``'s, in another order, for half of its time.
    """

    def __init__(self, net: SliceContext, earlier: torch.Tensor, log2_step: torch.Tensor) -> None:
        self._net, count = net, earlier.shape[1]
        own, weight = net.own, net.gather.weight
        # Planes of SliceContext: values and magnitudes of (earlier, own), second pass, step, ones.
        base = [*range(count), *range(count + own, 2 * count + own)]
        second = 2 * (count + own)
        plane = torch.ones_like(log2_step).reshape(-1, 1, 1, 1).expand(-1, 1, *earlier.shape[2:])
        step = log2_step.reshape(-1, 1, 1, 1) * plane
        seen = torch.cat([earlier, earlier.abs(), step, plane], 1)
        self._visible = [*range(count, count + own), *range(2 * count + own, second), second]
        self._plane, self._weight = plane, weight
        base_weight = weight[:, [*base, second + 1, second + 2]]
        self._base = F.conv2d(seen, base_weight, net.gather.bias, padding=1)
        self.first = self._result(self._base)

    def second(self, half: torch.Tensor) -> torch.Tensor:
        """Mean and log2 scale, (B, 2·own, h, w), where the first half (B, own, h, w) is known."""
        seen = torch.cat([half, half.abs(), self._plane], 1)
        more = F.conv2d(seen, self._weight[:, self._visible], padding=1)
        return self._result(self._base + more)

    def _result(self, gathered: torch.Tensor) -> torch.Tensor:
        hidden, direct = gathered.split([self._net.hidden, 2 * self._net.own], 1)
        return (direct + self._net.mix(F.relu(hidden))).float()


def _quantised(value: torch.Tensor, mean: torch.Tensor, dead_zone: torch.Tensor) -> torch.Tensor:
    """The mean plus a whole number of steps next to ``value``."""
    rest = value - mean
    distance = rest.detach().abs() + 0.5 - dead_zone.reshape(-1, 1, 1, 1)
    hard = rest.detach().sign() * torch.floor(distance)
    return mean + rest + (hard - rest).detach()
