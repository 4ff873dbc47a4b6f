"""What layers begin training with."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


def zeroed(layer: Layer) -> Layer:
    """Set the weights and biases of a layer to zero, so that what it is added to begins unchanged
    → the same layer.
    """
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
