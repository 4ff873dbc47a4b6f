"""Tiles of pictures that gradients are taken of."""

from __future__ import annotations

import numpy as np
import torch

from videocodec.encoder.picture_tiles import largest_tile, tiles_of
from videocodec.encoder.torch_decoder import source_tensor


def test_tiles_cover_every_position_once() -> None:
    for height, width in ((2, 2), (9, 10), (18, 31), (36, 64)):
        seen = np.zeros((height, width), int)
        for tile in tiles_of(height, width, 9):
            seen[tile.inner] += 1
            assert all(
                o.start <= i.start < i.stop <= o.stop and i.stop - i.start <= 9
                for i, o in zip(tile.inner, tile.outer, strict=True)
            )
        assert np.all(seen == 1)


def test_two_threads_have_a_tile_each() -> None:
    halves = [tile.inner for tile in tiles_of(36, 64, 64, 32)]
    assert halves == [(slice(0, 36), slice(0, 32)), (slice(0, 36), slice(32, 64))]
    assert [tile.inner[0] for tile in tiles_of(41, 30, 64, 32)] == [slice(0, 20), slice(20, 41)]
    assert len(tiles_of(31, 31, 64, 32)) == len(tiles_of(36, 64, 64)) == 1
    assert tiles_of(135, 240, 64, 32) == tiles_of(135, 240, 64)


def test_the_greedier_a_model_the_smaller_its_tiles() -> None:
    sides = [largest_tile(number) for number in (2000, 20_000, 100_000, 10_000_000)]
    assert sides[0] == 96 > sides[1] > sides[2] > sides[3] == 16


def test_sources_are_padded_with_their_edges() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    padded = (source_tensor(picture, 4, 5, torch.device("cpu"))[0] + 1) * 127.5
    assert padded.shape == (3, 4, 5)
    expected = np.pad(picture, ((0, 2), (0, 2), (0, 0)), mode="edge").transpose(2, 0, 1)
    assert np.allclose(padded.numpy(), expected, atol=1e-4)
