"""Working ahead in threads: the next pictures in the direction someone steps, then what makes
later jumps quick.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from ..decoder.index import StreamIndex
from ..errors import DamagedFrameError
from .at_exit import stop_at_exit
from .cache import Cache, Kind
from .latents import LatentSource
from .picture_thread import FEWEST_AHEAD, PictureThread
from .pictures import PictureSource
from .survey import Survey
from .wishes import Order, Wish, Wishes

if TYPE_CHECKING:
    from ..decoder.frame import Frame

_PICTURES_AFTER_JUMP = 2  # before the GOP has been gone through
_LATENTS_AHEAD = 8  # frames, of pictures ahead


class ReadAhead:
    """Threads that decode while nobody waits for anything, and for whoever goes on step by step.

    They make, in this order:

    1. the pictures after the one asked for last, in the direction of the last step, of which there
       are ``count``;
    2. the latents of the access unit after those;
    3. the rest of the stream's latents once through, nearest first, to keep the state of the
       entropy decoder at the borders of access units as far as memory allows.

    Where the last frame was jumped to, no steps may follow but other jumps: then all but the first
    pictures wait until the GOP has been gone through.

    together: whether there are two threads, one for latents and one for pictures, which help each
    other.  Then ``picture`` leaves the next steps to them, so that playing has both at once; else
    one thread does everything.

    Two start with the first ``begin``, so that the first one who waits is helped, and one with the
    first ``note``.  They give way to whoever asks: between ``begin`` and ``end`` nothing new is
    started, but for what ``picture`` waits for.
    """

    def __init__(
        self,
        index: StreamIndex,
        latents: LatentSource,
        cache: Cache,
        count: int = FEWEST_AHEAD,
        *,
        together: bool = False,
    ) -> None:
        self._index, self._latents, self._cache, self._count = index, latents, cache, count
        self._wishes, self._survey = Wishes(index), Survey(index, latents, cache)
        self._changed = self._wishes.changed
        self._done: Wish | None = None  # the last wish of which nothing was left to do
        self._process = os.getpid()
        self._made: set[tuple[Kind, int]] = set()  # since the last wish
        self._together = together
        self._thread: threading.Thread | None = None
        self._drawing: PictureThread | None = None

    def begin(self) -> None:
        """Someone begins to wait for a frame."""
        with self._changed:
            self._wishes.asking += 1
            if self._together and self._thread is None and not self._wishes.stopped:
                self._start()

    def end(self) -> None:
        """Someone has got it."""
        with self._changed:
            self._wishes.asking -= 1
            self._look_again()

    def note(self, pictures: PictureSource, frame: int) -> None:
        """A picture was asked for."""
        with self._changed:
            if self._wishes.stopped:
                return
            self._wishes.note(pictures, frame)
            if self._thread is None:
                self._start()
            self._look_again()

    def picture(self, pictures: PictureSource, number: int) -> Frame | None:
        """A frame made by the threads that work ahead, if it is a step from the one before and is
        not at hand; None where the caller is to make it.
        """
        with self._changed:
            wishes = self._wishes
            takes_orders = self._drawing is not None and not wishes.stopped
            if not takes_orders or not wishes.is_step(number) or not wishes.is_sound(number):
                return None
            if pictures.has(number):
                return None
            self._done = None
            order = Order(pictures, number)
            wishes.orders.append(order)
            wishes.note(pictures, number)
            self._look_again()
            self._changed.wait_for(lambda: order.over)
            return order.result

    def stop(self) -> None:
        """End the threads after what they are doing, and wait for that.

        One of them may come here itself, where a reader in a cycle is collected while it works: it
        waits for neither, since the other one may wait for what it holds.
        """
        with self._changed:
            self._wishes.stopped = True
            self._wishes.wish = None
            for order in [order for order in self._wishes.orders if not order.begun]:
                self._wishes.give_back(order)
            self._look_again()
        threads = [self._thread, None if self._drawing is None else self._drawing.thread]
        if threading.current_thread() not in threads:
            for thread in threads:
                if thread is not None:
                    thread.join()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to be made ahead → whether that came within ``timeout``
        seconds.
        """
        with self._changed:
            return self._changed.wait_for(self._has_done_all, timeout)

    @property
    def is_of_this_process(self) -> bool:
        """Whether its threads are not a parent's."""
        return self._process == os.getpid()

    def _has_done_all(self) -> bool:
        wish, drawing = self._wishes.wish, self._drawing
        drawn = drawing is None or drawing.has_done(wish)
        return self._wishes.stopped or (wish == self._done and drawn)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="videocodec-reader", daemon=True)
        self._thread.start()
        if self._together:
            crew = self._latents.crew
            self._drawing = PictureThread(
                self._wishes, crew, self._cache, self._count, _PICTURES_AFTER_JUMP
            )
        stop_at_exit(self)

    def _look_again(self) -> None:
        self._changed.notify_all()
        if self._drawing is not None:
            self._drawing.call()

    def _work(self) -> None:
        current: Wish | None = None
        wishes = self._wishes
        while True:
            with self._changed:
                while not wishes.stopped and not self._may_work():
                    self._changed.wait()
                wish, orders = wishes.wish, list(wishes.orders)
                if wishes.stopped or wish is None:
                    return
            if wish != current:
                current = wish
                self._made.clear()
            try:
                busy = self._one_task(wish, orders)
            except DamagedFrameError:
                busy = True  # marked as such in the index by now
            except Exception:
                busy = False  # whoever asks for that frame is told
            with self._changed:
                if busy:
                    self._look_again()
                else:
                    self._rest(wish)

    def _may_work(self) -> bool:
        """Whether there may be anything to do: latents that were at hand for an order when nothing
        was left may have gone since, to make room.
        """
        wishes = self._wishes
        if wishes.wish is None:
            return False
        if wishes.wish == self._done:
            return any(self._lacks_latents(order) for order in wishes.orders)
        return not wishes.asking or bool(wishes.orders)

    def _lacks_latents(self, order: Order) -> bool:
        """Whether nobody can make its picture yet."""
        unit = self._index.unit_of(order.frame).number
        return not order.begun and not self._cache.has(Kind.LATENTS, unit)

    def _rest(self, wish: Wish) -> None:
        """Nothing is left to do: nobody is to wait for what was not to be had."""
        self._done = wish
        for order in list(self._wishes.orders):
            if self._lacks_latents(order):
                self._wishes.give_back(order)
        self._look_again()

    def _one_task(self, wish: Wish, orders: list[Order]) -> bool:
        """Do the most urgent thing, for a fraction of a second → whether there was any.

        What has to be made a second time for the same wish was pushed out of the memory: then there
        is too little for more.
        """
        pictures = wish.ahead(self._count)
        first = len(pictures) if wish.stepping else _PICTURES_AFTER_JUMP
        unit = self._index.unit_of(wish.frame).number
        gop = self._index.gop_of(unit)
        latents = wish.ahead(self._count + _LATENTS_AHEAD)
        draw = self._next_latents if self._together else partial(self._next_picture, wish.pictures)
        tasks: tuple[Callable[[], bool | None], ...] = (
            lambda: self._next_latents(sorted(order.frame for order in orders)),
            lambda: draw(pictures[:first]),
            lambda: None if wish.stepping else self._next_state(gop),
            lambda: self._gone_through(wish),
            lambda: draw(pictures[first:]),
            lambda: self._next_latents((wish.frame, *latents)),
            lambda: self._next_state((*range(unit, len(self._index.units)), *range(unit))),
        )
        for task in tasks:
            is_busy = task()
            if is_busy is not None:
                return is_busy
        return False

    def _gone_through(self, wish: Wish) -> None:
        if self._drawing is not None:
            with self._changed:
                self._drawing.surveyed(wish)

    def _next_picture(self, pictures: PictureSource, numbers: Iterable[int]) -> bool | None:
        """One step towards the first of these pictures that is missing; None if none is, False if
        there is too little memory.
        """
        for number in numbers:
            if self._wishes.is_sound(number) and not pictures.has(number):
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
            if self._wishes.is_sound(number) and not self._cache.has(
                Kind.LATENTS, self._index.unit_of(number).number
            ):
                return self._fetch(self._index.unit_of(number).number)
        return None

    def _next_state(self, units: Iterable[int]) -> bool | None:
        """One step towards the first of these access units that have not been gone through; None if
        there is none.
        """
        for number in self._survey.left(units):
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
