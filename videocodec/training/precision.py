"""Which number format networks work in while they learn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch


@cache
def fast_format(device_type: str) -> torch.dtype:
    """The faster one of bfloat16 and float32 on devices of a type.

    CPUs without tile instructions (AMX) convolve in bfloat16 at 0.6 times the speed of float32,
    and multiply matrices at half of it (docs/training.md).
    """
    if device_type == "cuda":
        return torch.bfloat16
    if device_type == "cpu" and _has_tiles():
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device) -> Any:
    """Context in which networks on a device work in its fast format."""
    wanted = fast_format(device.type)
    if wanted is torch.float32:
        return torch.autocast("cpu", enabled=False)
    return torch.autocast(device.type, wanted)


def _has_tiles() -> bool:
    """Whether the processor multiplies matrices of bfloat16 by tiles; False where torch, before
    2.11, does not tell.
    """
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16"))
