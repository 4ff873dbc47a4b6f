"""Whether tracks can be copied, found out before hours of work rather than after them."""

from __future__ import annotations

from fractions import Fraction

import av

from ..errors import ContainerError
from .positions import PositionedFile
from .tracks import CopySource, TrackCopier

_FIRST_PART = Fraction(1)  # seconds


def rehearse_copy(
    source: CopySource,
    format_name: str,
    cut: tuple[Fraction, Fraction] | None = None,
    *,
    may_end: bool,
) -> None:
    """Copy the tracks of ``source`` into a file that is kept nowhere.

    format_name: FFmpeg's name of the container.  cut, may_end: as of ``TrackCopier``.  With
    ``may_end`` the first second is enough, for what happens later is no error then.  Without it
    the whole source is read, for damage may lie anywhere in it.

    Raises ``ContainerError`` for whatever would stop the copy: a track that cannot be read, one
    that the container does not take, and header or tables that cannot be written.
    """
    with av.open(_Nowhere(), "w", format=format_name) as output:
        copier = TrackCopier(source, output, cut, may_end=may_end)
        try:
            if not copier.copied:
                return
            if may_end:
                copier.copy_until(_FIRST_PART)
            else:
                copier.finish()
            output.start_encoding()
            output.close()
        except av.FFmpegError as error:
            raise ContainerError(
                f"{source.path}: {format_name} cannot hold its tracks together"
                f" ({error.strerror}): {'; '.join(copier.copied)}"
            ) from error
        finally:
            copier.close()


class _Nowhere(PositionedFile):
    """A file that forgets what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._end = 0

    @property
    def size(self) -> int:
        return self._end

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        length = memoryview(data).nbytes  # type: ignore[arg-type]
        self._position += length
        self._end = max(self._end, self._position)
        return length
