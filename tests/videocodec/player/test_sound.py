"""Every sample of the sound stands at its exact time."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from videocodec.errors import InputError
from videocodec.player.sound import Sound, write_wave

RATE = 48000


def clicks(path: Path, starts: list[int], rate: int = RATE, layout: str = "stereo") -> Path:
    """A movie whose sound, without loss, consists of blocks of 4800 samples at ``starts``, each
    beginning with a click.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        for start in starts:
            samples = np.zeros((1, 4800 * stream.codec_context.channels), np.int16)
            samples[0, : stream.codec_context.channels] = 20000
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def written(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path)) as sound:
        return (
            np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(
                -1, sound.getnchannels()
            ),
            sound.getframerate(),
        )


def test_gaps_become_silence_and_what_is_too_early_goes(tmp_path) -> None:
    source = clicks(tmp_path / "gap.mkv", [0, 4800, 24000])
    write_wave(source, tmp_path / "out.wav", Fraction(0))
    samples, rate = written(tmp_path / "out.wav")
    assert rate == RATE and samples.shape == (28800, 2)
    assert np.flatnonzero(samples[:, 0] > 10000).tolist() == [0, 4800, 24000]
    write_wave(source, tmp_path / "late.wav", Fraction(1, 20))
    assert np.flatnonzero(written(tmp_path / "late.wav")[0][:, 0] > 10000).tolist() == [2400, 21600]
    write_wave(source, tmp_path / "early.wav", Fraction(-1, 10))
    assert np.flatnonzero(written(tmp_path / "early.wav")[0][:, 0] > 10000).tolist() == [
        4800,
        9600,
        28800,
    ]


@pytest.mark.parametrize(
    ("rate", "layout", "channels"),
    [(8000, "mono", 1), (44100, "stereo", 2), (96000, "stereo", 2), (48000, "5.1", 2)],
)
def test_rates_and_channels(tmp_path, rate, layout, channels) -> None:
    write_wave(
        clicks(tmp_path / "in.mkv", [0, 4800], rate, layout), tmp_path / "out.wav", Fraction(0)
    )
    samples, made = written(tmp_path / "out.wav")
    assert samples.shape[1] == channels and made == min(rate, RATE)
    assert len(samples) / made == pytest.approx(9600 / rate, abs=0.002)


def test_sound_that_cannot_be_decoded_is_reported_in_one_line(tmp_path) -> None:
    (tmp_path / "bad.mkv").write_bytes(clicks(tmp_path / "in.mkv", [0]).read_bytes()[:60])
    told: list[str] = []
    sound = Sound(tmp_path / "bad.mkv", tmp_path, Fraction(0), told.append)
    assert sound.wait() is None
    assert len(told) == 1 and "bad.mkv" in told[0] and "\n" not in told[0]


def test_giving_up_ends_the_thread(tmp_path) -> None:
    sound = Sound(
        clicks(tmp_path / "in.mkv", [4800 * n for n in range(200)]),
        tmp_path,
        Fraction(0),
        lambda line: None,
    )
    sound.close()
    assert sound.wait() is None


def test_a_file_too_long_for_a_wave_file_is_an_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("videocodec.player.sound.LARGEST", 30000)
    with pytest.raises(InputError, match="in.mkv: its sound is too long to play in a browser"):
        write_wave(clicks(tmp_path / "in.mkv", [0, 4800]), tmp_path / "out.wav", Fraction(0))
