"""What is worked out while nobody waits: bytes of every frame, damage that only decoding shows,
distance from the original.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module

from ..errors import LatentVideoError
from .played import PlayedFile
from .quality import psnr, ssim

_IDLE_SECONDS = 2.5  # without which the reader still works ahead for whoever steps
_NAP_SECONDS = 0.05
# one by one, as nobody wants to wait for all to end the player
_SLOW_IMPORTS = ("torch", "videocodec.decoder.frames")
_FAILURES = (LatentVideoError, OSError, MemoryError)
_SHOWN = 64  # frames that were shown and wait for their distance


class Survey:
    """A thread that goes through the files once: latents first, then, with an original, pictures
    of all frames in order.

    Before that it has the networks loaded, so that the page is there before PyTorch is, where that
    is needed.  Frames that are shown are compared with their originals before the others, as soon
    as the reader rests.
    """

    def __init__(self, files: Sequence[PlayedFile]) -> None:
        self._files = files
        self._stopped = threading.Event()
        self._shown: deque[tuple[PlayedFile, int]] = deque(maxlen=_SHOWN)
        for file in files:
            file.on_shown = partial(self._note_shown, file)
        self._thread = threading.Thread(target=self._work, name="player-survey", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after what it is doing."""
        self._stopped.set()
        self._thread.join()

    def _note_shown(self, file: PlayedFile, index: int) -> None:
        self._shown.append((file, index))

    def _work(self) -> None:
        if not self._load():
            return
        with suppress(*_FAILURES):  # whoever asks for a picture is told
            self._files[0].rgb(0, self._files[0].settings, by_the_way=True)
        for file in self._files:
            for step in file.weigh():
                if not self._rest():
                    return
                with suppress(*_FAILURES):
                    step()
        for file in self._files:
            for frame in range(file.frame_count if file.original is not None else 0):
                if not self._rest():
                    return
                self._compare(file, frame)
        while self._rest():
            pass

    def _load(self) -> bool:
        """Load what takes long → False when all is over meanwhile."""
        with suppress(*_FAILURES):
            if any(file.needs_pytorch() for file in self._files):
                for name in _SLOW_IMPORTS:
                    if self._stopped.is_set():
                        return False
                    import_module(name)
        return not self._stopped.is_set()

    def _rest(self) -> bool:
        """Wait until nobody asks for pictures, comparing what was shown meanwhile → False when all
        is over.
        """
        while not self._stopped.wait(_NAP_SECONDS):
            if self._shown:
                self._compare(*self._shown.pop())
            elif min(file.idle_seconds() for file in self._files) > _IDLE_SECONDS:
                return True
        return False

    def _compare(self, file: PlayedFile, index: int) -> None:
        if file.original is None or file.findings.has("quality", index):
            return
        try:
            original = file.original.rgb(index)
            if original is None:
                return
            decoded = file.rgb(index, file.settings, by_the_way=True)
        except _FAILURES:
            return
        file.findings.add_quality(index, psnr(decoded, original), ssim(decoded, original))
