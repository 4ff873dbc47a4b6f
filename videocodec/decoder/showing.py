"""From pictures as they are coded to pictures as they are shown: their size, and where every part
of them comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..decoded import DecodedLatents, FrameKind, quantisers_of
from ..models.attached import errors_of
from ..models.files import has_post_filter
from ..models.post_filter import PostFilter
from ..provenance import concealed_map, generated_map, provenance_map
from ..scaling import magnified
from .latents import LatentStream

if TYPE_CHECKING:  # most pictures are shown as they are coded, without PyTorch
    from ..models.upscaling import Upscaling

_GREY = 128


class Showing:
    """How pictures of a stream are shown.

    device, threads: of the network that enlarges them, if the model has one.
    filters: whether they may go through the model's post-filter, if it has one.
    header: the stream's, with the size at which they are shown.
    makes_up_detail: whether a network makes pictures of twice the coded size; it comes after the
    post-filter, and learnt from filtered pictures.
    """

    def __init__(
        self, stream: LatentStream, device: str, threads: int | None, *, filters: bool
    ) -> None:
        self.header, self._stream = stream.shown, stream
        self.makes_up_detail = stream.makes_up_detail
        self.filters = filters and has_post_filter(stream.bundle.folder)
        self._filter: PostFilter | None = None
        self._size = self.header.width, self.header.height
        self._device, self._threads = device, threads
        self._upscaling: Upscaling | None = None

    @property
    def coded_size(self) -> tuple[int, int]:
        """Height and width of the pictures that are coded."""
        return self._stream.header.height, self._stream.header.width

    def picture(self, coded: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) uint8 at the size at which it is shown.

        coded: as it is coded; steps: (h, w) float32, of the quantiser at every latent position.
        Raises as loading and running the networks does.
        """
        if self.filters:
            if self._filter is None:
                with errors_of(self._stream.bundle, self._stream.path):
                    self._filter = PostFilter.load(self._stream.bundle.folder)
                assert self._filter is not None  # as it has one
            coded = self._filter.picture(coded, quantisers_of(steps))
        if self.makes_up_detail:
            if self._upscaling is None:
                self._upscaling = self._load()
            coded = self._upscaling.picture(coded, steps)
        return magnified(coded, self._size)

    def _load(self) -> Upscaling:
        from ..models.upscaling import Upscaling

        bundle = self._stream.bundle
        with errors_of(bundle, self._stream.path):
            return Upscaling(bundle.folder, self._device, self._threads)

    def grey(self) -> np.ndarray:
        """What stands in for a frame of which nothing is known."""
        return np.full((self._size[1], self._size[0], 3), _GREY, np.uint8)

    def provenance(self, latents: DecodedLatents) -> np.ndarray:
        """The map of a frame.  Made-up detail is everywhere, so all of it is generated then."""
        if latents.kind == FrameKind.CONCEALED:
            return concealed_map(self.header)
        if self.makes_up_detail:
            return generated_map(self.header)
        return provenance_map(latents.latent.fields.modes, self._stream.header, self.header)
