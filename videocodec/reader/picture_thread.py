"""A thread that makes pictures, those that someone waits for first and then those that follow,
while another decodes the latents of what comes next.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING

from bitstream.crew import Crew, lend

from .cache import Cache, Kind
from .pictures import PictureSource
from .wishes import Order, Wish, Wishes

if TYPE_CHECKING:
    from ..decoder.frame import Frame

FEWEST_AHEAD, _MOST_AHEAD = 12, 128  # pictures
_MEMORY_SHARE = 8  # pictures ahead take at most one part in so many, and their latents another
_PATIENCE = 3600.0  # seconds


def pictures_ahead(memory_limit: int, picture_bytes: int) -> int:
    """How many pictures of so many bytes are made before they are asked for: as many as make up
    for a machine that plays somewhat slower than it should, and as fit into the memory.
    """
    fitting = memory_limit // (_MEMORY_SHARE * max(1, picture_bytes))
    return min(_MOST_AHEAD, max(FEWEST_AHEAD, fitting))


class PictureThread:
    """Makes pictures of latents that are at hand, and helps to decode latents meanwhile (as one
    of their crew).

    count: how many pictures after the one asked for; after_jump: how many before ``surveyed`` says
    that jumps are quick.
    """

    def __init__(
        self, wishes: Wishes, crew: Crew, cache: Cache, count: int, after_jump: int
    ) -> None:
        self._wishes, self._crew, self._cache = wishes, crew, cache
        self._count, self._after_jump = count, after_jump
        self._called = False  # whether something lies in the crew's queue to wake it
        self._surveyed: Wish | None = None
        self._done: Wish | None = None  # the last wish of which nothing was left to do
        self._current: Wish | None = None
        self._made = set[int]()  # since the last wish
        self.thread = threading.Thread(
            target=self._work, name="videocodec-reader-pictures", daemon=True
        )
        self.thread.start()

    def call(self) -> None:
        """Have it look again at what is wanted; by whoever holds ``wishes.changed``."""
        self._done = None
        if not self._called:
            self._called = True
            self._crew.put(None)

    def surveyed(self, wish: Wish) -> None:
        """After this wish jumps are quick; by whoever holds ``wishes.changed``."""
        if self._surveyed != wish:
            self._surveyed = wish
            self.call()

    def has_done(self, wish: Wish | None) -> bool:
        """Whether nothing is left to be made that latents are at hand for."""
        return wish is None or self._done == wish

    def _work(self) -> None:
        lend(self._crew)
        while True:
            with self._wishes.changed:
                if self._wishes.stopped:
                    return
                task = self._next_task()
            if task is None:
                try:
                    self._crew.wait(_PATIENCE)
                except Empty:
                    continue
                with self._wishes.changed:
                    self._called = False
                self._crew.help()
            else:
                self._make(*task)

    def _next_task(self) -> tuple[PictureSource, int, Order | None] | None:
        """Whose picture to make next, and for whom."""
        wishes = self._wishes
        for order in sorted(wishes.orders, key=lambda order: order.frame):
            if not wishes.is_sound(order.frame):
                wishes.give_back(order)
            elif self._has_latents(order.frame):
                order.begun = True
                return order.pictures, order.frame, order
            else:
                wishes.changed.notify_all()  # they may have had to go
        wish = wishes.wish
        if wishes.asking or wishes.orders or wish is None or wish == self._done:
            return None
        if wish != self._current:
            self._current = wish
            self._made.clear()
        eager = wish.stepping or wish == self._surveyed
        for number in wish.ahead(self._count if eager else self._after_jump):
            if not wishes.is_sound(number) or wish.pictures.has(number):
                continue
            # what has to be made twice for one wish was pushed out of the memory: there is too
            # little for more
            if number not in self._made and self._has_latents(number):
                self._made.add(number)
                return wish.pictures, number, None
            break
        self._done = wish
        wishes.changed.notify_all()
        return None

    def _has_latents(self, number: int) -> bool:
        unit = self._wishes.index.unit_of(number).number
        return self._cache.has(Kind.LATENTS, unit)

    def _make(self, pictures: PictureSource, number: int, order: Order | None) -> None:
        frame: Frame | None = None
        with suppress(Exception):  # whoever asks for that frame is told
            frame = pictures.frame(number)
        if order is not None:
            with self._wishes.changed:
                self._wishes.give_back(order, frame)
