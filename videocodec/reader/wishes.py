"""What is wanted of a reader: the frame that was asked for last, who waits, and what for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..decoder.index import StreamIndex
from .pictures import PictureSource

if TYPE_CHECKING:
    from ..decoder.frame import Frame

_STRIDE = 8  # frames; a step further than that is a jump, after which nobody knows the direction
# whoever plays and is late leaves out that many at once
_STRIDE_FORWARD = 24


@dataclass(frozen=True)
class Wish:
    """Whose pictures, which frame, in which direction (1, -1), and whether one came to it by a
    step, or to the first one by opening the file.
    """

    pictures: PictureSource
    frame: int
    direction: int = 1
    stepping: bool = True

    def ahead(self, count: int) -> range:
        """The frames after it, in its direction."""
        begin = self.frame + self.direction
        return range(begin, begin + count * self.direction, self.direction)


@dataclass(eq=False)
class Order:
    """A picture that someone waits for who leaves making it to the threads that work ahead."""

    pictures: PictureSource
    frame: int
    result: Frame | None = None
    over: bool = False  # with a result, or because nobody can make it here
    begun: bool = False


@dataclass
class Wishes:
    """What the threads of one reader look at, by whoever holds ``changed``.

    wish: None before the first.  asking: how many wait who do the work themselves.  orders: of
    those who do not.  stopped: all is over.
    """

    index: StreamIndex
    changed: threading.Condition = field(default_factory=threading.Condition)
    wish: Wish | None = None
    asking: int = 0
    orders: list[Order] = field(default_factory=list)
    stopped: bool = False

    def note(self, pictures: PictureSource, frame: int) -> None:
        """A picture was asked for."""
        before = self.wish
        if before is None:
            self.wish = Wish(pictures, frame)
        elif frame == before.frame:
            self.wish = Wish(pictures, frame, before.direction, before.stepping)
        elif self.is_step(frame):
            self.wish = Wish(pictures, frame, 1 if frame > before.frame else -1)
        else:
            self.wish = Wish(pictures, frame, stepping=False)

    def is_step(self, frame: int) -> bool:
        """Whether someone who asks for it goes on from where he was."""
        if self.wish is None:
            return False
        return -_STRIDE <= frame - self.wish.frame <= _STRIDE_FORWARD

    def give_back(self, order: Order, result: Frame | None = None) -> None:
        """Nobody works on an order any more; without a result, who waits has to make it himself."""
        order.result, order.over = result, True
        self.orders.remove(order)
        self.changed.notify_all()

    def is_sound(self, frame: int) -> bool:
        """Whether there is such a frame, and no damage to it is known."""
        return 0 <= frame < len(self.index) and self.index.damage_at(frame) is None
