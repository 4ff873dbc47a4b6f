"""What blocks would be predicted as, and cost, from where vectors point in the picture of a
reference: what their pixels lack of the source's goes through a linear map, and is taken off the
frame's latents.

The map is rounded to integers, so that NumPy and compiled code find the same.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import cached_property
from threading import Lock, RLock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.prediction import average
from bitstream.v2.inter_tables import SEARCH_SIDE
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import Picture
from bitstream.v2.prediction import PictureReference

from . import compiled
from .block_costs import FrameCosts
from .block_matching import MatchedLuma, luma_of
from .crew import ALONE, Crew
from .picture_squares import PictureSquares

_Made = TypeVar("_Made")
Predictions = npt.NDArray[np.int32]  # (n, block², C) of blocks, in latent units
_MARGIN = (SEARCH_SIDE - PIXELS_PER_LATENT) // 2  # px
_AT_ONCE = 512  # blocks, which stay in a core's cache
_SHARE = 4096  # blocks of one thread: some milliseconds
_LARGEST_WEIGHT, _LARGEST_SUM, _MOST_BITS = (1 << 15) - 1, (1 << 31) - 1, 24


class SearchMap:
    """``InterTables.search_map`` (C, inputs) in integers of 16 bits, whose sums 32 bits hold.

    weights (C, inputs) int16; bias, shift (C,): added before, and bits dropped after a product.
    """

    def __init__(self, search_map: npt.NDArray[np.float32]) -> None:
        exact = search_map.astype(np.float64)
        largest = np.maximum(np.abs(exact).max(1), 1e-9)
        sums = np.maximum(np.abs(exact).sum(1), 1e-9) * 2 * MIDDLE
        # Half of the sum is left for the bias and for what rounding adds.
        room = np.minimum(_LARGEST_WEIGHT / largest, _LARGEST_SUM / 2 / sums)
        self.shift = np.clip(np.floor(np.log2(room)), 0, _MOST_BITS).astype(np.int64)
        scaled = np.rint(np.ldexp(exact, self.shift[:, None]))
        self.weights = np.clip(scaled, -_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int16)
        self.bias = (1 << self.shift) >> 1
        self._exact = self.weights.T.astype(np.float64)

    def __call__(self, inputs: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
        """(n, inputs) → (n, C), rounded."""
        sums = (inputs.astype(np.float64) @ self._exact).astype(np.int64)
        mapped: npt.NDArray[np.int64] = (sums + self.bias) >> self.shift
        return mapped

    @cached_property
    def packed(self) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
        """Weights, and bias and shift, as kernels take them; only where there are some."""
        kernels = compiled.kernels()
        assert kernels is not None
        packed: tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]] = kernels.packed(
            self.weights, self.bias, self.shift
        )
        return packed


def apart(one: Picture, other: Picture) -> float:
    """Grey levels between two pictures in the mean."""
    return float(cv2.absdiff(luma_of(one), luma_of(other)).mean())


class SearchedPictures:
    """What a search makes of the pictures of references, once for each as long as it lives."""

    def __init__(self) -> None:
        self._squares: MutableMapping[PictureReference, PictureSquares] = WeakKeyDictionary()
        self._luma: MutableMapping[PictureReference, MatchedLuma] = WeakKeyDictionary()
        self._latents: MutableMapping[PictureReference, Predictions] = WeakKeyDictionary()
        self._lacking: MutableMapping[PictureReference, float] = WeakKeyDictionary()
        self._locks: MutableMapping[PictureReference, Any] = WeakKeyDictionary()
        self._lock = Lock()

    def latents(
        self,
        reference: PictureReference,
        by_block: Callable[[npt.NDArray[np.int32]], Predictions],
    ) -> Predictions:
        """The reference's own, block by block; by_block: of a plane (C, h, w)."""
        return self._once(self._latents, reference, lambda: by_block(reference.latents))

    def picture(self, reference: PictureReference) -> Picture:
        """Of the reference."""
        with self._lock_of(reference):
            return reference.picture

    def lacking(self, reference: PictureReference, source: Picture) -> float:
        """Of the reference's source: ``apart``."""
        return self._once(self._lacking, reference, lambda: apart(reference.picture, source))

    def squares(self, reference: PictureReference, side: int) -> PictureSquares:
        """Squares of so many px a side."""
        return self._once(self._squares, reference, lambda: PictureSquares(reference.picture, side))

    def luma(self, reference: PictureReference, block: int) -> MatchedLuma:
        """To match blocks of so many px a side with."""
        return self._once(
            self._luma, reference, lambda: MatchedLuma(luma_of(reference.picture), block)
        )

    def _once(
        self,
        known: MutableMapping[PictureReference, _Made],
        reference: PictureReference,
        make: Callable[[], _Made],
    ) -> _Made:
        """Frames that are searched at the same time may ask at once: one of them makes it."""
        with self._lock_of(reference):
            if reference not in known:
                known[reference] = make()
            return known[reference]

    def _lock_of(self, reference: PictureReference) -> Any:
        with self._lock:
            return self._locks.setdefault(reference, RLock())


class PicturePrices:
    """Prices blocks of one frame by the references' pictures.

    source: the frame's picture; latents (C, h, w): those of it, in latent units; costs: of its
    blocks; grid: rows and columns of blocks.
    kernels: that it uses, None for none.
    copies: blocks that stand still are told by their latents, which are known, and not as others
    are.
    crew: threads that share many blocks.
    """

    copies = True
    crew: Crew = ALONE

    def __init__(
        self,
        source: Picture,
        latents: np.ndarray,
        search_map: SearchMap,
        costs: FrameCosts,
        grid: tuple[int, int],
        pictures: SearchedPictures,
    ) -> None:
        self._map, self._costs, self._pictures = search_map, costs, pictures
        self._block, self._grid = costs.block, grid
        self._side = costs.block * PIXELS_PER_LATENT + 2 * _MARGIN
        rows, columns = np.indices(grid).reshape(2, -1)
        pixels = costs.block * PIXELS_PER_LATENT
        self._corners = rows * pixels - _MARGIN, columns * pixels - _MARGIN
        margins = (_MARGIN, _MARGIN)
        self._source = np.pad(source, ((0, 0), margins, margins), mode="edge")
        inside = np.arange(costs.block)
        down, across = (side * costs.block for side in (rows, columns))
        at = (down[:, None] + inside)[:, :, None] * latents.shape[2]
        at = at + (across[:, None] + inside)[:, None]
        self._positions = at.reshape(rows.size, -1)  # (bh · bw, block²), flat
        self._latents = self.by_block(np.rint(latents).astype(np.int32))
        kernels = compiled.kernels()
        # Kernels are for blocks of one position, which is what the encoder has.
        usable = kernels is not None and kernels.squares is not None and costs.block == 1
        self.kernels = kernels if usable else None

    @cached_property
    def _scene(self) -> tuple[np.ndarray, ...]:
        """Of ``FrameCosts``, by block."""
        return self._costs.scene

    def by_block(self, plane: npt.NDArray[np.int32]) -> Predictions:
        """A plane (C, h, w) block by block, (bh · bw, block², C)."""
        by_position = plane.reshape(len(plane), -1).T
        if self._block == 1:
            return np.ascontiguousarray(by_position)[:, None]
        found: Predictions = np.ascontiguousarray(by_position[self._positions])
        return found

    def to_plane(self, values: Predictions) -> npt.NDArray[np.int32]:
        """The inverse."""
        height, width = (side * self._block for side in self._grid)
        if self._block == 1:
            return np.ascontiguousarray(values[:, 0].T).reshape(-1, height, width)
        plane = np.empty((height * width, values.shape[2]), dtype=np.int32)
        plane[self._positions] = values
        return np.ascontiguousarray(plane.T).reshape(-1, height, width)

    def priced(
        self,
        reference: PictureReference,
        blocks: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> tuple[Predictions, npt.NDArray[np.float64]]:
        """What blocks (n,), flat, would be predicted as if they came from where vectors (n, 2)
        point, and what they would cost (n,).
        """
        prediction = np.empty((len(blocks), *self._latents.shape[1:]), dtype=np.int32)
        cost = np.empty(len(blocks))
        if self.kernels is not None:
            pricing, priced = self.pricing(reference), self.kernels.squares.priced
            vectors = np.ascontiguousarray(vectors)

            def work(some: slice) -> None:
                priced(pricing, blocks[some], vectors[some], prediction[some, 0], cost[some])

            starts = range(0, len(blocks), _SHARE)
            self.crew.map(work, [slice(start, start + _SHARE) for start in starts])
            return prediction, cost
        copied = self._pictures.latents(reference, self.by_block)
        for first in range(0, len(blocks), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            at, part = blocks[some], prediction[some]
            moves = vectors[some].any(-1) | (not self.copies)
            if moves.any():
                part[moves] = self._moved(reference, at[moves], vectors[some][moves])
            part[~moves] = copied[at[~moves]]
            cost[some] = self._cheapest(part, at)
        return prediction, cost

    def pricing(self, reference: PictureReference) -> tuple[Any, ...]:
        """What kernels price blocks by (``compiled.squares.priced``)."""
        squares = self._pictures.squares(reference, self._side)
        copied = self._pictures.latents(reference, self.by_block)
        _, height, width = self._source.shape
        of_source = height * width, width
        return (
            self._source.reshape(-1),
            squares.samples,
            self.copies,
            (self._grid[1], *squares.geometry, PIXELS_PER_LATENT, _MARGIN, *of_source),
            self._latents[:, 0],
            copied[:, 0],
            self._map.packed,
            *self._scene,
        )

    def averaged(
        self, past: Predictions, future: Predictions
    ) -> tuple[Predictions, npt.NDArray[np.float64]]:
        """The average of two predictions of all blocks, and what they would cost (bh · bw,)."""
        if self.kernels is not None:
            both, cost = np.empty_like(past), np.empty(len(past))
            self.kernels.squares.averaged(past[:, 0], future[:, 0], *self._scene, both[:, 0], cost)
            return both, cost
        both = average(past, future)
        return both, self._cheapest(both, np.arange(len(both))).astype(np.float64)

    def _cheapest(
        self, prediction: Predictions, blocks: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.floating]:
        return self._costs.cheapest_at(prediction.transpose(2, 0, 1), self._positions[blocks])

    def _moved(
        self,
        reference: PictureReference,
        blocks: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """(n, block², C)."""
        squares = self._pictures.squares(reference, self._side)
        rows, columns = (corners[blocks] for corners in self._corners)
        side = self._side, self._side
        windows = np.lib.stride_tricks.sliding_window_view(self._source, side, axis=(1, 2))
        own = windows[:, rows + _MARGIN, columns + _MARGIN].swapaxes(0, 1)
        lacking = own - squares.at(rows, columns, vectors)
        side = SEARCH_SIDE, SEARCH_SIDE
        windows = np.lib.stride_tricks.sliding_window_view(lacking, side, axis=(2, 3))
        windows = windows[:, :, ::PIXELS_PER_LATENT, ::PIXELS_PER_LATENT]  # (n, 3, b, b, 16, 16)
        inputs = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, self._map.weights.shape[1])
        return self._latents[blocks] - self._map(inputs).reshape(
            len(blocks), -1, len(self._map.shift)
        )
