"""A latent-video file in the player: pictures made up between frames, of either version."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from videocodec import VideoReader, encode
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


def test_the_page_gets_the_words_with_their_times(panned, write_movie, tmp_path: Path) -> None:
    movie = write_movie(tmp_path / "a.mp4", panned(2, 32, 48, (1, 1)))
    words, coded = tmp_path / "words.txt", tmp_path / "a.lv.mp4"
    words.write_text("0 a first frame\n0.04 a second\n")
    options = {"crf": 50, "preset": "ultrafast", "device": "cpu", "model": "embedded"}
    encode(movie, coded, caption_file=words, **options)
    with VideoReader(coded, device="cpu", threads=1) as reader:
        played = PlayedStream(coded, reader, SETTINGS)
        try:
            found = played.describe()["captions"]
        finally:
            played.close()
    assert found == [[0.0, "a first frame"], [0.04, "a second"]]
