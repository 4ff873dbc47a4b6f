"""Working ahead in a thread: the next pictures in the direction someone steps, then what makes
later jumps quick.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..decoder.index import StreamIndex
from ..errors import DamagedFrameError, VideoCodecError
from .cache import Cache, Kind
from .latents import LatentSource
from .pictures import PictureSource

_PICTURES_AHEAD = 12
_PICTURES_AFTER_JUMP = 2  # before the GOP has been gone through
_STRIDE = 8  # frames; a step further than that is a jump, after which nobody knows the direction
_STATE_BYTES = 1 << 18  # about what the state of an entropy decoder takes at 512×288


# Threads that are inside PyTorch when Python ends take the process down with them.
_at_work: weakref.WeakSet[ReadAhead] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for ahead in list(_at_work):
        if ahead.is_of_this_process:
            ahead.stop()


@dataclass(frozen=True)
class _Wish:
    """Whose pictures, which frame, in which direction (1, -1), and whether one came to it by a
    step.
    """

    pictures: PictureSource
    frame: int
    direction: int = 1
    stepping: bool = False


class ReadAhead:
    """A thread that decodes while nobody waits for anything.

    It decodes, in this order:

    1. the pictures after the one asked for last, in the direction of the last step;
    2. the latents of the access unit after those;
    3. the rest of the stream's latents once through, nearest first, to keep the state of the
       entropy decoder at the borders of access units as far as memory allows.

    Where the last frame was jumped to, no steps may follow but other jumps: then all but the first
    pictures wait until the GOP has been gone through.

    It starts with the first ``note`` and gives way to whoever asks: between ``begin`` and ``end``
    it starts nothing new, but for latents of a step further on while those who ask have theirs and
    make pictures of them (``drawing``).
    """

    def __init__(self, index: StreamIndex, latents: LatentSource, cache: Cache) -> None:
        self._index, self._latents, self._cache = index, latents, cache
        self._changed = threading.Condition()
        self._wish: _Wish | None = None
        self._done: _Wish | None = None  # the last wish of which nothing was left to do
        self._asking = self._drawing = (
            0  # how many ask, and how many of them wait for pictures only
        )
        self._stopped = False
        self._process = os.getpid()
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

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """While someone who asks makes a picture of latents that are there."""
        with self._changed:
            self._drawing += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._drawing -= 1

    def note(self, pictures: PictureSource, frame: int) -> None:
        """A picture was asked for."""
        with self._changed:
            if self._stopped:
                return
            before, wish = self._wish, _Wish(pictures, frame)
            if before is not None and 0 < abs(frame - before.frame) <= _STRIDE:
                wish = _Wish(pictures, frame, 1 if frame > before.frame else -1, stepping=True)
            elif before is not None and frame == before.frame:
                wish = _Wish(pictures, frame, before.direction, before.stepping)
            self._wish = wish
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="videocodec-reader", daemon=True
                )
                self._thread.start()
                _at_work.add(self)
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        with self._changed:
            self._stopped = True
            self._wish = None
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to be made ahead → whether that came within ``timeout``
        seconds.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: self._stopped or self._wish == self._done, timeout
            )

    @property
    def is_of_this_process(self) -> bool:
        """Whether its thread is not a parent's."""
        return self._process == os.getpid()

    def _work(self) -> None:
        current: _Wish | None = None
        while True:
            with self._changed:
                while not self._stopped and not self._may_work():
                    self._changed.wait()
                wish, beside = self._wish, self._asking > 0
                if self._stopped or wish is None:
                    return
            if wish != current:
                current = wish
                self._made.clear()
            try:
                busy = self._one_task(wish, beside)
            except DamagedFrameError:
                busy = True  # marked as such in the index by now
            except (VideoCodecError, ValueError, OSError, RuntimeError, MemoryError):
                busy = False  # whoever asks for that frame is told
            if not busy:
                with self._changed:
                    if not beside:
                        self._done = wish
                        self._changed.notify_all()
                    elif self._asking:
                        self._changed.wait()

    def _may_work(self) -> bool:
        """Whether there may be anything to do."""
        if self._wish is None or self._wish == self._done:
            return False
        return not self._asking or (self._wish.stepping and self._drawing >= self._asking)

    def _one_task(self, wish: _Wish, beside: bool) -> bool:
        """Do the most urgent thing, for a fraction of a second → whether there was any.  beside:
        others make pictures.

        What has to be made a second time for the same wish was pushed out of the memory: then there
        is too little for more.
        """
        last = wish.frame + wish.direction * _PICTURES_AHEAD
        pictures = range(wish.frame + wish.direction, last + wish.direction, wish.direction)
        first = len(pictures) if wish.stepping else _PICTURES_AFTER_JUMP
        unit = self._index.unit_of(wish.frame).number
        gop = self._index.gop_of(unit)
        latents = wish.frame, last, last + wish.direction * _STRIDE
        if beside:
            return bool(self._next_latents(latents))
        tasks: tuple[Callable[[], bool | None], ...] = (
            lambda: self._next_picture(wish.pictures, pictures[:first]),
            lambda: None if wish.stepping else self._next_state(gop),
            lambda: self._next_picture(wish.pictures, pictures[first:]),
            lambda: self._next_latents(latents),
            lambda: self._next_state((*range(unit, len(self._index.units)), *range(unit))),
        )
        for task in tasks:
            is_busy = task()
            if is_busy is not None:
                return is_busy
        return False

    def _next_picture(self, pictures: PictureSource, numbers: Iterable[int]) -> bool | None:
        """One step towards the first of these pictures that is missing; None if none is, False if
        there is too little memory.
        """
        for number in numbers:
            if self._is_sound(number) and not pictures.has(number):
                unit = self._index.unit_of(number).number
                if not self._cache.has(Kind.LATENTS, unit):
                    return self._fetch(unit)
                if not self._first_time(Kind.PICTURE, number):
                    return False
                pictures.frame(number)
                return True
        return None

    def _next_latents(self, numbers: Iterable[int]) -> bool | None:
        """The same for the latents of frames."""
        for number in numbers:
            if self._is_sound(number) and not self._cache.has(
                Kind.LATENTS, self._index.unit_of(number).number
            ):
                return self._fetch(self._index.unit_of(number).number)
        return None

    def _next_state(self, units: Iterable[int]) -> bool | None:
        """One step towards the first of these access units after which no state is kept though one
        is needed; None if there is none.
        """
        for number in self._unsurveyed(units):
            if (Kind.STATE, number) not in self._made:
                if self._latents.step_towards(number, survey=True) is not None:
                    self._made.add((Kind.STATE, number))
                return True
        return None

    def _fetch(self, unit: int) -> bool:
        """One step towards an access unit's latents → whether it is the first time they are
        made.
        """
        reached = self._latents.step_towards(unit) is not None
        return not reached or self._first_time(Kind.LATENTS, unit)

    def _first_time(self, kind: Kind, number: int) -> bool:
        if (kind, number) in self._made:
            return False
        self._made.add((kind, number))
        return True

    def _is_sound(self, frame: int) -> bool:
        return 0 <= frame < len(self._index) and self._index.damage_at(frame) is None

    def _unsurveyed(self, units: Iterable[int]) -> Iterator[int]:
        if not self._cache.room_for(Kind.STATE, _STATE_BYTES):
            return
        for number in units:
            following = (
                self._index.units[number + 1] if number + 1 < len(self._index.units) else None
            )
            if (
                following is None
                or following.is_keyframe
                or following.damage
                or self._cache.has(Kind.STATE, number + 1)
            ):
                continue
            yield number
