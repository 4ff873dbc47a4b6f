"""Moved pictures that kernels put together are what NumPy puts together."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.crew import Crew, helped
from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v2.loop_arithmetic import MIDDLE
from bitstream.v2.moved_pictures import InterpolatedPicture
from bitstream.v2.overlapped_blocks import OverlappedBlocks

from .numpy_alone import both


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.tuples(st.integers(1, 5), st.integers(1, 6)),
    block=st.sampled_from([1, 2, 4]),
    reach=st.sampled_from([0, 1, 9, 50, 512]),
    alike=st.sampled_from([0.0, 0.5, 0.9]),
    used=st.sampled_from([(0,), (1,), (0, 1)]),
)
def test_pictures_are_the_same(
    seed: int,
    size: tuple[int, int],
    block: int,
    reach: int,
    alike: float,
    used: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(seed)
    fields = BlockFields.blank(*size, Mode.SKIP)
    directions = {(0,): [Direction.PAST], (1,): [Direction.FUTURE]}.get(used, list(Direction))
    fields.directions = rng.choice(directions, size)
    fields.vectors = rng.integers(-reach, reach + 1, (2, *size, 2))
    fields.vectors[:, rng.random(size) < alike] = fields.vectors[0, 0, 0]
    height, width = (8 * block * blocks for blocks in size)
    # The outermost samples often, since sums of taps are largest there.
    noise = rng.integers(-400, 2 * MIDDLE + 401, (2, 3, height, width))
    pictures = np.clip(noise, 0, 2 * MIDDLE).astype(np.int16)

    def moved() -> np.ndarray:
        made = {n: InterpolatedPicture(pictures[n], fields.vectors[n]) for n in used}
        return OverlappedBlocks(fields, made, block).picture()

    numpy, compiled = both(moved)
    assert np.array_equal(numpy, compiled)


def test_a_picture_that_may_not_be_written_to() -> None:
    fields = BlockFields.blank(2, 2, Mode.SKIP)
    picture = np.random.default_rng(0).integers(0, 1021, (3, 16, 16)).astype(np.int16)
    picture.flags.writeable = False
    made = {0: InterpolatedPicture(picture, fields.vectors[0])}
    numpy, compiled = both(lambda: OverlappedBlocks(fields, made, 1).picture())
    assert np.array_equal(numpy, picture) and np.array_equal(compiled, picture)


def test_threads_that_help_put_the_same_together() -> None:
    rng, crew = np.random.default_rng(1), Crew(2)
    fields = BlockFields.blank(20, 30, Mode.SKIP)
    fields.directions[:] = Direction.AVERAGE
    fields.vectors = rng.integers(-30, 31, (2, 20, 30, 2))
    pictures = rng.integers(0, 1021, (2, 3, 160, 240)).astype(np.int16)
    made = {n: InterpolatedPicture(pictures[n], fields.vectors[n]) for n in (0, 1)}
    crew.begin()
    try:
        with helped(crew):
            for _ in range(8):
                numpy, compiled = both(lambda: OverlappedBlocks(fields, made, 1).picture())
                assert np.array_equal(numpy, compiled)
    finally:
        crew.dismiss()
