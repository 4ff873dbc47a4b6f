"""Neighbours along the coded motion: which vectors are used, how they are scaled, and where groups
of pictures end.
"""

from __future__ import annotations

import numpy as np
import pytest

from bitstream.v1.block_fields import BlockFields, Direction, Mode
from bitstream.v1.frame_coder import LatentFrame
from videocodec.decoded import DecodedLatents
from videocodec.decoder.latents import LatentStream
from videocodec.restoration.neighbours import neighbours

BLOCK = 2
ROWS, COLUMNS = 4, 6  # blocks


def frame(
    index: int,
    references: tuple[int | None, int | None],
    past: tuple[int, int] = (0, 0),
    future: tuple[int, int] = (0, 0),
    direction: Direction = Direction.PAST,
    mode: Mode = Mode.SKIP,
) -> DecodedLatents:
    """A frame of random latents whose blocks all say the same."""
    fields = BlockFields.blank(ROWS, COLUMNS, mode)
    fields.directions[:] = direction
    fields.vectors[0], fields.vectors[1] = past, future
    latents = (
        np.random.default_rng(index)
        .integers(-200, 200, (4, ROWS * BLOCK, COLUMNS * BLOCK))
        .astype(np.int16)
    )
    kind = "keyframe" if references == (None, None) else "inter"
    quantisers = np.full(latents.shape[1:], 40, np.uint8)
    return DecodedLatents(
        LatentFrame(latents, fields, 40, 0.0, 0.0),
        index,
        1,
        kind,
        1.0,
        quantisers,
        index,
        references,
    )


def moved(source: DecodedLatents, dy: int, dx: int) -> np.ndarray:
    """Latents at (y + dy, x + dx), the edge repeated; whole latents, which phase filters copy."""
    _, height, width = source.latent.latents.shape
    rows, columns = (
        np.clip(np.arange(height) + dy, 0, height - 1),
        np.clip(np.arange(width) + dx, 0, width - 1),
    )
    return source.latent.latents[:, rows][:, :, columns]


@pytest.fixture
def around(linear_codec):
    """around(frames, index) → (before, after)."""
    return lambda frames, index: neighbours(linear_codec.tables, frames, index, BLOCK)


def test_a_frame_between_its_references_uses_its_own_vectors(around) -> None:
    frames = [
        frame(0, (None, None)),
        frame(1, (0, 2), (8, 0), (0, -16), Direction.AVERAGE),
        frame(2, (0, None)),
    ]
    before, after = around(frames, 1)
    assert np.array_equal(before, moved(frames[0], 1, 0))
    assert np.array_equal(after, moved(frames[2], 0, -2))


def test_vectors_to_far_references_are_scaled_by_the_distance(around) -> None:
    frames = [frame(i, (None, None) if i == 0 else (0, None)) for i in range(5)]
    frames[4] = frame(4, (0, None), past=(0, 64))
    before, _ = around(frames, 4)
    assert np.array_equal(before, moved(frames[3], 0, 2))


def test_a_neighbour_that_refers_to_the_frame_says_more_than_scaling(around) -> None:
    frames = [
        frame(0, (None, None)),
        frame(1, (0, 2), (8, 0), (0, 24), Direction.AVERAGE),
        frame(2, (0, None), past=(64, 64)),
    ]
    before, _ = around(frames, 2)
    assert np.array_equal(before, moved(frames[1], 0, -3))
    _, after = around(frames, 0)
    assert np.array_equal(after, moved(frames[1], -1, 0))


@pytest.mark.parametrize(
    ("direction", "expected"),
    [(Direction.FUTURE, ((0, -1), (0, 1))), (Direction.PAST, ((2, 0), (-2, 0)))],
)
def test_what_a_block_does_not_have_is_mirrored(
    around, direction: Direction, expected: tuple
) -> None:
    frames = [
        frame(0, (None, None)),
        frame(1, (0, 2), (16, 0), (0, 8), direction),
        frame(2, (0, None)),
    ]
    before, after = around(frames, 1)
    assert np.array_equal(before, moved(frames[0], *expected[0]))
    assert np.array_equal(after, moved(frames[2], *expected[1]))


def test_intra_blocks_stay_where_they_are(around) -> None:
    frames = [
        frame(0, (None, None)),
        frame(1, (0, 2), (16, 0), (0, 8), Direction.AVERAGE, Mode.INTRA),
        frame(2, (0, None)),
    ]
    before, after = around(frames, 1)
    assert np.array_equal(before, frames[0].latent.latents)
    assert np.array_equal(after, frames[2].latent.latents)


def test_at_the_ends_and_at_keyframes_the_frame_itself_stands_in(around) -> None:
    frames = [
        frame(0, (None, None)),
        frame(1, (0, None), (8, 8)),
        frame(2, (None, None)),
        frame(3, (2, None)),
    ]
    assert np.array_equal(around(frames, 0)[0], frames[0].latent.latents)
    assert np.array_equal(around(frames, 1)[1], frames[1].latent.latents)
    assert np.array_equal(around(frames, 2)[0], frames[2].latent.latents)
    assert np.array_equal(around(frames, 3)[1], frames[3].latent.latents)


def test_neighbours_of_a_real_stream_look_like_the_frame(coded_movie) -> None:
    """Compensated, they are nearer than they are where they stand."""
    stream = LatentStream(coded_movie.coded)
    frames, still, compensated = list(stream.frames()), 0.0, 0.0
    for i in range(1, 9):
        found = neighbours(stream.bundle.tables, frames, i, stream.header.block_latents)
        own = frames[i].latent.latents.astype(float)
        for other, near in zip((i - 1, i + 1), found, strict=True):
            still += np.square(frames[other].latent.latents - own).mean()
            compensated += np.square(near - own).mean()
    assert compensated < 0.7 * still
