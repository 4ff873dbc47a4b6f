"""Levels around the conditional mean: what the context networks expect is subtracted before
quantisation and added after, and what is sent is the rest.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from bitstream.v2.scan import FLAGS, ScanPass, passes_of

from ..context import logistic_bits, slice_sizes

_HIDDEN = 32


class SliceNetwork(nn.Module):
    """Mean and log2 scale of one slice: float twin of format version 2's context networks.

    A 3×3 convolution sees, plane after plane: values of the earlier slices and what is known of
    this one, their magnitudes, the flags of the pass, log2 of the step, and ones.  Its first
    outputs go through ReLU and a 1×1 convolution, the others are added directly.
    """

    def __init__(self, earlier: int, own: int, hidden: int) -> None:
        super().__init__()
        self.earlier, self.own, self.hidden = earlier, own, hidden
        self.gather = nn.Conv2d(2 * (earlier + own) + FLAGS + 2, hidden + 2 * own, 3, padding=1)
        self.mix = nn.Conv2d(hidden, 2 * own, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def from_earlier(self, earlier: torch.Tensor, log2_step: torch.Tensor) -> torch.Tensor:
        """The part of the 3×3 convolution that all passes over a grid share.

        earlier: (B, C', h, w); log2_step: (B,).
        """
        ones = torch.ones_like(log2_step).reshape(-1, 1, 1, 1).expand(-1, 1, *earlier.shape[2:])
        seen = [earlier, earlier.abs(), log2_step.reshape(-1, 1, 1, 1) * ones, ones]
        flags = 2 * (self.earlier + self.own)
        planes = [*self._planes(0, self.earlier), flags + FLAGS, flags + FLAGS + 1]
        weight = self.gather.weight[:, planes]
        return F.conv2d(torch.cat(seen, 1), weight, self.gather.bias, padding=1)

    def forward(
        self, shared: torch.Tensor, known: torch.Tensor, flags: tuple[int, int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log2 scale, (B, own, h, w) float32 each.

        shared: of ``from_earlier``; known: this slice's values (B, own, h, w), 0 where they are
        not known yet.
        """
        ones = torch.ones_like(known[:, :1])
        first = 2 * (self.earlier + self.own)
        planes = [*self._planes(self.earlier, self.own), *range(first, first + FLAGS)]
        seen = torch.cat([known, known.abs(), *(ones * flag for flag in flags)], 1)
        gathered = shared + F.conv2d(seen, self.gather.weight[:, planes], padding=1)
        hidden, direct = gathered.split([self.hidden, 2 * self.own], 1)
        mean, log2_scale = (direct + self.mix(F.relu(hidden))).float().chunk(2, 1)
        return mean, log2_scale

    def _planes(self, first: int, count: int) -> list[int]:
        """Where values and magnitudes of visible channels from ``first`` on are in the input."""
        visible = self.earlier + self.own
        return [*range(first, first + count), *range(visible + first, visible + first + count)]


class Rate(nn.Module):
    """Quantises latents slice by slice and counts their bits.

    Slices of 1, 1, 2, 4, … channels are coded one after the other, in the passes that
    format version 2 has for them (``bitstream.v2.scan``): a pass sees the slices before, and what
    the passes before it coded of its own.
    """

    def __init__(self, channels: int, hidden: int = _HIDDEN) -> None:
        super().__init__()
        self.slices = slice_sizes(channels)
        self.nets = nn.ModuleList(
            SliceNetwork(sum(self.slices[:i]), own, hidden) for i, own in enumerate(self.slices)
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
        done, bits, start = [scaled[:, :0]], torch.zeros_like(log2_step), 0
        for index, (net, own) in enumerate(zip(self.nets, self.slices, strict=True)):
            channels = slice(start, start + own)
            value, is_sent = scaled[:, channels], sent[:, channels, None, None]
            coded = _Slice(net, value, torch.cat(done, 1), log2_step, dead_zone)
            for scan_pass in passes_of(index):
                coded.code(scan_pass)
            counted = coded.quantised if noise is None else value + noise[:, channels]
            cost = logistic_bits(counted, coded.mean, coded.log2_scale) * is_sent
            bits = bits + cost.sum((1, 2, 3))
            done.append(coded.quantised * is_sent)
            start += own
        return torch.cat(done, 1), bits


class _Slice:
    """The values of a slice while it is coded, on the grid of the last pass.

    quantised, mean, log2_scale: (B, own, h', w'), 0 at positions that are still to come.
    """

    def __init__(
        self,
        net: nn.Module,
        value: torch.Tensor,
        earlier: torch.Tensor,
        log2_step: torch.Tensor,
        dead_zone: torch.Tensor,
    ) -> None:
        self._net, self._value, self._earlier = net, value, earlier
        self._log2_step, self._dead_zone = log2_step, dead_zone
        self._stride = 0
        self.quantised = self.mean = self.log2_scale = value[..., :0, :0]

    def code(self, scan_pass: ScanPass) -> None:
        """Quantise the positions of a pass."""
        stride = scan_pass.stride
        value = self._value[..., ::stride, ::stride]
        if stride != self._stride:
            self._refine(value, stride)
        mean, log2_scale = self._net(self._shared, self.quantised, scan_pass.flags)
        mask = torch.from_numpy(scan_pass.mask(*self._value.shape[2:])).to(value.device)
        quantised = quantise(value, mean, self._dead_zone)
        self.quantised = torch.where(mask, quantised, self.quantised)
        self.mean = torch.where(mask, mean, self.mean)
        self.log2_scale = torch.where(mask, log2_scale, self.log2_scale)

    def _refine(self, value: torch.Tensor, stride: int) -> None:
        """Go on to a grid of twice the positions a side."""
        self.quantised, self.mean, self.log2_scale = (
            _spread(known, value) for known in (self.quantised, self.mean, self.log2_scale)
        )
        self._stride = stride
        earlier = self._earlier[..., ::stride, ::stride]
        self._shared = self._net.from_earlier(earlier, self._log2_step)


def _spread(known: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Values of a grid at the even positions of one twice as fine, zeros between them."""
    spread = torch.zeros_like(like)
    if known.numel():
        spread[..., ::2, ::2] = known
    return spread


def quantise(value: torch.Tensor, mean: torch.Tensor, dead_zone: torch.Tensor) -> torch.Tensor:
    """The mean plus a whole number of steps next to ``value``, all (B, C, h, w) in steps.

    dead_zone: (B,), see ``Rate.forward``.
    """
    rest = value - mean
    distance = rest.detach().abs() + 0.5 - dead_zone.reshape(-1, 1, 1, 1)
    hard = rest.detach().sign() * torch.floor(distance)
    return mean + rest + (hard - rest).detach()
