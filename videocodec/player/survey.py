"""What is worked out while nobody waits: bytes of every frame, damage that only decoding shows,
distance from the original.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from importlib import import_module

from ..errors import LatentVideoError
from .quality import psnr, ssim
from .stream import PlayedStream, Settings

_IDLE_SECONDS = 2.5  # without which the reader still works ahead for whoever steps
_NAP_SECONDS = 0.05
# one by one, as nobody wants to wait for all to end the player
_SLOW_IMPORTS = ("torch", "diffusers", "videocodec.decoder.frames")
_FAILURES = (LatentVideoError, OSError, MemoryError)
_SHOWN = 64  # frames that were shown and wait for their distance


class Survey:
    """A thread that goes through a stream once: latents first, then, with an original, pictures of
    all frames in order.

    Before that it has the networks loaded, so that the page is there before PyTorch is.  Frames
    that are shown are compared with their originals before the others, as soon as the reader rests.
    """

    def __init__(self, stream: PlayedStream, settings: Settings) -> None:
        self._stream, self._settings = stream, settings
        self._stopped = threading.Event()
        self._shown: deque[int] = deque(maxlen=_SHOWN)
        stream.on_shown = self._shown.append
        self._thread = threading.Thread(target=self._work, name="player-survey", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after what it is doing."""
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        for name in _SLOW_IMPORTS:
            if self._stopped.is_set():
                return
            import_module(name)
        with suppress(*_FAILURES):  # whoever asks for a picture is told
            self._stream.frame(0, self._settings, by_the_way=True)
        for unit in range(len(self._stream.index.units)):
            if not self._rest():
                return
            self._weigh(unit)
        self._stream.note_damage()
        for frame in range(self._stream.frame_count if self._stream.has_original else 0):
            if not self._rest():
                return
            self._compare(frame)
        while self._rest():
            pass

    def _rest(self) -> bool:
        """Wait until nobody asks for pictures, comparing what was shown meanwhile → False when all
        is over.
        """
        while not self._stopped.wait(_NAP_SECONDS):
            if self._shown and self._stream.has_original:
                self._compare(self._shown.pop())
            elif self._stream.idle_seconds() > _IDLE_SECONDS:
                return True
        return False

    def _weigh(self, number: int) -> None:
        for frame in self._stream.index.units[number].frames:
            if not self._stream.findings.has("bytes", frame):
                try:
                    self._stream.details(frame)
                except _FAILURES:
                    return

    def _compare(self, index: int) -> None:
        if self._stream.findings.has("quality", index):
            return
        try:
            original = self._stream.original_rgb(index)
            if original is None:
                return
            decoded = self._stream.frame(index, self._settings, by_the_way=True).data.transpose(
                1, 2, 0
            )
        except _FAILURES:
            return
        self._stream.findings.add_quality(index, psnr(decoded, original), ssim(decoded, original))
