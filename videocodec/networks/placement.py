"""Networks on a device, in the memory layout that convolutions are fastest in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def placed(
    network: Network,
    device: torch.device | str,
    memory_format: torch.memory_format = torch.channels_last,
) -> Network:
    """Move a network's weights to a device and into a memory format → the same network."""
    # torch's stubs know no ``memory_format`` of ``Module.to``, which documents it.
    to = cast("Callable[..., Network]", network.to)
    return to(device, memory_format=memory_format)
