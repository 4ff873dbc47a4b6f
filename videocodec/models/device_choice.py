"""Whether networks run on the CPU, which may have other ways than PyTorch then.  No torch."""

from __future__ import annotations

from .devices import check_device, may_accelerate


def is_cpu(name: str) -> bool:
    """Whether networks run on the CPU, as far as PyTorch need not be loaded to know.  Raises
    ``DeviceError``.
    """
    check_device(name)
    if name != "auto" or not may_accelerate():
        return name in ("auto", "cpu")
    from .runtime import pick_device

    return pick_device(name).type == "cpu"
