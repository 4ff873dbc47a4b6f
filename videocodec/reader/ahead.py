"""Working ahead in a thread: the next pictures in the direction someone steps, then what makes later jumps quick."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ..decoder.index import StreamIndex
from ..errors import DamagedFrameError, VideoCodecError
from .cache import Cache, Kind
from .latents import LatentSource
from .pictures import PictureSource

_PICTURES_AHEAD = 12
_STRIDE = 8  # frames; a step further than that is a jump, after which nobody knows the direction
_STATE_BYTES = 1 << 18  # about what the state of an entropy decoder takes at 512×288


class ReadAhead:
    """A thread that decodes, while nobody waits for anything:

    1. the pictures after the one asked for last, in the direction of the last step;
    2. the latents of the access unit after those;
    3. the rest of the stream's latents once through, nearest first, to keep the state of the entropy decoder at the borders of
       access units as far as memory allows.

    It starts with the first ``note`` and gives way to whoever asks: between ``begin`` and ``end`` it starts nothing new.
    """

    def __init__(self, index: StreamIndex, latents: LatentSource, cache: Cache) -> None:
        self._index, self._latents, self._cache = index, latents, cache
        self._changed = threading.Condition()
        self._wish: tuple[PictureSource, int, int] | None = None  # whose pictures, which frame, which direction
        self._asking = 0
        self._stopped = False
        self._made: set[tuple[Kind, int]] = set()  # since the last wish
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Someone begins to wait for a frame."""
        with self._changed:
            self._asking += 1

    def end(self) -> None:
        """Someone has got it."""
        with self._changed:
            self._asking -= 1
            self._changed.notify_all()

    def note(self, pictures: PictureSource, frame: int) -> None:
        """A picture was asked for."""
        with self._changed:
            if self._stopped:
                return
            direction = 1
            if self._wish is not None and 0 < abs(frame - self._wish[1]) <= _STRIDE:
                direction = 1 if frame > self._wish[1] else -1
            elif self._wish is not None and frame == self._wish[1]:
                direction = self._wish[2]
            self._wish = pictures, frame, direction
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="videocodec-reader", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        with self._changed:
            self._stopped = True
            self._wish = None
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        done: tuple[PictureSource, int, int] | None = None
        current: tuple[PictureSource, int, int] | None = None
        while True:
            with self._changed:
                while not self._stopped and (self._asking or self._wish is None or self._wish == done):
                    self._changed.wait()
                if self._stopped:
                    return
                wish = self._wish
            if wish != current:
                current = wish
                self._made.clear()
            try:
                busy = self._one_task(*wish)
            except DamagedFrameError:
                busy = True  # marked as such in the index by now
            except (VideoCodecError, ValueError, OSError):
                busy = False  # whoever asks for that frame is told
            if not busy:
                done = wish

    def _one_task(self, pictures: PictureSource, frame: int, direction: int) -> bool:
        """Do the most urgent thing, for a fraction of a second → whether there was any.

        What has to be made a second time for the same wish was pushed out of the memory: then there is too little for more.
        """
        last = frame + direction * _PICTURES_AHEAD
        for number in range(frame + direction, last + direction, direction):
            if self._is_sound(number) and not pictures.has(number):
                unit = self._index.unit_of(number).number
                if not self._cache.has(Kind.LATENTS, unit):
                    return self._fetch(unit)
                if not self._first_time(Kind.PICTURE, number):
                    return False
                pictures.frame(number)
                return True
        for number in (frame, last, last + direction * _STRIDE):
            if self._is_sound(number) and not self._cache.has(Kind.LATENTS, self._index.unit_of(number).number):
                return self._fetch(self._index.unit_of(number).number)
        for number in self._unsurveyed(self._index.unit_of(frame).number):
            reached = self._latents.step_towards(number, survey=True) is not None
            return not reached or self._first_time(Kind.STATE, number)
        return False

    def _fetch(self, unit: int) -> bool:
        """One step towards an access unit's latents → whether it is the first time they are made."""
        reached = self._latents.step_towards(unit) is not None
        return not reached or self._first_time(Kind.LATENTS, unit)

    def _first_time(self, kind: Kind, number: int) -> bool:
        if (kind, number) in self._made:
            return False
        self._made.add((kind, number))
        return True

    def _is_sound(self, frame: int) -> bool:
        return 0 <= frame < len(self._index) and self._index.damage_at(frame) is None

    def _unsurveyed(self, unit: int) -> Iterator[int]:
        """Access units after which no state is kept though one is needed, from ``unit`` on and around to it."""
        if not self._cache.room_for(Kind.STATE, _STATE_BYTES):
            return
        for number in (*range(unit, len(self._index.units) - 1), *range(unit)):
            following = self._index.units[number + 1]
            if following.is_keyframe or following.damage or self._cache.has(Kind.STATE, number + 1):
                continue
            yield number
