"""How far a decoder's pictures depend on latents: counted from its layers."""

from __future__ import annotations

from torch import nn


def reach_of(*layers: nn.Module) -> int:
    """How many positions around one its value depends on after these layers, which are in series or
    beside the identity, at one resolution: the sum of what each convolution reaches.

    Raises ``TypeError`` for layers that change the resolution or skip positions.
    """
    reach = 0
    for layer in layers:
        for module in layer.modules():
            if isinstance(module, nn.Conv2d):
                if set(module.stride) | set(module.dilation) != {1}:
                    raise TypeError(f"{module} does not stay at one resolution")
                reach += max(module.kernel_size) // 2
    return reach
