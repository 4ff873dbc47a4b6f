"""PSNR, SSIM and XPSNR by the filters in PyAV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from .base import Figure, Metric, Pair, Series

if TYPE_CHECKING:
    import av

    from ..clips import Clip

HIGHEST_DB = 100.0  # what equal pictures count as, and anything above: JSON has no infinity
_SEARCH_DB = 0.05


class FilterMetric(Metric):
    """A metric that a filter of FFmpeg writes into the metadata of frames."""

    filter: str

    def missing(self, clip: Clip | None = None) -> str | None:
        import av

        return (
            None
            if self.filter in av.filter.filters_available
            else f"PyAV {av.__version__} was built without the filter {self.filter}"
        )

    def identity(self) -> dict[str, str]:
        import av

        return {
            "filter": self.filter,
            "libavfilter": ".".join(map(str, av.library_versions["libavfilter"])),
        }

    def rows(self, pair: Pair) -> Iterator[dict[str, float]]:
        """For every frame what the filter says, by the last parts of its names."""
        import av

        graph, rate = av.filter.Graph(), Fraction(pair.clip.rate)
        inputs = [
            graph.add_buffer(
                width=pair.clip.width,
                height=pair.clip.height,
                format=av.VideoFormat("yuv420p"),
                time_base=1 / rate,
            )
            for _ in range(2)
        ]
        compare, sink = graph.add(self.filter), graph.add("buffersink")
        for pad, source in enumerate(inputs):
            source.link_to(compare, 0, pad)
        compare.link_to(sink)
        graph.configure()
        # The source comes first: XPSNR weights errors by what is in its first input.
        for index, planes in enumerate(zip(pair.reference, pair.distorted, strict=True)):
            for source, plane in zip(inputs, planes, strict=True):
                frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
                frame.pts, frame.time_base = index, 1 / rate
                source.push(frame)
            yield from self._pulled(graph)
        for source in inputs:
            source.push(None)
        yield from self._pulled(graph)

    def _pulled(self, graph: av.filter.Graph) -> Iterator[dict[str, float]]:
        head = f"lavfi.{self.filter}."
        with suppress(BlockingIOError, EOFError):
            while True:
                tags = dict(graph.pull().metadata)
                yield {
                    name.removeprefix(head): float(value)
                    for name, value in tags.items()
                    if name.startswith(head)
                }


def weighted_db(y: float, u: float, v: float) -> float:
    """Planes' figures in dB, 6:1:1."""
    return (6 * min(y, HIGHEST_DB) + min(u, HIGHEST_DB) + min(v, HIGHEST_DB)) / 8


class Psnr(FilterMetric):
    """Peak signal-to-noise ratio of luma, and of the three planes weighted 6:1:1."""

    name, place, filter = "psnr", 4, "psnr"
    figures = (
        Figure(
            "psnr_y",
            "PSNR Y",
            "dB",
            True,
            2,
            perfect=HIGHEST_DB,
            in_panel=False,  # psnr_yuv has it
            search_tolerance=_SEARCH_DB,
        ),
        Figure(
            "psnr_yuv",
            "PSNR YUV 6:1:1",
            "dB",
            True,
            2,
            perfect=HIGHEST_DB,
            search_tolerance=_SEARCH_DB,
        ),
    )

    def measure(self, pair: Pair) -> Series:
        # Read off the mean squared errors: a plane without error has no ratio in the filter's
        # metadata, or an infinite one.
        rows = [
            {plane: _ratio_db(row[f"mse.{plane}"]) for plane in "yuv"} for row in self.rows(pair)
        ]
        return {
            "psnr_y": [row["y"] for row in rows],
            "psnr_yuv": [weighted_db(**row) for row in rows],
        }


class Ssim(FilterMetric):
    """Structural similarity of luma (blocks of 8, FFmpeg's ssim)."""

    name, place, filter = "ssim", 5, "ssim"
    figures = (Figure("ssim", "SSIM Y", "", True, 4, perfect=1, in_panel=False),)

    def measure(self, pair: Pair) -> Series:
        return {"ssim": [row["Y"] for row in self.rows(pair)]}


class Xpsnr(FilterMetric):
    """PSNR weighted by what the eye would see of it (Helmrich et al.), planes 6:1:1."""

    name, place, filter, version = "xpsnr", 3, "xpsnr", 2  # 1 weighted by the decoded pictures
    figures = (
        Figure(
            "xpsnr",
            "XPSNR YUV 6:1:1",
            "dB",
            True,
            2,
            perfect=HIGHEST_DB,
            search_tolerance=_SEARCH_DB,
        ),
    )

    def identity(self) -> dict[str, str]:
        return super().identity() | {"weighted by": "the source"}

    def measure(self, pair: Pair) -> Series:
        return {
            "xpsnr": [
                weighted_db(row["xpsnr.y"], row["xpsnr.u"], row["xpsnr.v"])
                for row in self.rows(pair)
            ]
        }


def _ratio_db(mse: float) -> float:
    return HIGHEST_DB if mse <= 0 else min(HIGHEST_DB, 10 * math.log10(255**2 / mse))
