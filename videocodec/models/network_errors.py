"""What PyTorch raises when memory ends or an accelerator fails, as one clear line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import DeviceError, OutOfMemoryError
from .devices import memory_ended

_DEVICE_FAILED = re.compile(
    r"(CUDA|cuDNN|HIP|MPS|accelerator)\b.*\berror|(CUDA|CUBLAS|CUDNN)_\w*ERROR|CU[A-Z]+_STATUS_|device.*lost",
    re.I,
)


@contextmanager
def network_errors(task: str, device: torch.device) -> Iterator[None]:
    """Turn what PyTorch raises when memory ends into an ``OutOfMemoryError``, and what it raises
    when an accelerator fails or disappears into a ``DeviceError``: one clear line each.  task: what
    was to be done, "to encode pictures of 512×288".
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        on_cpu = device.type == "cpu"
        if memory_ended(error):
            remedy = "close other programs, take fewer --jobs, or a smaller video"
            if not on_cpu:
                remedy = "close what else uses it, or take --device cpu"
            raise OutOfMemoryError(f"not enough memory {task} on {device}: {remedy}") from error
        if isinstance(error, getattr(torch, "AcceleratorError", ())) or (
            not on_cpu and _DEVICE_FAILED.search(str(error))
        ):
            reason = str(error).strip().partition("\n")[0][:200]
            raise DeviceError(
                f"device {device} failed {task} ({reason}): see whether it is still there, or take"
                " --device cpu"
            ) from error
        raise
