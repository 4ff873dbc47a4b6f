"""A model's networks as an encoder wants them: latents come of the loop's own encoder, in integers,
where a model has one, and PyTorch is loaded when something needs it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bitstream.formats import loop_networks
from bitstream.v1.quantiser import UNITS_PER_LATENT

from ..models.bundle import ModelBundle
from ..models.devices import is_cpu
from ..models.picture_makers import ExactPictures, FloatPictures, PictureMaker
from .picture_search import loop_picture

if TYPE_CHECKING:
    import torch

    from ..models.runtime import AutoencoderRuntime


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
