"""All measures of the panel for pictures that need no file of their own: frames of a clip in RGB,
compared by the ladder's metrics with those that they should be.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from tools.bench.markdown import Table
from videocodec.ladder.clips import as_frames, prepare
from videocodec.ladder.metrics import Figure, Metric, Pair, all_metrics
from videocodec.ladder.planes import untagged
from videocodec.media.colour import YuvWriter
from videocodec.media.source import VideoSource

RATE = Fraction(25)  # frames a second of what is written; any other would do
Picture = npt.NDArray[np.uint8]


def pictures_of(path: Path, count: int) -> list[Picture]:
    """The first frames of a clip, (H, W, 3) uint8 RGB."""
    with VideoSource(path, max_frames=count) as source:
        return [np.ascontiguousarray(frame.rgb) for frame in source]


def write_lossless(path: Path, pictures: Sequence[Picture]) -> None:
    """A video of them, to the bit."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE, width=width, height=height)
        stream.pix_fmt = "bgr0"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))


class PanelFigures:
    """What pictures are by every measure of the panel, against a source.

    source: two or more (H, W, 3) uint8 RGB of even sides, frames of one clip in their order.
    folder: empty, for files.  lpips: SqueezeNet weights, None to measure without.  only: names of
    metrics; empty for all that can be measured here.
    """

    def __init__(
        self,
        source: Sequence[Picture],
        folder: Path,
        lpips: Path | None = None,
        only: Collection[str] = (),
    ) -> None:
        write_lossless(folder / "source.mkv", source)
        self.clip = prepare(folder / "source.mkv", folder / "clips")
        self._decoded = folder / "decoded.yuv"
        files = {} if lpips is None else {"lpips-weights": str(lpips)}
        self._metrics: list[Metric] = [
            metric
            for name, metric in all_metrics(files).items()
            if any(figure.in_panel for figure in metric.figures)
            and metric.missing(self.clip) is None
            and (not only or name in only)
        ]

    @property
    def figures(self) -> list[Figure]:
        """Those that ``measured`` gives."""
        return [each for metric in self._metrics for each in metric.figures if each.in_panel]

    def measured(self, pictures: Sequence[Picture]) -> dict[str, float]:
        """Means over as many pictures as the source has, by the figures' names."""
        writer = YuvWriter(self.clip.colour, "yuv420p")
        with self._decoded.open("wb") as file:
            for picture in pictures:
                file.write(untagged(writer(picture)).to_ndarray().tobytes())
        reference = self.clip.reference()
        source = Path(self.clip.folder) / "reference.yuv"
        distorted = as_frames(self._decoded, self.clip)
        pair = Pair(self.clip, reference, distorted, source, self._decoded)
        found = {
            name: float(np.mean([value for value in values if value is not None]))
            for metric in self._metrics
            for name, values in metric.measure(pair).items()
        }
        return {figure.name: found[figure.name] for figure in self.figures}


def all_figures() -> list[Figure]:
    """Members of the panel in their order, whether they can be measured here or not."""
    return [each for metric in all_metrics().values() for each in metric.figures if each.in_panel]


def figures_table(figures: Sequence[Figure], *names: str) -> Table:
    """An empty one: columns of these names for text, and one for every figure."""
    formats = [f"{{:.{figure.decimals}f}}" for figure in figures]
    columns = [*names, *(figure.name for figure in figures)]
    return Table(columns, [*["{}"] * len(names), *formats])
