"""Weights of one network in another: what fits is taken over."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def load_what_fits(
    model: nn.Module, state: Mapping[str, torch.Tensor], prefix: str = ""
) -> set[str]:
    """Copy into ``model`` the tensors of ``state`` that it has too → their names.

    A convolution (out, in, kh, kw) with more input planes than the weights given takes those over
    and starts its new planes at zero, which leaves its result as it was.  Everything else of
    another shape, and what ``state`` does not have, keeps its start.  prefix: taken off the names
    in ``state`` where they have it.
    """
    weights, taken = model.state_dict(), set()
    for key, value in state.items():
        name = key.removeprefix(prefix)
        if name not in weights:
            continue
        if weights[name].shape == value.shape:
            weights[name] = value.float()
        elif _has_more_planes(weights[name], value):
            weights[name] = torch.zeros_like(weights[name])
            weights[name][:, : value.shape[1]] = value.float()
        else:
            continue
        taken.add(name)
    model.load_state_dict(weights)
    return taken


def _has_more_planes(wide: torch.Tensor, narrow: torch.Tensor) -> bool:
    return (
        wide.ndim == narrow.ndim == 4
        and wide.shape[0] == narrow.shape[0]
        and wide.shape[2:] == narrow.shape[2:]
        and wide.shape[1] > narrow.shape[1]
    )
