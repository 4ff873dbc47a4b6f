"""Rounding to whole steps from an expected value, in use and in training."""

from __future__ import annotations

import math

import torch


def quantise(
    value: torch.Tensor,
    mean: torch.Tensor,
    dead_zone: torch.Tensor,
    softness: float | None = None,
) -> torch.Tensor:
    """The mean plus a whole number of steps next to ``value``, all (B, C, h, w) in steps.

    dead_zone: (B,), see ``Rate.forward``.
    softness: without it gradients pass to ``value`` as if nothing were rounded.  With it they are
    those of a soft rounding with so steep a tangent (Agustsson and Theis 2020), so that a value
    deep in the dead zone, which the picture does not show, hardly feels the picture's error; and
    none reach ``mean``, which would learn the errors of the moment.
    """
    rest = value - (mean if softness is None else mean.detach())
    distance = rest.detach().abs() + 0.5 - dead_zone.reshape(-1, 1, 1, 1)
    hard = rest.detach().sign() * torch.floor(distance)
    if softness is None:
        return mean + rest + (hard - rest).detach()
    soft = torch.floor(rest.detach()) + share_above(rest, softness)
    return mean.detach() + soft + (hard - soft).detach()


def share_above(rest: torch.Tensor, softness: float) -> torch.Tensor:
    """Soft rounding of what is left beyond the whole number below, 0 to 1."""
    beyond = rest - torch.floor(rest.detach())
    return 0.5 + 0.5 * torch.tanh(softness * (beyond - 0.5)) / math.tanh(softness / 2)
