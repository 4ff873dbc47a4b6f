"""What vector fields have in common, so that it is priced once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def first_alike(keys: np.ndarray, wanted: np.ndarray) -> npt.NDArray[np.int64]:
    """(n, blocks): the first of n fields that has the same key in a block, of those that are wanted
    there; -1 where the field itself is not.
    """
    first = np.where(wanted, np.arange(len(keys))[:, None], -1)
    for index in range(1, len(keys)):
        for earlier in reversed(range(index)):
            alike = wanted[index] & wanted[earlier] & (keys[index] == keys[earlier])
            first[index][alike] = first[earlier][alike]
    return first


def rows_of(
    first: npt.NDArray[np.int64], blocks: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    """(n, blocks): where each block's is among what was priced, one field's blocks after another's;
    -1 where it is not wanted.
    """
    rows, begin = np.full(first.shape, -1), 0
    for index, at in enumerate(blocks):
        rows[index, at] = np.arange(begin, begin + len(at))
        begin += len(at)
        known = np.flatnonzero((first[index] >= 0) & (first[index] < index))
        rows[index, known] = rows[first[index, known], known]
    return rows
