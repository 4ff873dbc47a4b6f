"""A model's networks as an encoder wants them: latents come of the loop's own encoder, in integers,
where a model has one, and PyTorch is loaded when something needs it.
"""

from __future__ import annotations

from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bitstream.formats import loop_networks
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import UNITS_PER_LATENT
from bitstream.v2 import compiled as loop_kernels

from ..models.bundle import ModelBundle
from ..models.device_choice import is_cpu
from ..models.picture_makers import ExactPictures, FloatPictures, PictureMaker
from . import compiled
from .float_decoder import DecoderWithGradient, FloatDecoder
from .picture_search import loop_picture

if TYPE_CHECKING:
    import torch

    from ..models.runtime import AutoencoderRuntime


# Kernels that were kept are there by then, and do in less what NumPy does meanwhile; to compile
# them takes longer.
_PATIENCE = 3.0  # seconds
_TILE = 64  # latents a side, whose gradient takes a hundred megabytes


class CodingNetworks:
    """As ``AutoencoderRuntime``, which it is made of for all but latents.

    Latents are in floating point on accelerators, and of models that say how certain they are.
    """

    def __init__(
        self, bundle: ModelBundle, device: str = "auto", threads: int | None = None
    ) -> None:
        """device, threads: as of ``AutoencoderRuntime``.  Raises ``DeviceError``."""
        self.bundle = bundle
        self._device, self._threads = device, threads
        self._loop = None
        if not bundle.certainty_strength and is_cpu(device):
            self._loop = loop_networks(bundle.tables)
        if self._loop is None:
            _ = self.autoencoder  # what is wrong with it is better said at once
        else:
            loop_kernels.kernels()  # begins to load them
            compiled.kernels()

    @property
    def needs_pytorch(self) -> bool:
        """Whether latents do."""
        return self._loop is None

    @cached_property
    def autoencoder(self) -> AutoencoderRuntime:
        """In floating point.  Raises what that raises."""
        from ..models.runtime import AutoencoderRuntime

        return AutoencoderRuntime(self.bundle, self._device, self._threads)

    def encode(
        self, pictures: npt.NDArray[np.uint8], height: int, width: int
    ) -> npt.NDArray[np.float32]:
        """As the autoencoder."""
        return self.encode_with_variance(pictures, height, width)[0]

    def encode_with_variance(
        self, pictures: npt.NDArray[np.uint8], height: int, width: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """As the autoencoder; the loop's networks give no variance."""
        loop = self._loop
        if loop is None:
            return self.autoencoder.encode_with_variance(pictures, height, width)
        _await_kernels()
        latents = [loop.latents(loop_picture(one, height, width)) for one in pictures]
        return np.stack(latents).astype(np.float32) / np.float32(UNITS_PER_LATENT), None

    @property
    def device(self) -> torch.device:
        """Of the autoencoder."""
        return self.autoencoder.device

    @property
    def bytes_per_latent(self) -> int:
        """As the autoencoder."""
        return self.autoencoder.bytes_per_latent

    def maker(self) -> PictureMaker:
        """As the autoencoder, and without it where pictures are exact."""
        exact = ExactPictures.of(self.bundle.tables, self.bundle.name)
        return exact or FloatPictures(self.autoencoder)

    def pictures(self, scaled: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """As the autoencoder."""
        return self.autoencoder.pictures(scaled, steps)


def _await_kernels() -> None:
    """Those of the loop and the encoder's, but not for ever."""
    if loop_kernels.kernels() is not None and compiled.kernels() is not None:
        return

    def wait() -> None:
        loop_kernels.await_kernels()
        compiled.await_kernels()

    waiting = Thread(target=wait, name="waiting for kernels", daemon=True)
    waiting.start()
    waiting.join(_PATIENCE)


def decoder_with_gradient(
    runtime: AutoencoderRuntime | CodingNetworks, header: SequenceHeader
) -> tuple[DecoderWithGradient, int]:
    """What judges of pictures see through, and how many latents a side it may take at once: without
    PyTorch where that can be.
    """
    if isinstance(runtime, CodingNetworks) and not runtime.needs_pytorch:
        decoder = FloatDecoder.of(runtime.bundle)
        if decoder is not None:
            return decoder, _TILE
    from .picture_tiles import largest_tile
    from .torch_decoder import TorchDecoder

    task = f"to judge pictures of {header.width}×{header.height}"
    return (
        TorchDecoder(runtime.pictures, runtime.device, task),
        largest_tile(runtime.bytes_per_latent),
    )
