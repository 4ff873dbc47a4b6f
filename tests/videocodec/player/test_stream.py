"""A latent-video file in the player: pictures made up between frames, of either version."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from videocodec import VideoReader
from videocodec.player.played import Settings
from videocodec.player.stream import PlayedStream

SETTINGS = Settings(restore=False, steps=1)


@pytest.mark.parametrize("movie", ["coded_movie", "second_movie"])
def test_slow_motion_shows_what_the_reader_makes(movie: str, request) -> None:
    path = request.getfixturevalue(movie).coded
    with VideoReader(path, device="cpu", threads=1, restore=False) as reader:
        played = PlayedStream(path, reader, SETTINGS)
        try:
            assert played.describe()["between"] is True
            shown = played.between(3, Fraction(1, 4), SETTINGS)
            assert played.between(9, Fraction(1, 4), SETTINGS) is None  # a keyframe follows
            assert played.between(21, Fraction(1, 4), SETTINGS) is None  # nothing does
        finally:
            played.close()
        made = reader.at_time(float(Fraction(13, 4) / 25), interpolate=True)
    assert np.array_equal(shown, made.data.transpose(1, 2, 0))
