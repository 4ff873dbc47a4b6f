"""Which of a file's video streams is the video, for everybody who opens it."""

from __future__ import annotations

from collections.abc import Sequence

import av

_NOT_THE_VIDEO = (
    av.stream.Disposition.attached_pic
    | av.stream.Disposition.timed_thumbnails
    | av.stream.Disposition.dependent
)


def is_item(stream: av.VideoStream) -> bool:
    """Whether it is an item of a HEIF file (``heif``), and no track."""
    return (
        stream.container.format.name.startswith("mov")
        and stream.duration is None
        and stream.time_base == 1
        and stream.frames == 1
    )


def choose_track(
    container: av.container.InputContainer, auxiliary: Sequence[int] = ()
) -> av.VideoStream | None:
    """The track that is the video, None where there is none.

    Not cover art, thumbnails, parts of another picture, items of a HEIF file, nor those whose
    ``id`` is in ``auxiliary``.  Of several: one that a decoder knows before others, then one that
    its file marks as default, then one of more than a frame, then the first.
    """
    candidates = [
        stream
        for stream in container.streams.video
        if not stream.disposition & _NOT_THE_VIDEO
        and not is_item(stream)
        and stream.id not in auxiliary
    ]

    def rank(stream: av.VideoStream) -> tuple[bool, bool, bool, int]:
        is_default = bool(stream.disposition & av.stream.Disposition.default)
        return stream.codec_context is None, not is_default, stream.frames == 1, stream.index

    return min(candidates, key=rank, default=None)
