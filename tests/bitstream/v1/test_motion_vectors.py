"""Motion vectors as single integers, scaled, and counted once as candidates."""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.errors import BitstreamError
from bitstream.v1.motion_vectors import VectorCandidates, keys_of, scaled, vectors_of

from ...conformance.reference_v1.vectors import scaled as reference_scaled


def test_keys_behave_like_vectors() -> None:
    vectors = np.array([[0, 0], [0, -1], [-1, 0], [1, -1], [-512, 512], [70000, -70000]])
    keys = keys_of(vectors)
    assert vectors_of(keys).tolist() == vectors.tolist() and len(set(keys.tolist())) == len(keys)
    assert (vectors_of(-keys) == -vectors).all()
    assert (vectors_of(keys[:, None] + keys) == vectors[:, None] + vectors).all()


def test_candidates_are_counted_once() -> None:
    predictor = np.array([[1, 1], [1, 1], [0, 0]])
    temporal = np.array([[1, 1], [2, 2], [0, 0]])
    around = np.array(
        [
            [[0, 0], [2, 2], [0, 0]],
            [[3, -3], [5, 5], [0, 0]],
            [[0, 0], [1, 1], [0, 0]],
            [[4, 4], [6, 6], [0, 0]],
        ]
    )
    candidates = VectorCandidates(
        keys_of(predictor), keys_of(temporal), keys_of(around), np.array([2])
    )
    assert candidates.others.tolist() == [3, 3, 1]
    assert candidates.symbols(keys_of(np.array([[3, -3], [5, 5], [0, 0]]))).tolist() == [2, 2, 0]
    assert candidates.symbols(keys_of(np.array([[4, 4], [-3, 3], [0, 1]]))).tolist() == [3, 6, 6]
    assert candidates.chosen(np.array([3, 2, 1])).tolist() == [5, 3, 1]
    assert candidates.chosen(np.array([0, 6, 6])).tolist() == [0, 0, 0]
    with pytest.raises(BitstreamError, match="candidate"):
        candidates.chosen(np.array([0, 4, 0]))


@pytest.mark.parametrize(
    ("vector", "distance", "over", "expected"),
    [
        ([5, -5], 1, 2, [3, -2]),
        ([5, -5], -1, -2, [3, -2]),
        ([5, -5], 1, -2, [-2, 3]),
        ([5, -5], -1, 2, [-2, 3]),
        ([7, -7], 1, -1, [-7, 7]),
        ([7, -7], -3, -3, [7, -7]),
        ([4, -4], 2, 3, [3, -3]),
        ([300, -300], 2, -1, [-512, 512]),
    ],
)
def test_scaling(vector: list[int], distance: int, over: int, expected: list[int]) -> None:
    assert scaled(np.array(vector), distance, over).tolist() == expected
    assert reference_scaled(vector, distance, over) == expected
