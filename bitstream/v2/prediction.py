"""Prediction of version 2: blocks that stand still are copied as latents; where anything moves, the
reference's picture does, and what comes of it is encoded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..sequence_header import PIXELS_PER_LATENT
from ..v1.block_fields import BlockFields, Direction, Mode
from ..v1.frame_coder import to_positions
from ..v1.prediction import average
from ..v1.tables import TablesError
from .loop_networks import LoopNetworks
from .moved_pictures import Picture, moved_blocks

_EVERY_DIRECTION = ((0, Direction.FUTURE), (1, Direction.PAST))  # reference, who does not use it


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
            raise TablesError("the tables of format version 2, a draft, are for keyframes alone")
        return self._networks

    @property
    def picture(self) -> Picture:
        """(3, 8h, 8w) int16, 0..1020; made when it is first wanted."""
        if self._picture is None:
            self._picture = self.networks.picture(self.latents, self.quantisers)
        return self._picture


def moved_picture(
    fields: BlockFields, references: tuple[PictureReference, ...], block: int
) -> Picture:
    """The picture that the blocks' vectors and directions make of those of the references; intra
    blocks show the past.
    """
    side = block * PIXELS_PER_LATENT
    height, width = fields.modes.shape
    rows, columns = (one.reshape(-1) * side for one in np.indices((height, width)))
    directions = fields.directions.reshape(-1)
    blocks = np.empty((height * width, 3, side, side), dtype=np.int16)
    for index, unused in _EVERY_DIRECTION[: len(references)]:
        at = np.flatnonzero(directions != unused)
        if not len(at):
            continue
        vectors = fields.vectors[index].reshape(-1, 2)[at]
        moved = moved_blocks(references[index].picture, rows[at], columns[at], vectors, side)
        if index:
            both = directions[at] == Direction.AVERAGE
            moved[both] = (blocks[at[both]] + moved[both] + 1) >> 1
        blocks[at] = moved
    tiles = blocks.reshape(height, width, 3, side, side).transpose(2, 0, 3, 1, 4)
    picture: Picture = tiles.reshape(3, height * side, width * side)
    return picture


def predict_frame(
    fields: BlockFields, references: tuple[PictureReference, ...], block: int
) -> npt.NDArray[np.int32]:
    """Prediction (C, h, w) int32 of every block in latent units, zero for intra blocks."""
    predicted = fields.modes != Mode.INTRA
    uses = [
        predicted & (fields.directions != unused)
        for _, unused in _EVERY_DIRECTION[: len(references)]
    ]
    moves = np.zeros(fields.modes.shape, dtype=bool)
    for index, used in enumerate(uses):
        moves |= used & fields.vectors[index].any(-1)
    out = np.zeros_like(references[0].latents)
    if moves.any():
        picture = moved_picture(fields, references, block)
        at = to_positions(moves, block)
        out[:, at] = references[0].networks.latents(picture)[:, at]
    for index, used in enumerate(uses):
        at = to_positions(used & ~moves, block)
        still = references[index].latents[:, at]
        if index:
            both = to_positions(fields.directions == Direction.AVERAGE, block)[at]
            still[:, both] = average(out[:, at][:, both], still[:, both])
        out[:, at] = still
    return out
