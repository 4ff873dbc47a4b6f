"""Prediction of version 2: blocks that stand still are copied as latents; where anything moves, the
reference's picture does, and what comes of it is encoded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..v1.block_fields import BlockFields, Direction, Mode
from ..v1.frame_coder import to_positions
from ..v1.tables import TablesError
from .loop_networks import LoopNetworks
from .moved_pictures import InterpolatedPicture, Picture
from .overlapped_blocks import EVERY_DIRECTION, OverlappedBlocks
from .standing import AVERAGE, FUTURE, MOVED, NOTHING, PAST, put_still

# Latents (C, h, w) and quantisers (h, w) of a frame.
Made = tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]


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
        self._networks = networks
        self._made: tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]] | None
        self._made = latents, quantisers
        self._make: Callable[[], Made] | None = None
        self._picture: Picture | None = None

    @classmethod
    def when_wanted(cls, networks: LoopNetworks, make: Callable[[], Made]) -> PictureReference:
        """Of a frame that is made when somebody refers to it: ``make`` gives its latents and
        quantisers, and is called once.
        """
        reference = cls.__new__(cls)
        reference._networks, reference._make = networks, make
        reference._made = reference._picture = None
        return reference

    def __reduce__(self) -> tuple[Callable[..., PictureReference], tuple[object, ...]]:
        """Pickled without its picture, which can be made again."""
        return _of_latents, (self._networks, self.latents.astype(np.int16), self.quantisers)

    def made(self) -> PictureReference:
        """Itself, with its frame made."""
        self._frame()
        return self

    def _frame(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        if self._made is None:
            assert self._make is not None
            latents, quantisers = self._make()
            self._made = latents.astype(np.int32), quantisers
            self._make = None  # which holds what the frame refers to, and so all before it
        return self._made

    @property
    def latents(self) -> npt.NDArray[np.int32]:
        """(C, h, w), in latent units."""
        return self._frame()[0]

    @property
    def quantisers(self) -> npt.NDArray[np.uint8]:
        """(h, w)."""
        return self._frame()[1]

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


def _of_latents(
    networks: LoopNetworks | None,
    latents: npt.NDArray[np.int16],
    quantisers: npt.NDArray[np.uint8],
) -> PictureReference:
    """A reference that was pickled."""
    return PictureReference(networks, latents.astype(np.int32), quantisers)


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
    fields: BlockFields,
    references: tuple[PictureReference, ...],
    block: int,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int32]:
    """Prediction (C, h, w) int32 of every block in latent units, zero for intra blocks.

    wanted (h, w): where, by default everywhere; elsewhere it means nothing.
    """
    predicted = fields.modes != Mode.INTRA
    standing = np.full(fields.modes.shape, NOTHING, np.uint8)
    moves = np.zeros(fields.modes.shape, dtype=bool)
    for index, unused in EVERY_DIRECTION[: len(references)]:
        used = predicted & (fields.directions != unused)
        moves |= used & fields.vectors[index].any(-1)
        standing[used] = FUTURE if index else PAST
        if index:
            standing[used & (fields.directions == Direction.AVERAGE)] = AVERAGE
    standing[moves] = MOVED
    positions = to_positions(standing, block)
    at = positions == MOVED
    if wanted is not None:
        positions[at & ~wanted] = NOTHING
        at &= wanted
    if at.any():
        picture = moved_picture(fields, references, block)
        out = references[0].networks.latents(picture, at)
    else:
        out = np.empty_like(references[0].latents)
    return put_still(out, tuple(reference.latents for reference in references), positions)
