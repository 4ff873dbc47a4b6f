"""Work shared between the threads of one process, where it does not matter who does it: kernels,
OpenCV and PyTorch let others run meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from threading import Condition, Lock
from typing import Any, Generic, Protocol, TypeVar

from bitstream.crew import Crew as KernelCrew
from bitstream.crew import Work, helped

from ..cores import usable_cores

_POLL_SECONDS = 0.2  # waking up now and then lets Ctrl-C through on every platform
_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Piece(Generic[_Out]):
    """Work that somebody wants in the end, and whoever has time does before."""

    def __init__(self, work: Callable[[], _Out]) -> None:
        self._work, self._claim, self._future = work, Lock(), Future[_Out]()

    @property
    def done(self) -> bool:
        """Whether it is."""
        return self._future.done()

    def claim(self) -> bool:
        """Whether this thread is the one to do it, from now on, since nobody has begun."""
        return self._claim.acquire(blocking=False)

    def do(self) -> None:
        """By the thread that has claimed it."""
        try:
            self._future.set_result(self._work())
        except BaseException as error:
            self._future.set_exception(error)
            if not isinstance(error, Exception):
                raise

    def attempt(self) -> bool:
        """Do it, unless somebody has begun; whether this thread did."""
        claimed = self.claim()
        if claimed:
            self.do()
        return claimed

    def wait(self, seconds: float) -> None:
        """So long at most, for whoever has begun."""
        wait([self._future], seconds)

    def result(self) -> _Out:
        """What came of it, when somebody has done it.  Raises what the work did."""
        return self._future.result()


class Crew(Protocol):
    """Who does several pieces of work."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """What comes of every item, in their order."""

    def begun(self, work: Callable[[], _Out], *, can_wait: bool = False) -> Piece[_Out]:
        """Work that others may begin, first what came first; to be ended by ``ended``.

        can_wait: it is begun where there is nothing else to do.
        """

    def ended(self, piece: Piece[_Out]) -> _Out:
        """What comes of it.  Raises what the work did, and ``CancelledError`` where the context of
        ``helping`` was left by an error before anybody was done.
        """

    def helping(self) -> AbstractContextManager[None]:
        """A context in which kernels of this thread are shared as well (``bitstream.crew``).

        Left by an error, it gives up what was begun, and waits for who is at it.
        """


class Alone:
    """One piece after another."""

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """As the protocol says."""
        return [work(item) for item in items]

    def begun(self, work: Callable[[], _Out], *, can_wait: bool = False) -> Piece[_Out]:
        """As the protocol says."""
        return Piece(work)

    def ended(self, piece: Piece[_Out]) -> _Out:
        """As the protocol says."""
        piece.attempt()
        return piece.result()

    def helping(self) -> AbstractContextManager[None]:
        """As the protocol says."""
        return nullcontext()


ALONE = Alone()


class _SpareThreads(KernelCrew):
    """Threads that share kernels as long as fewer than there are processors work: whoever leads a
    kernel waits for a row that somebody took who then was put aside.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads - 1)
        self._threads, self._working, self._counting = threads, 0, Lock()

    @property
    def are_there(self) -> bool:
        """Whether a thread has nothing to do."""
        return self._working < self._threads

    @contextmanager
    def at_work(self, count: int = 1) -> Iterator[None]:
        """A context in which a thread works, or, by -1, waits; its kernels may be shared."""
        with self._counting:
            self._working += count
        try:
            with helped(self):
                yield
        finally:
            with self._counting:
                self._working -= count

    @contextmanager
    def invited(self, work: Work) -> Iterator[None]:
        """As any crew, if there is a thread to spare."""
        if self.are_there:
            with super().invited(work):
                yield
        else:
            yield


class Several:
    """So many threads, the caller's among them.

    Ctrl-C may meet the caller between taking a piece and beginning it: that piece is never done.
    So nobody waits for one for ever, but until all is given up.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._is_given_up = threads, False
        self._pool = self._new_pool()
        self._spare, self._changed = _SpareThreads(threads), Condition()
        # Shares of what somebody is about, pieces, and those that can wait.
        self._kinds: tuple[deque[Piece[Any]], ...] = deque(), deque(), deque()

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
        """As the protocol says."""
        rest = list(items)
        if len(rest) < 2 or not self._spare.are_there:
            return [work(item) for item in rest]
        first, *others = rest
        pieces = [Piece(partial(work, item)) for item in others]
        self._offer(self._kinds[0], pieces)
        try:
            done = [work(first)]
            for piece in reversed(pieces):  # those that nobody has begun are the caller's
                piece.attempt()
            with self._spare.at_work(-1):
                return done + [self._result(piece) for piece in pieces]
        finally:
            for piece in pieces:  # where something was raised nobody begins any more
                piece.claim()

    def begun(self, work: Callable[[], _Out], *, can_wait: bool = False) -> Piece[_Out]:
        """As the protocol says."""
        piece = Piece(work)
        self._offer(self._kinds[2 if can_wait else 1], [piece])
        return piece

    def ended(self, piece: Piece[_Out]) -> _Out:
        """As the protocol says; whoever waits does others meanwhile."""
        if not piece.attempt():
            with self._spare.at_work(-1):
                while not piece.done and not self._is_given_up:
                    self._do_another(lambda: piece.done or self._is_given_up)
        with self._changed:
            self._changed.notify_all()
        return self._result(piece)

    @contextmanager
    def helping(self) -> Iterator[None]:
        """As the protocol says."""
        self._is_given_up = False
        self._spare.begin()
        try:
            with self._spare.at_work():
                yield
        except BaseException:
            self._give_up()
            raise
        finally:
            self._spare.dismiss()

    def _give_up(self) -> None:
        """Begin nothing any more, and wait until nobody is at anything."""
        self._is_given_up = True
        for kind in self._kinds:
            kind.clear()
        with self._changed:
            self._changed.notify_all()
        pool, self._pool = self._pool, self._new_pool()
        pool.shutdown(cancel_futures=True)

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads - 1, "encoding")

    def _result(self, piece: Piece[_Out]) -> _Out:
        """What came of a piece that somebody has begun."""
        while not piece.done:
            if self._is_given_up:
                raise CancelledError
            piece.wait(_POLL_SECONDS)
        return piece.result()

    def _offer(self, kind: deque[Piece[Any]], pieces: Sequence[Piece[Any]]) -> None:
        """Have them begun by others."""
        with self._changed:
            kind.extend(pieces)
            self._changed.notify_all()
        for _ in pieces:
            self._pool.submit(self._begin_one)

    def _begin_one(self) -> None:
        """What a thread does that has nothing to do."""
        piece = self._claimed()
        if piece is not None:
            self._do(piece)

    def _do_another(self, is_enough: Callable[[], bool]) -> None:
        """One more piece, as soon as there is one, unless it is enough before."""
        piece = None
        with self._changed:
            while not is_enough() and (piece := self._claimed()) is None:
                self._changed.wait(_POLL_SECONDS)
        if piece is not None:
            self._do(piece)

    def _claimed(self) -> Piece[Any] | None:
        """The first piece that nobody has begun, which is this thread's from now on."""
        for kind in self._kinds:
            while kind:
                with suppress(IndexError):  # another one was faster
                    piece = kind.popleft()
                    if piece.claim():
                        return piece
        return None

    def _do(self, piece: Piece[Any]) -> None:
        with self._spare.at_work():
            piece.do()
        with self._changed:
            self._changed.notify_all()


def crew_of(threads: int | None) -> Crew:
    """Of so many threads, None for as many as there are processors."""
    count = usable_cores() if threads is None else threads
    return Several(count) if count > 1 else ALONE
