"""From pictures as networks make them to pictures as they are shown: their size, and where every
part of them comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bitstream.sequence_header import PIXELS_PER_LATENT

from ..decoded import DecodedLatents, FrameKind
from ..provenance import concealed_map, generated_map, provenance_map
from ..scaling import magnified
from .latents import LatentStream

if TYPE_CHECKING:
    from ..models.runtime import AutoencoderRuntime

_GREY = 128


class Showing:
    """How pictures of a stream are shown.

    header: the stream's, with the size at which they are shown.
    makes_up_detail: whether a network makes pictures of twice the coded size.
    """

    def __init__(self, stream: LatentStream) -> None:
        self.header, self._coded = stream.shown, stream.header
        self.makes_up_detail = stream.makes_up_detail
        self._size = self.header.width, self.header.height

    def runtime(self, stream: LatentStream, device: str, threads: int | None) -> AutoencoderRuntime:
        """The networks that make the pictures.  Raises as ``AutoencoderRuntime`` does."""
        from ..models.runtime import AutoencoderRuntime

        kind = AutoencoderRuntime
        if self.makes_up_detail:
            from ..models.upscaling import UpscalingRuntime

            kind = UpscalingRuntime
        return kind(stream.bundle, device, threads)

    def made_size(self, pixels_per_latent: int) -> tuple[int, int]:
        """Height and width of the pictures that networks make with so many pixels a position."""
        factor = pixels_per_latent // PIXELS_PER_LATENT
        return factor * self._coded.height, factor * self._coded.width

    def picture(self, made: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) uint8 at the size at which it is shown."""
        return magnified(made, self._size)

    def grey(self) -> np.ndarray:
        """What stands in for a frame of which nothing is known."""
        return np.full((self._size[1], self._size[0], 3), _GREY, np.uint8)

    def provenance(self, latents: DecodedLatents) -> np.ndarray:
        """The map of a frame.  Made-up detail is everywhere, so all of it is generated then."""
        if latents.kind == FrameKind.CONCEALED:
            return concealed_map(self.header)
        if self.makes_up_detail:
            return generated_map(self.header)
        return provenance_map(latents.latent.fields.modes, self._coded, self.header)
