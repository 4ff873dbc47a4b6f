"""The sound of a latent-video file as one WAV file, which every browser plays and in which every
sample has its exact time.
"""

from __future__ import annotations

import os
import threading
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bitstream.container.media_input import open_input

from ..errors import InputError, LatentVideoError

_HIGHEST_RATE = 48000
_SAMPLE_BYTES = 2
LARGEST = (1 << 32) - (1 << 16)  # the sizes in a WAV file have 32 bits
_SILENCE_AT_ONCE = 1 << 16  # samples


def write_wave(
    path: str | Path, target: Path, start: Fraction, *, stop: Callable[[], bool] = lambda: False
) -> None:
    """Decode the first audio track of ``path`` into ``target``: 16 bits, one or two channels, at
    most 48 kHz.

    start: the time, in seconds of the file, of the first sample written: what comes before is left
    out, and gaps become silence, so that sample n is what sounds at start + n / rate.  stop: asked
    now and then; true ends the work where it is.

    Raises ``InputError`` where the sound cannot be decoded, and when it is longer than a WAV file
    holds (six hours at 48 kHz).
    """
    with open_input(path) as container:
        track = container.streams.audio[0]
        if track.codec_context is None:
            raise InputError(f"{path}: no decoder for its sound: it plays silently")
        rate = min(track.codec_context.sample_rate, _HIGHEST_RATE)
        layout = "mono" if track.codec_context.channels == 1 else "stereo"
        channels = 1 if layout == "mono" else 2
        with wave.open(os.fspath(target), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(_SAMPLE_BYTES)
            out.setframerate(rate)
            resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
            track_writer = _Timeline(out, rate, channels, start, path)
            try:
                for decoded in container.decode(track):
                    if stop():
                        return
                    for frame in resampler.resample(decoded):
                        track_writer.write(frame)
                for frame in resampler.resample(None):
                    track_writer.write(frame)
            except av.error.FFmpegError as error:
                if not track_writer.written:
                    raise InputError(
                        f"{path}: its sound cannot be decoded ({error.strerror}): it plays silently"
                    ) from error
                # Damage later on ends the sound there; the pictures go on.


class _Timeline:
    """Puts blocks of samples where their timestamps say."""

    def __init__(
        self, out: wave.Wave_write, rate: int, channels: int, start: Fraction, path: str | Path
    ) -> None:
        self._out, self._rate, self._channels, self._start, self._path = (
            out,
            rate,
            channels,
            start,
            path,
        )
        self.written = 0  # samples of each channel

    def write(self, frame: av.AudioFrame) -> None:
        samples = frame.to_ndarray().reshape(-1, self._channels)
        at = (
            self.written
            if frame.pts is None or frame.time_base is None
            else round((frame.pts * Fraction(frame.time_base) - self._start) * self._rate)
        )
        if abs(at - self.written) <= 1:  # rounding of the time base, not a gap
            at = self.written
        if at < self.written:
            samples = samples[self.written - at :]
        else:
            self._silence(at - self.written)
        self._put(np.ascontiguousarray(samples))

    def _silence(self, count: int) -> None:
        block = np.zeros((_SILENCE_AT_ONCE, self._channels), dtype="<i2")
        while count > 0:
            self._put(block[:count])
            count -= len(block)

    def _put(self, samples: np.ndarray) -> None:
        if (self.written + len(samples)) * self._channels * _SAMPLE_BYTES > LARGEST:
            raise InputError(
                f"{self._path}: its sound is too long to play in a browser: decode the file instead"
            )
        self._out.writeframesraw(samples.astype("<i2", copy=False).tobytes())
        self.written += len(samples)


class Sound:
    """The sound of a file, made in a thread of its own while the page already shows pictures.

    folder: where the WAV file goes.  on_failure: called with one line if there will be no sound.
    """

    def __init__(
        self, path: str | Path, folder: Path, start: Fraction, on_failure: Callable[[str], None]
    ) -> None:
        self._target, self._stopped, self._failed = folder / "sound.wav", threading.Event(), False
        self._path, self._start, self._on_failure = path, start, on_failure
        self._thread = threading.Thread(target=self._work, name="player-sound", daemon=True)
        self._thread.start()

    def wait(self) -> Path | None:
        """The finished file, None if it could not be made."""
        self._thread.join()
        return None if self._failed or self._stopped.is_set() else self._target

    def close(self) -> None:
        """Give up what is not finished."""
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            write_wave(self._path, self._target, self._start, stop=self._stopped.is_set)
        except (LatentVideoError, OSError, av.error.FFmpegError) as error:
            self._failed = True
            self._on_failure(" ".join(str(error).split()))
