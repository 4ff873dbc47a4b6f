"""Frames that were read, and are made of what was read when somebody wants them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..quantiser_maps import refined_map
from ..v1.block_fields import BlockFields
from .moved_pictures import FRACTION_BITS
from .prediction import Made, PictureReference, predict_frame
from .values import renewed

Latents = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class UnmadeFrame:
    """A frame whose block layer is known.

    levels: values (C, h, w) and offsets of the quantiser (h, w), once they are read; None where
    nothing is coded.  predicted (C, h, w): its prediction, where somebody made it already.
    """

    def __init__(
        self,
        fields: BlockFields,
        quantiser: int,
        references: tuple[PictureReference, ...],
        block: int,
        predicted: Latents | None = None,
    ) -> None:
        self._fields, self._quantiser = fields, quantiser
        self._references, self._block = references, block
        self._predicted = predicted
        self.levels: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None

    def predict(self, _wanted: Mask | None = None) -> Latents:
        """Its prediction (C, h, w): all of it, since it is wanted for what is made too."""
        if self._predicted is None:
            self._predicted = predict_frame(self._fields, self._references, self._block)
        return self._predicted

    def predict_some(self, wanted: Mask) -> Latents:
        """Its prediction where that is wanted (h, w); elsewhere what is given means nothing."""
        return predict_frame(self._fields, self._references, self._block, wanted)

    def made(self) -> Made:
        """Latents (C, h, w) int16, and the quantiser that last refined every position, (h, w)."""
        predicted = self.predict()
        latents, refined = predicted.astype(np.int16), np.full(predicted.shape[1:], self._quantiser)
        if self.levels is not None:
            values, local = self.levels
            latents = renewed(predicted, values, self._quantiser)
            refined += local
        past, future = (*(known.quantisers for known in self._references), None)[:2]
        refined_by, others = refined.astype(np.uint8), (past, future)
        return latents, refined_map(self._fields, self._block, refined_by, others, FRACTION_BITS)
