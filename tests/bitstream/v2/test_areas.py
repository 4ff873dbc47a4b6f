"""Areas hold what they are to hold, and in every row nothing on either side of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bitstream.v2.areas import Area


def mask_of(area: Area) -> np.ndarray:
    columns = np.arange(area.width)
    mask: np.ndarray = (columns >= area.starts[:, None]) & (columns < area.ends[:, None])
    return mask


def hull(mask: np.ndarray) -> np.ndarray:
    """With all that lies between the first and the last of every row."""
    before = np.maximum.accumulate(mask, 1)
    after = np.maximum.accumulate(mask[:, ::-1], 1)[:, ::-1]
    found: np.ndarray = before & after
    return found


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(mask, by)
    height, width = mask.shape
    near = [
        padded[down : down + height, across : across + width]
        for down in range(2 * by + 1)
        for across in range(2 * by + 1)
    ]
    found: np.ndarray = np.any(near, axis=0)
    return found


@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    by=st.integers(0, 4),
)
def test_areas_are_those_of_masks(seed: int, size: tuple[int, int], share: float, by: int) -> None:
    mask = np.random.default_rng(seed).random(size) < share
    area, (height, width) = Area.around(mask), size
    assert np.array_equal(mask_of(area), hull(mask))
    assert np.array_equal(mask_of(area.grown(by)), hull(grown(hull(mask), by)))
    even = np.pad(hull(mask), ((0, height % 2), (0, width % 2)))
    halves = even.reshape(-(-height // 2), 2, -(-width // 2), 2).any((1, 3))
    assert np.array_equal(mask_of(area.coarser()), hull(halves))
    doubled = hull(mask).repeat(2, 0).repeat(2, 1)
    for rows, columns in ((2 * height, 2 * width), (2 * height - 1, 2 * width - 1)):
        assert np.array_equal(mask_of(area.finer(rows, columns)), doubled[:rows, :columns])
    places = np.concatenate([np.arange(*one) for one in area.segments()] or [np.zeros(0, int)])
    assert np.array_equal(places, np.flatnonzero(hull(mask)))
