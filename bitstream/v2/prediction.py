"""Prediction of version 2: blocks that stand still are copied as latents; where anything moves, the
reference's picture does, and what comes of it is encoded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..v1.block_fields import BlockFields, Direction, Mode
from ..v1.frame_coder import to_positions
from ..v1.prediction import average
from ..v1.tables import TablesError
from .loop_networks import LoopNetworks
from .moved_pictures import InterpolatedPicture, Picture
from .overlapped_blocks import EVERY_DIRECTION, OverlappedBlocks


class PictureReference:
    """One reconstructed frame to predict from: latents (C, h, w) int32 in latent units, and the
    quantiser that last refined every position, (h, w) uint8.  networks: None where the model is for
    keyframes alone.
    """

    def __init__(
        self,
        networks: LoopNetworks | None,
        latents: npt.NDArray[np.int32],
        quantisers: npt.NDArray[np.uint8],
    ) -> None:
        self._networks, self.latents, self.quantisers = networks, latents, quantisers
        self._picture: Picture | None = None

    def __reduce__(self) -> tuple[type[PictureReference], tuple[object, ...]]:
        """Pickled without its picture, which can be made again."""
        return PictureReference, (self._networks, self.latents, self.quantisers)

    @property
    def networks(self) -> LoopNetworks:
        """Of the model.  Raises ``TablesError`` where there are none."""
        if self._networks is None:
            raise TablesError("the tables of format version 2 are for keyframes alone")
        return self._networks

    @property
    def picture(self) -> Picture:
        """(3, 8h, 8w) int16, 0..1020; made when it is first wanted."""
        if self._picture is None:
            self._picture = self.networks.picture(self.latents, self.quantisers)
        return self._picture

    @property
    def made_picture(self) -> Picture | None:
        """The same if it was wanted already, else None."""
        return self._picture


def moved_picture(
    fields: BlockFields, references: tuple[PictureReference, ...], block: int
) -> Picture:
    """The picture (3, 8h, 8w) that the blocks' vectors and directions make of those of the
    references, blocks overlapping; intra blocks show the past.
    """
    pictures = {
        index: InterpolatedPicture(references[index].picture, fields.vectors[index][used])
        for index, unused in EVERY_DIRECTION[: len(references)]
        if (used := fields.directions != unused).any()
    }
    return OverlappedBlocks(fields, pictures, block).picture()


def predict_frame(
    fields: BlockFields, references: tuple[PictureReference, ...], block: int
) -> npt.NDArray[np.int32]:
    """Prediction (C, h, w) int32 of every block in latent units, zero for intra blocks."""
    predicted = fields.modes != Mode.INTRA
    uses = [
        predicted & (fields.directions != unused)
        for _, unused in EVERY_DIRECTION[: len(references)]
    ]
    moves = np.zeros(fields.modes.shape, dtype=bool)
    for index, used in enumerate(uses):
        moves |= used & fields.vectors[index].any(-1)
    out = np.zeros_like(references[0].latents)
    if moves.any():
        picture = moved_picture(fields, references, block)
        at = to_positions(moves, block)
        np.copyto(out, references[0].networks.latents(picture, at), where=at)
    for index, used in enumerate(uses):
        at = to_positions(used & ~moves, block)
        still, both = references[index].latents, np.zeros_like(at)
        if index:
            both = at & to_positions(fields.directions == Direction.AVERAGE, block)
        averages = average(out[:, both], still[:, both])
        np.copyto(out, still, where=at)
        out[:, both] = averages
    return out
