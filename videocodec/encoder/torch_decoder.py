"""What judges of pictures have PyTorch do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ..models.network_errors import network_errors
from .float_decoder import Back, Plane

# Scaled latents (1, C, h, w) and the step of every position (1, h, w) → pictures (1, 3, 8h, 8w).
Pictures = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class TorchDecoder:
    """A ``DecoderWithGradient`` of any model.  task: for errors."""

    def __init__(self, pictures: Pictures, device: torch.device, task: str = "to judge") -> None:
        self._pictures, self._device, self._task = pictures, device, task

    def __call__(self, latents: Plane, steps: Plane) -> tuple[Plane, Back]:
        """As the protocol says.  Raises what ``network_errors`` does."""
        z, step = (self._on_device(array[None]) for array in (latents, steps))
        z.requires_grad_(True)
        with self._errors():
            decoded = self._pictures(z, step)

        def back(gradient: Plane) -> Plane:
            with self._errors():
                # Of a number: where gradients are handed in, PyTorch imports SymPy.
                counted = (decoded * self._on_device(gradient[None])).sum()
                (found,) = torch.autograd.grad(counted, z, retain_graph=True)
            return np.asarray(found[0].cpu().numpy(), np.float32)

        return np.asarray(decoded[0].detach().cpu().numpy(), np.float32), back

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with network_errors(self._task, self._device), one_thread():
            yield

    def _on_device(self, array: Plane) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self._device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Gradients differ in their last bits with the number of threads, and a coded video must
    not.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def source_tensor(
    picture: npt.NDArray[np.uint8], height: int, width: int, device: torch.device
) -> torch.Tensor:
    """RGB (H, W, 3) → (1, 3, height, width) in [-1, 1], padded as for the autoencoder."""
    x = torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")
    return x.contiguous(memory_format=torch.channels_last)
