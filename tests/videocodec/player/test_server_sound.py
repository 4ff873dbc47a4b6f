"""The sound as the player serves it: one WAV file, whole or in parts."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest


class TestSound:
    def test_it_is_a_wave_file_of_the_whole_sound(self, player) -> None:
        answer = player.get("/api/sound")
        assert (
            answer.status == 200
            and answer.headers["content-type"] == "audio/wav"
            and answer.headers["accept-ranges"] == "bytes"
        )
        with wave.open(io.BytesIO(answer.body)) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (
                48000,
                2,
                2,
            )
            assert sound.getnframes() / 48000 == pytest.approx(0.9, abs=0.05)
            assert np.frombuffer(sound.readframes(48000), "<i2").std() > 300

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-0", 0, 0),
            ("bytes=100-199", 100, 199),
            ("bytes=44-", 44, None),
            ("bytes=-100", -100, None),
        ],
    )
    def test_parts_of_it(self, player, asked, first, last) -> None:
        whole = player.get("/api/sound").body
        answer = player.get("/api/sound", Range=asked)
        assert answer.status == 206
        assert answer.body == (whole[first : last + 1] if last is not None else whole[first:])
        begin = first % len(whole)
        assert (
            answer.headers["content-range"]
            == f"bytes {begin}-{begin + len(answer.body) - 1}/{len(whole)}"
        )

    @pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=5-2", "lines=1-2", "bytes=a-b"])
    def test_parts_that_there_are_not(self, player, asked) -> None:
        assert player.get("/api/sound", Range=asked).status in (200, 400, 416)

    def test_a_clip_without_sound(self, play, generated_movie) -> None:
        with play(generated_movie) as silent:
            assert silent.get("/api/clip").json["sound"] is False
            assert silent.get("/api/sound").status == 404
