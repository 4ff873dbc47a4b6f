"""What blocks would be predicted as, and cost, from where vectors point in the picture of a
reference: what their pixels lack of the source's goes through a linear map, and is taken off the
frame's latents.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v2.inter_tables import SEARCH_SIDE
from bitstream.v2.moved_pictures import Picture
from bitstream.v2.prediction import PictureReference

from .block_costs import FrameCosts
from .block_matching import MatchedLuma, luma_of
from .picture_squares import PictureSquares

_MARGIN = (SEARCH_SIDE - PIXELS_PER_LATENT) // 2  # px
_AT_ONCE = 512  # blocks, which stay in a core's cache


class SearchedPictures:
    """What a search makes of the pictures of references, once for each as long as it lives."""

    def __init__(self) -> None:
        self._squares: MutableMapping[PictureReference, PictureSquares] = WeakKeyDictionary()
        self._luma: MutableMapping[PictureReference, MatchedLuma] = WeakKeyDictionary()

    def squares(self, reference: PictureReference, side: int) -> PictureSquares:
        """Squares of so many px a side."""
        if reference not in self._squares:
            self._squares[reference] = PictureSquares(reference.picture, side)
        return self._squares[reference]

    def luma(self, reference: PictureReference, block: int) -> MatchedLuma:
        """To match blocks of so many px a side with."""
        if reference not in self._luma:
            self._luma[reference] = MatchedLuma(luma_of(reference.picture), block)
        return self._luma[reference]


class PicturePrices:
    """Prices blocks of one frame by the references' pictures.

    source: the frame's picture; latents (C, h, w): those of it, in latent units; search_map: of
    ``InterTables``; grid: rows and columns of blocks.
    """

    def __init__(
        self,
        source: Picture,
        latents: np.ndarray,
        search_map: npt.NDArray[np.float32],
        costs: FrameCosts,
        grid: tuple[int, int],
        pictures: SearchedPictures,
    ) -> None:
        self._map, self._costs, self._pictures = search_map, costs, pictures
        self._block, self._grid = costs.block, grid
        self._side = costs.block * PIXELS_PER_LATENT + 2 * _MARGIN
        self._latents = latents.reshape(len(latents), -1)
        rows, columns = np.indices(grid).reshape(2, -1)
        pixels = costs.block * PIXELS_PER_LATENT
        self._corners = rows * pixels - _MARGIN, columns * pixels - _MARGIN
        still = np.zeros((rows.size, 2), dtype=np.int64)
        self._source = PictureSquares(source, self._side).at(*self._corners, still)
        inside = np.arange(costs.block)
        down, across = (side * costs.block for side in (rows, columns))
        at = (down[:, None] + inside)[:, :, None] * latents.shape[2]
        at = at + (across[:, None] + inside)[:, None]
        self._positions = at.reshape(rows.size, -1)  # (bh · bw, block²), flat

    def priced(
        self,
        reference: PictureReference,
        blocks: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.floating]]:
        """What blocks (n,), flat, would be predicted as if they came from where vectors (n, 2)
        point, (C, n, block²) in latent units, and what they would cost (n,).
        """
        latents = reference.latents.reshape(len(self._latents), -1)
        prediction = np.empty((len(latents), len(blocks), self._block**2), dtype=np.int32)
        cost = np.empty(len(blocks))
        for first in range(0, len(blocks), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            at, part = self._positions[blocks[some]], prediction[:, some]
            moves = vectors[some].any(-1)
            if moves.any():
                part[:, moves] = self._moved(reference, blocks[some][moves], vectors[some][moves])
            if not moves.all():
                part[:, ~moves] = latents[:, at[~moves]]
            cost[some] = self._costs.cheapest_at(part, at)
        return prediction, cost

    def _moved(
        self,
        reference: PictureReference,
        blocks: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.floating]:
        """(C, n, block²) in whole latent units."""
        squares = self._pictures.squares(reference, self._side)
        rows, columns = (corners[blocks] for corners in self._corners)
        lacking = (self._source[blocks] - squares.at(rows, columns, vectors)).astype(np.float32)
        side = SEARCH_SIDE
        windows = np.lib.stride_tricks.sliding_window_view(lacking, (side, side), axis=(2, 3))
        windows = windows[:, :, ::PIXELS_PER_LATENT, ::PIXELS_PER_LATENT]  # (n, 3, b, b, 16, 16)
        inputs = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, self._map.shape[1])
        mapped = (self._map @ inputs.T).reshape(len(self._map), len(blocks), -1)
        rounded: npt.NDArray[np.floating] = np.rint(
            self._latents[:, self._positions[blocks]] - mapped
        )
        return rounded

    def to_plane(
        self, values: npt.NDArray[np.int32], blocks: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Values (C, n, block²) of blocks (n,) as (C, h, w), 0 elsewhere."""
        height, width = (side * self._block for side in self._grid)
        plane = np.zeros((len(values), height * width), dtype=np.int32)
        plane[:, self._positions[blocks]] = values
        return plane.reshape(len(values), height, width)
