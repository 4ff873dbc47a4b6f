"""Whole pictures of the fields of interlaced frames, by FFmpeg's bwdif."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph

_FILTER = "mode=send_frame:parity=auto:deint=interlaced"  # as many frames as before
_TICK = Fraction(1, 1000)
_KEPT = ("pts", "duration", "time_base", "color_range", "colorspace")  # not all pass through

# AVFieldOrder, by what is shown first
_FIRST_FIELDS = {2: "top", 3: "bottom", 4: "bottom", 5: "top"}


class Deinterlacer:
    """Deinterlaces the frames of one video that are marked as interlaced; others stay.

    A frame is made with a look at its neighbours.

    found: whether there were any so far.
    """

    def __init__(self) -> None:
        self.found = False
        self._kept: deque[dict[str, object]] = deque()

    def frames(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """One frame for each, with its times.  To be called once."""
        graph, shape, count = None, None, 0
        for frame in frames:
            self.found = self.found or bool(frame.interlaced_frame)
            if not self.found:
                yield frame
                continue
            if shape != (frame.width, frame.height, frame.format.name):
                yield from self._rest(graph)
                shape = frame.width, frame.height, frame.format.name
                graph = _graph(*shape)
            self._kept.append({name: getattr(frame, name) for name in _KEPT})
            frame.pts, frame.time_base = count, _TICK
            count += 1
            if graph is not None:
                graph.push(frame)
                yield from self._ready(graph)
        yield from self._rest(graph)

    def _rest(self, graph: Graph | None) -> Iterator[av.VideoFrame]:
        if graph is not None:
            graph.push(None)
            yield from self._ready(graph)

    def _ready(self, graph: Graph) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EOFError):
                return
            for name, value in self._kept.popleft().items():
                if value is not None or name == "pts":
                    setattr(frame, name, value)
            yield frame


def _graph(width: int, height: int, pixel_format: str) -> Graph:
    graph = Graph()
    source_format = av.VideoFormat(pixel_format, width, height)
    source = graph.add_buffer(width=width, height=height, format=source_format, time_base=_TICK)
    graph.link_nodes(source, graph.add("bwdif", _FILTER), graph.add("buffersink")).configure()
    return graph


def fields_of(context: av.VideoCodecContext) -> str:
    """What frames that are interlaced hold, in words: which field is shown first, where the stream
    says so.
    """
    first = _FIRST_FIELDS.get(int(context.field_order))
    return "frames hold two fields" + (f", the {first} one first" if first else "")
