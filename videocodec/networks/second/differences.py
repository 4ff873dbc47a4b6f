"""What neighbours differ by from the middle, as a network of a slice sees it: float twin of format
version 2's difference networks.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from bitstream.v2.difference_taps import (
    FURTHEST,
    NEXT,
    Taps,
    earlier_taps,
    has_surroundings,
    own_taps,
    taps_of,
)
from bitstream.v2.scan import FLAGS, ScanPass

from ..starts import zeroed

CONSTANTS = FLAGS + 2  # flags, log2 of the step, one
HIDDEN = 96


class DifferenceNetwork(nn.Module):
    """What is added to mean and log2 scale of one slice.

    Inputs are the differences of known neighbours (``bitstream.v2.difference_taps``) from the mean
    of the four next to the position, in channels of the slice, or from the value at the position,
    in those before: as they are, as sizes log2(1 + |difference|), and as sizes with signs.
    ``direct`` sees differences and sizes, ``gather``, before a ReLU and ``mix``, both kinds of
    sizes; both see the flags of the pass, log2 of the step and one.
    Values of a smooth channel are far from 0 and near to each other, so that their own sizes,
    which ``SliceNetwork`` sees, hardly tell an edge from none.
    """

    def __init__(self, earlier: int, width: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.earlier, self.width = earlier, width
        inputs = 2 * taps_of(earlier, width) + CONSTANTS
        self.direct = nn.Linear(inputs, 2 * width)
        self.gather = nn.Linear(inputs, hidden)
        self.mix = nn.Linear(hidden, 2 * width, bias=False)
        zeroed(self.direct)
        nn.init.zeros_(self.gather.bias)
        nn.init.normal_(self.gather.weight, std=0.3 / math.sqrt(inputs))
        nn.init.zeros_(self.mix.weight)

    def forward(
        self,
        earlier: torch.Tensor,
        known: torch.Tensor,
        scan_pass: ScanPass,
        log2_step: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What is added, (B, width, h, w) float32 each, 0 where the pass codes nothing.

        earlier (B, C', h, w), known (B, width, h, w): values on the grid of the pass, 0 where they
        are not known yet; log2_step: (B,).  No gradient passes to values.
        """
        batch, _, height, width = known.shape
        nothing = known.new_zeros(batch, 2 * self.width, height * width)
        mask = torch.from_numpy(scan_pass.mask(height, width)).to(known.device)
        at = mask.flatten().nonzero()[:, 0]
        if has_surroundings(scan_pass.new) and len(at):
            rows, columns = at // width, at % width
            taps = own_taps(scan_pass.new)
            around, inside = _around(known, rows, columns, taps)
            next_to = around[..., :NEXT].sum(-1) / inside[:, :NEXT].sum(-1)
            differences = [(around - next_to[..., None]) * inside]
            if self.earlier:
                around, inside = _around(earlier, rows, columns, earlier_taps())
                middle = earlier.detach()[:, :, rows, columns, None]
                differences.insert(0, (around - middle) * inside)
            inputs = torch.cat([one.transpose(1, 2).flatten(2) for one in differences], 2)
            added = self._evaluated(inputs, scan_pass.flags, log2_step)
            nothing = nothing.index_copy(2, at, added.transpose(1, 2))
        mean, log2_scale = nothing.reshape(batch, -1, height, width).chunk(2, 1)
        return mean, log2_scale

    def _evaluated(
        self, differences: torch.Tensor, flags: tuple[int, int, int], log2_step: torch.Tensor
    ) -> torch.Tensor:
        """Differences (B, n, taps) → (B, n, 2·width) float32."""
        sizes = torch.log2(1 + differences.abs())
        signed = differences.sign() * sizes
        flag = differences.new_tensor([*flags, 0, 1]).expand(len(log2_step), -1).clone()
        flag[:, FLAGS] = log2_step
        constants = flag[:, None].expand(-1, differences.shape[1], -1)
        hidden = F.relu(self.gather(torch.cat([sizes, constants, signed], 2)))
        direct = self.direct(torch.cat([differences, sizes, constants], 2))
        added: torch.Tensor = (direct + self.mix(hidden)).float()
        return added


def _around(
    values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, taps: Taps
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (B, C, h, w) at taps around n positions, (B, C, n, taps), and which of these are
    inside, (n, taps) of 0 and 1.
    """
    values = values.detach().float()
    height, width = values.shape[2:]
    down, across = values.new_tensor(taps, dtype=torch.long).T
    row, column = rows[:, None] + down, columns[:, None] + across
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    padded = F.pad(values, (FURTHEST,) * 4).flatten(2)
    places = (row + FURTHEST) * (width + 2 * FURTHEST) + column + FURTHEST
    return padded[:, :, places], inside.float()
