"""Muon: momentum, orthogonalised, for weights that are matrices (Jordan 2024)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from .precision import fast_format

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration, as Jordan chose them
_ITERATIONS = 5
_UPDATE_SIZE = 0.2  # root mean square of AdamW's updates, so that its rates fit (Liu et al. 2025)


class Muon(torch.optim.Optimizer):
    """Steps along Nesterov momentum whose singular values are all made about 1.

    Weights (n, …) are taken as matrices of n rows.  State of a weight: ``momentum``.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 1e-4,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._change(weight, weight.grad, group)

    def _change(self, weight: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(momentum, group["momentum"]).reshape(len(weight), -1)
        scale = _UPDATE_SIZE * max(update.shape) ** 0.5
        direction = orthogonalised(update).to(weight.dtype).reshape(weight.shape)
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(direction, alpha=-group["lr"] * scale)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """A matrix (m, n) with the same singular vectors and singular values of about 0.7 to 1.2,
    in the fast format of its device.
    """
    a, b, c = _COEFFICIENTS
    x: torch.Tensor = matrix.to(fast_format(matrix.device.type))
    is_tall = x.shape[0] > x.shape[1]
    if is_tall:
        x = x.T
    x = x / (x.norm() + 1e-12)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x
