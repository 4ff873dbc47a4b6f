"""Reading a video from its middle on."""

from __future__ import annotations

import av

from ..errors import InputError
from .source import VideoSource


class SeekingSource(VideoSource):
    """A source whose frames can be had from a timestamp on, without decoding all those before it.

    Not every file allows it: one may have no index, groups of pictures that lean on the ones before
    them, or timestamps that had to be repaired.  So what comes after ``seek`` is to be compared
    with what is known of the frames that were wanted.
    """

    def seek(self, pts: int, number: int) -> bool:
        """Go to the frame with that timestamp (ticks), which is frame ``number`` of the video,
        before any frame is read → whether it was found.  If not, this source is of no use any more.
        """
        try:
            # Times after joints are counted from the file's beginning, and what a deinterlacer
            # makes of a frame depends on the one before.
            if self.clock.joints or self._options.deinterlace:
                return False
            self._close_frames()
            if self.sequence is not None:
                self._frames = self.sequence.frames(pts)
            else:
                self._container.seek(round(pts / self._scale), stream=self._stream)
                self._frames = self._decoded_stream()
            for frame in self._frames:
                shown = None if frame.pts is None else self._ticks(frame.pts)
                if shown == pts:
                    self._first = frame
                    if self._max_frames is not None:
                        self._max_frames -= number
                    return True
                if shown is None or shown > pts:
                    return False
        except (InputError, av.error.FFmpegError):
            pass
        return False
