"""Motion vectors: scaling to other distances, as single integers, and what a vector can be without
being new.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import BitstreamError
from .block_elements import NEW_VECTOR
from .prediction import VECTOR_LIMIT

_KEY_BITS = 32


def scaled(vectors: npt.NDArray[np.int64], distance: int, over: int) -> npt.NDArray[np.int64]:
    """Vectors to a frame ``over`` positions away → to one ``distance`` away, for steady motion:
    rounded, halves up, and limited.
    """
    if over < 0:
        distance, over = -distance, -over
    if distance == over:
        return vectors
    if distance == -over:
        return -vectors
    limited: npt.NDArray[np.int64] = np.minimum(
        np.maximum((2 * distance * vectors + over) // (2 * over), -VECTOR_LIMIT), VECTOR_LIMIT
    )
    return limited


def keys_of(vectors: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Vectors (…, 2) as one integer each, which can be added, negated, compared and moved about as
    such.
    """
    keys: npt.NDArray[np.int64] = (vectors[..., 0] << _KEY_BITS) + vectors[..., 1]
    return keys


def vectors_of(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The inverse, (…, 2)."""
    vectors = np.empty((*keys.shape, 2), dtype=np.int64)
    vectors[..., 0] = (keys + (1 << _KEY_BITS - 1)) >> _KEY_BITS
    vectors[..., 1] = keys - (vectors[..., 0] << _KEY_BITS)
    return vectors


def scaled_keys(keys: npt.NDArray[np.int64], distance: int, over: int) -> npt.NDArray[np.int64]:
    """``scaled`` of keys."""
    return -keys if distance == -over else keys_of(scaled(vectors_of(keys), distance, over))


_EARLIER = np.tri(NEW_VECTOR, k=-1, dtype=bool)[:, :, None]  # candidate, candidate before it


class VectorCandidates:
    """What a vector can be without being new: its predictor, the temporal one, and those of the
    four neighbours.

    keys (6, n); fresh (6, n) bool: not the same as an earlier one; rank (6, n): number among the
    fresh.  A predictor that is not known yet (``unknown``, indices) counts as different from all
    others.
    """

    def __init__(
        self,
        predictor: npt.NDArray[np.int64],
        temporal: npt.NDArray[np.int64],
        neighbours: npt.NDArray[np.int64],
        unknown: npt.NDArray[np.int64],
    ) -> None:
        """Keys (n,), (n,) and (4, n)."""
        keys = self.keys = np.concatenate([predictor[None], temporal[None], neighbours])
        if len(unknown):
            keys = keys.copy()
            keys[0, unknown] = 1 << 2 * _KEY_BITS - 2
        self.fresh = ~((keys[:, None] == keys) & _EARLIER).any(1)
        self.rank: npt.NDArray[np.int64] = self.fresh.cumsum(0) - 1

    @property
    def others(self) -> npt.NDArray[np.int64]:
        """(n,) how many different ones there are beside the first, 0 to 5."""
        others: npt.NDArray[np.int64] = self.rank[-1]
        return others

    def symbols(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The symbol of each vector (n,)."""
        matches = (self.keys == keys) & self.fresh
        place = matches.argmax(0)
        return np.where(matches.any(0), self.rank[place, np.arange(len(place))], NEW_VECTOR)

    def chosen(self, symbols: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which candidate each symbol (n,) means, 0 for a new vector.

        Raises ``BitstreamError`` for one that there is not.
        """
        if ((symbols > self.others) & (symbols < NEW_VECTOR)).any():
            raise BitstreamError("vector_merge names a candidate that there is not")
        chosen: npt.NDArray[np.int64] = (self.fresh & (self.rank == symbols)).argmax(0)
        return chosen
