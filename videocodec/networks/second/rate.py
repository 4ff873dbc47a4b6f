"""Levels around the conditional mean: what the context networks expect is subtracted before
quantisation and added after, and what is sent is the rest.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from bitstream.v2.scan import FLAGS, LATTICE_SLICES, ScanPass, passes_of

from ..context import logistic_bits, slice_sizes
from ..starts import zeroed
from .differences import DifferenceNetwork
from .rounding import quantise, share_above

_HIDDEN = 32
_CONSTANTS = FLAGS + 2  # planes that are the same at all positions: flags, log2 of the step, ones
_NEW_UNITS = 0.3  # deviation of what units that are added see, in deviations of their inputs
_SOFTNESS = 4.0  # of rounding in training: gradients between 0.15 and 2.1 times as large
_ROUNDING_VARIANCE = 0.1  # in squared steps: 1/12, a little more for the dead zone


class SliceNetwork(nn.Module):
    """Mean and log2 scale of one slice: float twin of format version 2's context networks.

    Planes of a 3×3 neighbourhood, over the channels of the earlier slices and of this one: values,
    sizes log2(1 + |value|), the flags of the pass, log2 of the step, ones, and sizes with the sign
    of the value.  ``gather``, whose outputs go through ReLU and ``mix``, sees all but the values:
    those are up to hundreds of steps, which drown hidden units.  ``direct`` sees all but the last.
    A scale is about proportional to its neighbours' magnitudes, which logarithms make linear.
    """

    def __init__(self, earlier: int, width: int, hidden: int) -> None:
        super().__init__()
        self.earlier, self.width = earlier, width
        self.visible = earlier + width
        planes = 2 * self.visible + _CONSTANTS
        self.direct = nn.Conv2d(planes, 2 * width, 3, padding=1)
        self.gather = nn.Conv2d(planes, hidden, 3, padding=1)
        self.mix = nn.Conv2d(hidden, 2 * width, 1, bias=False)
        zeroed(self.direct)
        nn.init.zeros_(self.mix.weight)

    def widened(self, hidden: int) -> SliceNetwork:
        """The same with more hidden units, which see something, and nothing looks at them yet."""
        network = SliceNetwork(self.earlier, self.width, hidden)
        network.direct.load_state_dict(self.direct.state_dict())
        before = self.gather.out_channels
        with torch.no_grad():
            inputs = network.gather.weight[0].numel()
            nn.init.normal_(network.gather.weight, std=_NEW_UNITS / math.sqrt(inputs))
            zeroed_bias = network.gather.get_parameter("bias").zero_()
            zeroed_bias[:before] = self.gather.get_parameter("bias")
            network.gather.weight[:before] = self.gather.weight
            network.mix.weight[:, :before] = self.mix.weight
        return network

    def from_earlier(
        self, earlier: torch.Tensor, log2_step: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The parts of ``direct`` and of ``gather`` that all passes over a grid share.

        earlier: (B, C', h, w); log2_step: (B,).
        """
        ones = torch.ones_like(log2_step).reshape(-1, 1, 1, 1).expand(-1, 1, *earlier.shape[2:])
        constants = [log2_step.reshape(-1, 1, 1, 1) * ones, ones]
        return self._convolved(earlier, 0, constants, FLAGS, with_bias=True)

    def forward(
        self,
        shared: tuple[torch.Tensor, torch.Tensor],
        known: torch.Tensor,
        flags: tuple[int, int, int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log2 scale, (B, width, h, w) float32 each.

        shared: of ``from_earlier``; known: this slice's values (B, width, h, w), 0 where they are
        not known yet.
        """
        ones = torch.ones_like(known[:, :1])
        constants = [ones * flag for flag in flags]
        direct, gathered = self._convolved(known, self.earlier, constants, 0, with_bias=False)
        hidden = F.relu(shared[1] + gathered)
        mean, log2_scale = (shared[0] + direct + self.mix(hidden)).float().chunk(2, 1)
        return mean, log2_scale

    def _convolved(
        self,
        values: torch.Tensor,
        first: int,
        constants: list[torch.Tensor],
        first_constant: int,
        with_bias: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What visible channels from ``first`` on and some of the constant planes add to ``direct``
        and ``gather``.
        """
        sizes = torch.log2(1 + values.abs())
        channels = [*range(first, first + values.shape[1])]
        seen = [*range(first_constant, first_constant + len(constants))]
        by_value = [*channels, *(self.visible + i for i in channels)]
        by_value += [2 * self.visible + i for i in seen]
        by_size = [*channels, *(self.visible + i for i in seen)]
        by_size += [self.visible + _CONSTANTS + i for i in channels]
        return (
            F.conv2d(
                torch.cat([values, sizes, *constants], 1),
                self.direct.weight[:, by_value],
                self.direct.bias if with_bias else None,
                padding=1,
            ),
            F.conv2d(
                torch.cat([sizes, *constants, values.sign() * sizes], 1),
                self.gather.weight[:, by_size],
                self.gather.bias if with_bias else None,
                padding=1,
            ),
        )


class Rate(nn.Module):
    """Quantises latents slice by slice and counts their bits.

    Slices of 1, 1, 2, 4, … channels are coded one after the other, in the passes that
    format version 2 has for them (``bitstream.v2.scan``): a pass sees the slices before, and what
    the passes before it coded of its own.  Slices in lattice order have a ``DifferenceNetwork``
    beside their network.
    """

    def __init__(self, channels: int, hidden: int = _HIDDEN) -> None:
        super().__init__()
        self.hidden = hidden
        self.slices = slice_sizes(channels)
        self.nets = nn.ModuleList(
            SliceNetwork(sum(self.slices[:i]), width, hidden) for i, width in enumerate(self.slices)
        )
        self.differences = nn.ModuleList(
            DifferenceNetwork(sum(self.slices[:i]), width)
            for i, width in enumerate(self.slices[:LATTICE_SLICES])
        )

    def widened(self, hidden: int) -> Rate:
        """The same with more hidden units in every network, for a training to use."""
        rate = Rate(sum(self.slices), hidden)
        rate.nets = nn.ModuleList(net.widened(hidden) for net in self.networks)
        rate.differences.load_state_dict(self.differences.state_dict())
        return rate

    @property
    def networks(self) -> list[SliceNetwork]:
        """That of each slice."""
        return [net for net in self.nets if isinstance(net, SliceNetwork)]

    @property
    def difference_networks(self) -> list[DifferenceNetwork]:
        """That of each slice in lattice order."""
        return [net for net in self.differences if isinstance(net, DifferenceNetwork)]

    def forward(
        self,
        scaled: torch.Tensor,
        log2_step: torch.Tensor,
        dead_zone: torch.Tensor,
        sent: torch.Tensor,
        is_training: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents in steps, (B, C, h, w) float32 → quantised ones, in steps too, and bits (B,).

        log2_step: (B,).
        dead_zone: (B,), by how much less than 0.5 a magnitude is rounded up from.
        sent: (B, C) of 0 and 1; channels that are not sent are 0 and cost nothing.
        is_training: gradients are those of a soft rounding, see ``quantise`` and
        ``_training_bits``.  Values are the same.
        """
        done, bits, start = [scaled[:, :0]], torch.zeros_like(log2_step), 0
        differences = [*self.difference_networks, *[None] * len(self.slices)]
        for index, (net, width) in enumerate(zip(self.networks, self.slices, strict=True)):
            channels = slice(start, start + width)
            value, is_sent = scaled[:, channels], sent[:, channels, None, None]
            softness = _SOFTNESS if is_training else None
            nets = net, differences[index]
            coded = _Slice(nets, value, torch.cat(done, 1), log2_step, dead_zone, softness)
            for scan_pass in passes_of(index):
                coded.code(scan_pass)
            if is_training:
                cost = _training_bits(value, coded) * is_sent
            else:
                cost = logistic_bits(coded.quantised, coded.mean, coded.log2_scale) * is_sent
            bits = bits + cost.sum((1, 2, 3))
            done.append(coded.quantised * is_sent)
            start += width
        return torch.cat(done, 1), bits


class _Slice:
    """The values of a slice while it is coded, on the grid of the last pass.

    quantised, mean, log2_scale: (B, width, h', w'), 0 at positions that are still to come.
    """

    def __init__(
        self,
        nets: tuple[SliceNetwork, DifferenceNetwork | None],
        value: torch.Tensor,
        earlier: torch.Tensor,
        log2_step: torch.Tensor,
        dead_zone: torch.Tensor,
        softness: float | None,
    ) -> None:
        (self._net, self._differences), self._value, self._earlier = nets, value, earlier
        self._log2_step, self._dead_zone, self._softness = log2_step, dead_zone, softness
        self._stride = 0
        self.quantised = self.mean = self.log2_scale = value[..., :0, :0]

    def code(self, scan_pass: ScanPass) -> None:
        """Quantise the positions of a pass."""
        stride = scan_pass.stride
        value = self._value[..., ::stride, ::stride]
        if stride != self._stride:
            self._refine(value, stride)
        mean, log2_scale = self._net(self._shared, self.quantised, scan_pass.flags)
        if self._differences is not None:
            earlier = self._earlier[..., ::stride, ::stride]
            added = self._differences(earlier, self.quantised, scan_pass, self._log2_step)
            mean, log2_scale = mean + added[0], log2_scale + added[1]
        mask = torch.from_numpy(scan_pass.mask(*self._value.shape[2:])).to(value.device)
        quantised = quantise(value, mean, self._dead_zone, self._softness)
        self.quantised = torch.where(mask, quantised, self.quantised)
        self.mean = torch.where(mask, mean, self.mean)
        self.log2_scale = torch.where(mask, log2_scale, self.log2_scale)

    def _refine(self, value: torch.Tensor, stride: int) -> None:
        """Go on to a grid of twice the positions a side."""
        self.quantised, self.mean, self.log2_scale = (
            _spread(values, value) for values in (self.quantised, self.mean, self.log2_scale)
        )
        self._stride = stride
        earlier = self._earlier[..., ::stride, ::stride]
        self._shared = self._net.from_earlier(earlier, self._log2_step)


def _spread(known: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Values of a grid at the even positions of one twice as fine, zeros between them."""
    spread = torch.zeros_like(reference)
    if known.numel():
        spread[..., ::2, ::2] = known
    return spread


def _training_bits(value: torch.Tensor, coded: _Slice) -> torch.Tensor:
    """Bits of the levels that are really coded, with three gradients.

    The scale's is that of these bits.  The value's is what the next level costs more than the one
    below, by the slope of the soft rounding: the bits themselves are flat around a level, and
    values would grow until they leave the dead zone.  The mean's is that of ``_surprise``.
    """
    mean, log2_scale = coded.mean.detach(), coded.log2_scale.detach()
    rest = value - mean
    below = torch.floor(rest.detach())
    zeros = torch.zeros_like(below)
    dearer = logistic_bits(below + 1, zeros, log2_scale) - logistic_bits(below, zeros, log2_scale)
    slopes = dearer * share_above(rest, _SOFTNESS) + _surprise(
        value.detach(), coded.mean, log2_scale
    )
    bits = logistic_bits(coded.quantised.detach(), mean, coded.log2_scale)
    return bits + slopes - slopes.detach()


def _surprise(value: torch.Tensor, mean: torch.Tensor, log2_scale: torch.Tensor) -> torch.Tensor:
    """How far values are from their means, in bits: of a normal distribution as wide as the
    logistic one and the rounding together, without its constant.

    Bits of rounded values say nothing about means between them: what is rounded to the mean costs
    the same wherever it was.
    """
    variance = math.pi**2 / 3 * torch.exp2(2 * log2_scale) + _ROUNDING_VARIANCE
    return (value - mean) ** 2 / (2 * math.log(2) * variance)
