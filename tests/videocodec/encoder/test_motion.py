"""Motion search: a block at x is found where it was, x + vector, in the frame before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bitstream.v1.prediction import VECTOR_LIMIT
from videocodec.encoder.motion import MotionSearch


def search(height: int, width: int, block: int = 16) -> MotionSearch:
    return MotionSearch(block, -(-height // block), -(-width // block), flow_preset=1)


@pytest.mark.parametrize("step", [(0, 3), (2, 0), (-4, 5), (1, -6), (0, 0)])
def test_a_known_shift_is_found(
    panned: Callable[..., list[np.ndarray]], step: tuple[int, int]
) -> None:
    """A camera that moves by ``step`` finds what it sees now ``step`` further in the frame
    before.
    """
    before, now = panned(2, 96, 128, step)
    motion = search(96, 128)
    vectors = motion.vectors(motion.luma(now), motion.luma(before))
    assert (vectors.shape, vectors.dtype) == ((6, 8, 2), np.int64)
    assert np.mean((vectors[1:-1, 1:-1] == step).all(-1)) >= 0.9
    assert tuple(np.median(vectors.reshape(-1, 2), axis=0)) == step


def test_two_objects_have_two_motions(texture: Callable[..., np.ndarray]) -> None:
    left, right = texture(96, 80, 1), texture(96, 80, 2)
    before = np.concatenate([left[:, 8:72], right[:, 8:72]], 1)
    now = np.concatenate([left[:, 12:76], right[:, 5:69]], 1)
    motion = search(96, 128)
    vectors = motion.vectors(motion.luma(now), motion.luma(before))
    assert np.abs(vectors[1:-1, 1:3] - (0, 4)).max() <= 1
    assert np.abs(vectors[1:-1, 5:7] - (0, -3)).max() <= 1


def test_large_pictures_are_searched_small_and_vectors_are_still_in_their_pixels(
    panned: Callable[..., list[np.ndarray]],
) -> None:
    before, now = panned(2, 640, 960, (6, 12))
    motion = search(640, 960)
    vectors = motion.vectors(motion.luma(now), motion.luma(before))
    assert vectors.shape == (40, 60, 2)
    assert np.abs(np.median(vectors.reshape(-1, 2), axis=0) - (6, 12)).max() <= 1


def test_luma_is_padded_to_whole_blocks_with_the_edge(texture: Callable[..., np.ndarray]) -> None:
    picture = texture(33, 50, 0)
    luma = search(33, 50).luma(picture)
    assert (luma.shape, luma.dtype) == ((48, 64), np.uint8)
    assert np.array_equal(luma[33:, :50], np.repeat(luma[32:33, :50], 15, axis=0))
    assert np.array_equal(luma[:, 50:], np.repeat(luma[:, 49:50], 14, axis=1))


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (16, 16), (8, 100), (16, 256), (250, 8), (17, 31), (5, 4000)]
)
def test_tiny_and_narrow_pictures_have_a_vector_for_every_block_too(
    height: int, width: int
) -> None:
    motion = search(height, width)
    luma = motion.luma(np.zeros((height, width, 3), np.uint8))
    assert not motion.vectors(luma, luma).any()
    assert motion.novelty(luma, luma) == 0


def test_vectors_stay_where_the_format_can_express_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def wild_flow(current: np.ndarray, reference: np.ndarray) -> np.ndarray:
        return np.full((*current.shape, 2), 10000.0, np.float32)

    monkeypatch.setattr("videocodec.encoder.motion.DenseFlow", lambda preset: wild_flow)
    motion = search(64, 64)
    luma = motion.luma(np.zeros((64, 64, 3), np.uint8))
    assert np.all(motion.vectors(luma, luma) == VECTOR_LIMIT)


class TestNovelty:
    """How much of a picture cannot be had by moving another: what tells a cut from motion."""

    def test_a_still_has_none(self, texture: Callable[..., np.ndarray]) -> None:
        motion = search(96, 128)
        luma = motion.luma(texture(96, 128, 1))
        assert motion.novelty(luma, luma) == 0

    def test_neither_has_a_pan_nor_a_little_noise(
        self, panned: Callable[..., list[np.ndarray]]
    ) -> None:
        before, now = panned(2, 96, 128, (2, 3))
        motion = search(96, 128)
        assert motion.novelty(motion.luma(now), motion.luma(before)) < 0.5
        noisy = np.clip(
            before + np.random.default_rng(0).normal(0, 1, before.shape), 0, 255
        ).astype(np.uint8)
        assert motion.novelty(motion.luma(noisy), motion.luma(before)) < 0.1

    def test_another_scene_has_much_more(
        self, texture: Callable[..., np.ndarray], panned: Callable[..., list[np.ndarray]]
    ) -> None:
        motion = search(96, 128)
        a, b = (motion.luma(texture(96, 128, seed)) for seed in (1, 2))
        before, now = (motion.luma(frame) for frame in panned(2, 96, 128, (5, 5)))
        assert motion.novelty(b, a) > 3 * motion.novelty(now, before)
