"""The frames of an ordinary video file by number: when each is shown, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from ..errors import InputError
from ..media.opening import open_container, open_stream
from ..media.source import SourceOptions, VideoSource

# Their packets need not each give a frame, or give it at another time.
_HIDDEN_FRAMES = frozenset({"vp8", "gif", "webp", "webp_anim", "apng"})


@dataclass(frozen=True)
class FrameTable:
    """Frames in display order.

    pts: ticks of ``time_base``, strictly ascending.
    durations: ticks, 1 or more.
    sizes: bytes.
    keyframes: whether decoding can begin there.
    seekable: whether ``pts`` are the file's own, so that frames can be told after a seek.
    """

    time_base: Fraction
    pts: Sequence[int]
    durations: Sequence[int]
    sizes: Sequence[int]
    keyframes: Sequence[bool]
    seekable: bool

    def __len__(self) -> int:
        return len(self.pts)

    def keyframe_before(self, number: int) -> int:
        """The keyframe that decoding of a frame begins with, by number."""
        while number > 0 and not self.keyframes[number]:
            number -= 1
        return number


def read_table(path: Path) -> FrameTable:
    """The frames of a file that ``VideoSource`` reads.

    Most files say in their packets all there is to know; of the others every frame is decoded once.
    Raises ``InputError`` as ``VideoSource`` does.
    """
    packets, time_base, codec = _packets(path)
    distinct = {packet.pts for packet in packets}
    with VideoSource(path) as source:
        is_repaired = not source.has_own_times
    if (
        is_repaired
        or codec in _HIDDEN_FRAMES
        or len(distinct) < max(2, len(packets))
        or None in distinct
    ):
        return _decoded(path, sum(packet.size for packet in packets))
    packets.sort(key=lambda packet: packet.pts or 0)
    pts = [packet.pts or 0 for packet in packets]
    steps = [after - before for before, after in pairwise(pts)]
    return FrameTable(
        time_base,
        pts,
        [*steps, packets[-1].duration or steps[-1]],
        [packet.size for packet in packets],
        [packet.is_keyframe for packet in packets],
        seekable=True,
    )


@dataclass(frozen=True)
class _PacketFacts:
    """Of a packet, without its bytes."""

    pts: int | None
    duration: int
    size: int
    is_keyframe: bool


def _packets(path: Path) -> tuple[list[_PacketFacts], Fraction, str]:
    container = open_container(path)
    try:
        stream = open_stream(path, container, SourceOptions()).stream
        facts = [
            _PacketFacts(packet.pts, packet.duration or 0, packet.size, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and not packet.is_discard
        ]
        return facts, Fraction(stream.time_base or Fraction(1, 90000)), stream.codec_context.name
    except av.error.FFmpegError as error:
        raise InputError(
            f"{path}: damaged ({error.strerror}): copy or download it again"
        ) from error
    finally:
        container.close()


def _decoded(path: Path, size: int) -> FrameTable:
    with VideoSource(path) as source:
        frames = [(frame.pts, frame.duration) for frame in source.unconverted()]
        if not frames:
            raise InputError(f"{path}: no frame can be decoded: it is empty or damaged")
        count = len(frames)
        return FrameTable(
            source.time_base,
            [pts for pts, _ in frames],
            [duration for _, duration in frames],
            [size * (place + 1) // count - size * place // count for place in range(count)],
            [place == 0 for place in range(count)],
            seekable=False,
        )
