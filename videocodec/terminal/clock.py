"""Which frame it is time for."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

SLOWEST, FASTEST = 0.1, 4.0


class PlayClock:
    """The place in a video, playing or paused.

    pts_seconds: when each frame begins; end_seconds: when the last one ends.  ``now`` is a clock of
    seconds that only goes forward.  Playing keeps to it: frames that come too late are dropped, and
    none makes those after it late, but for ``wait``.  At the end it pauses, at the end of a loop
    (frames ``loop_begin`` to ``loop_end``, that one too) it begins again.
    """

    def __init__(self, pts_seconds: Sequence[float], end_seconds: float, frame: int = 0) -> None:
        self._times, self._end = [float(time) for time in pts_seconds], end_seconds
        self.frame = frame
        self.playing = False
        self.speed = 1.0
        self.loop_begin: int | None = None
        self.loop_end: int | None = None
        # at which time of ``now`` playing began, and at which of the video
        self._since, self._from = 0.0, 0.0

    def advance(self, now: float) -> None:
        """Go where playing has come to."""
        if not self.playing:
            return
        time = self._from + (now - self._since) * self.speed
        begin, last = self.loop_begin, self.loop_end
        if begin is not None and last is not None and self.frame <= last:
            if time >= self._ends(last):
                self._go(begin, now)
                return
        elif time >= self._end:
            self.frame, self.playing = len(self._times) - 1, False
            return
        self.frame = max(0, bisect_right(self._times, time) - 1)

    def seconds_to_next(self, now: float) -> float:
        """Until another frame is due; infinite while paused."""
        if not self.playing:
            return math.inf
        return max(0.0, (self._ends(self.frame) - self._from) / self.speed - (now - self._since))

    def wait(self, now: float) -> None:
        """The picture of this frame was there only now: play on from it, rather than leave out
        those that were due meanwhile; faster than life, the clock does not wait.
        """
        if self.playing and self.speed <= 1.0:
            self._go(self.frame, max(now, self._since))

    def toggle(self, now: float) -> None:
        """Play or pause; from the last frame it plays from the beginning."""
        if self.playing:
            self.playing = False
            return
        self.playing = True
        self._go(0 if self.frame == len(self._times) - 1 else self.frame, now)

    def step(self, frames: int) -> None:
        """Pause, and go so many frames on or back, as far as there are."""
        self.playing = False
        self.frame = min(max(self.frame + frames, 0), len(self._times) - 1)

    def jump(self, seconds: float, now: float) -> None:
        """To the frame so many seconds on or back."""
        place = bisect_right(self._times, self._times[self.frame] + seconds + 1e-6) - 1
        self._go(min(max(place, 0), len(self._times) - 1), now)

    def seek(self, frame: int, now: float) -> None:
        """To a frame (0..n - 1)."""
        self._go(frame, now)

    def set_speed(self, speed: float, now: float) -> None:
        """From here on; kept within 0.1 and 4."""
        self.speed = min(max(speed, SLOWEST), FASTEST)
        self._go(self.frame, now)

    def mark(self) -> None:
        """The first mark of a loop here; then the second; then none."""
        if self.loop_begin is None:
            self.loop_begin = self.frame
        elif self.loop_end is None:
            self.loop_begin, self.loop_end = sorted((self.loop_begin, self.frame))
        else:
            self.loop_begin = self.loop_end = None

    def _go(self, frame: int, now: float) -> None:
        self.frame, self._since, self._from = frame, now, self._times[frame]

    def _ends(self, frame: int) -> float:
        return self._times[frame + 1] if frame + 1 < len(self._times) else self._end
