"""Where a head for twice the size starts: at the linear map that comes nearest to the detail."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ...networks.second.upscaling import UpscalingHead, enlarged, inputs_of
from .upscaling_examples import Examples

_KERNEL, _PATCH = 3, 8  # of the linear path; px of a position at twice the size, a side
_RIDGE = 1e-4  # of the mean energy of the inputs
_MOST = 256  # examples: more change nothing that could be seen


@torch.no_grad()
def start_from_least_squares(head: UpscalingHead, examples: Examples) -> None:
    """Set the linear path to the least squares of what enlargement lacks of the targets, in RGB,
    where fine steps count more, as they do in the loss.
    """
    size = head.linear.in_channels * _KERNEL**2 + 1
    products, sides = torch.zeros(size, size), torch.zeros(size, head.linear.out_channels)
    for number in range(min(len(examples), _MOST)):
        one = examples.chosen(torch.tensor([number]))
        coded, share = one.coded.float(), float(1 / one.steps)
        seen = F.unfold(inputs_of(one.features.float(), coded), _KERNEL, padding=_KERNEL // 2)[0]
        seen = torch.cat([seen, torch.ones(1, seen.shape[1])])
        target = one.targets.float().div(127.5).sub(1)
        lacking = F.pixel_unshuffle(target - enlarged(coded), _PATCH)[0].flatten(1)
        products += share * seen @ seen.T
        sides += share * seen @ lacking.T
    products += _RIDGE * products.diagonal().mean() * torch.eye(size)
    found = torch.linalg.solve(products.double(), sides.double()).float().T
    weight = found[:, :-1].reshape(head.linear.weight.shape)
    head.linear.load_state_dict({"weight": weight, "bias": found[:, -1]})
