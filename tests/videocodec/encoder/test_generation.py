"""Blocks left to the restoration: chosen by what it makes of them, and only where that is cheaper
than sending them.
"""

from __future__ import annotations

import numpy as np
import pytest

from videocodec.encoder.generation import BlockScene, RestoredBlocks

SENT, MISSED = 0.2, 2.0  # steps by which what is sent, and what is predicted, miss the source


def scene(mark: float = 0.5, bits: float = 3.0) -> BlockScene:
    """4 × 4 latents of two channels in blocks of 2 × 2: the upper two blocks are predicted exactly,
    the lower two badly, and cost bits.
    """
    target = np.random.default_rng(0).normal(0, 3, (2, 4, 4)).astype(np.float32)
    prediction, sent = target.copy(), target.copy()
    prediction[:, 2:] += MISSED
    sent[:, 2:] += SENT
    cost = np.array([[0.0, 0.0], [8 * SENT**2 + bits, 8 * SENT**2 + bits]])
    return BlockScene(
        target,
        prediction,
        sent,
        prediction,
        prediction,
        np.ones_like(target),
        block=2,
        cost=cost,
        mark=mark,
        quantiser=40,
    )


class Restorer:
    """Leaves the given share of the error in blocks that are made up, and what it was shown."""

    def __init__(self, share: np.ndarray) -> None:
        self._share = share.repeat(2, 0).repeat(2, 1)
        self.generate: np.ndarray | None = None

    def __call__(self, scene: BlockScene, latents: np.ndarray, generate: np.ndarray) -> np.ndarray:
        self.generate = generate
        made_up = scene.target + self._share * (latents - scene.target)
        return np.where(generate.repeat(2, 1).repeat(2, 2)[:, None], made_up, latents)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_blocks_are_made_up_where_the_restoration_finds_them_and_sent_where_it_does_not(
    share: float,
) -> None:
    restorer = Restorer(np.array([[0, 0], [share, 0]]))
    chosen = RestoredBlocks(restorer)(scene())
    assert chosen.tolist() == [[False, False], [share == 0, True]]


def test_it_is_run_as_everything_sent_and_as_all_that_costs_bits_made_up() -> None:
    restorer = Restorer(np.zeros((2, 2)))
    RestoredBlocks(restorer)(scene())
    assert restorer.generate.tolist() == [
        [[False, False], [False, False]],
        [[False, False], [True, True]],
    ]


def test_it_is_not_run_where_nothing_costs_more_than_a_mark() -> None:
    def never(*_: object) -> np.ndarray:
        raise AssertionError("no block can be cheaper")

    assert not RestoredBlocks(never)(scene(mark=4.0)).any()


def test_what_the_restoration_makes_of_sent_blocks_counts_too() -> None:
    """Made up the blocks miss by half a step, which costs 2, and are worth it against bits for 3
    unless sending leaves less than 5.
    """

    def restore(scene: BlockScene, latents: np.ndarray, generate: np.ndarray) -> np.ndarray:
        return np.stack(
            [scene.target + missed for _, missed in zip(latents, (kept, 0.5), strict=True)]
        )

    kept = 0.0
    assert RestoredBlocks(restore)(scene(bits=3.0)).sum() == 2
    assert RestoredBlocks(restore)(scene(bits=2.4)).sum() == 0
    kept = 0.3
    assert RestoredBlocks(restore)(scene(bits=2.4)).sum() == 2
