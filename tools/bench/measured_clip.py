"""Clips coded, decoded and measured in this process, where an encoder's parts can be exchanged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videocodec.encoder.api import encode
from videocodec.ladder.clips import as_frames, prepare
from videocodec.ladder.codecs import codec_named
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.ladder.metrics import Figure, Metric, Pair, all_metrics
from videocodec.ladder.panel import geometric_mean


@dataclass(frozen=True)
class Point:
    """One encode.  crf, width: that it was coded at.  rate: kbit/s.  figures: means over frames.
    encoding, decoding: seconds of the processor, of this process.
    """

    crf: float
    width: int
    rate: float
    figures: dict[str, float]
    encoding: float
    decoding: float


class MeasuredClip:
    """The first frames of one clip, coded and measured as often as is asked.

    folder: of files that are made on the way.  metrics: names, None for all that there are.
    lpips: weights of it, None to do without.
    """

    def __init__(
        self,
        source: Path,
        frames: int,
        folder: Path,
        metrics: Sequence[str] | None = None,
        lpips: Path | None = None,
    ) -> None:
        self._folder = folder
        self.clip = prepare(source, folder / "clips", frames)
        files = {} if lpips is None else {"lpips-weights": str(lpips)}
        self.metrics = [
            metric
            for name, metric in all_metrics(files).items()
            if metric.missing(self.clip) is None and (not metrics or name in metrics)
        ]

    @property
    def figures(self) -> list[Figure]:
        """Those of the panel that are measured."""
        return [each for metric in self.metrics for each in metric.figures if each.in_panel]

    def point(self, crf: int, model: str | Path, **options: Any) -> Point:
        """Code with options of ``videocodec.encode``, decode, and measure; all on one thread."""
        coded = self._folder / f"{self.clip.name}-{crf}.mp4"
        begin = time.process_time()
        report = encode(
            self.clip.path(),
            coded,
            crf=crf,
            overwrite=True,
            device="cpu",
            threads=1,
            model=model,
            **options,
        )
        coding = time.process_time()
        pair = self._pair(coded, str(model))
        decoding = time.process_time()
        return Point(
            report.crf,
            report.coded_width,
            report.video_bitrate_bps / 1000,
            {name: value for metric in self.metrics for name, value in _means(metric, pair)},
            coding - begin,
            decoding - coding,
        )

    def _pair(self, coded: Path, model: str) -> Pair:
        """The clip and what a decoder shows of a file."""
        decoded = self._folder / "decoded.yuv"
        with decoded.open("wb") as file:
            for frame in codec_named("videocodec").decode(coded, self.clip, 1, model):
                file.write(frame.planes().to_ndarray().tobytes())
        reference = self.clip.reference()
        source = Path(self.clip.folder) / "reference.yuv"
        return Pair(self.clip, reference, as_frames(decoded, self.clip), source, decoded)


def _means(metric: Metric, pair: Pair) -> Iterator[tuple[str, float]]:
    for name, values in metric.measure(pair).items():
        yield name, float(np.mean([value for value in values if value is not None]))


def savings(
    tested: Sequence[Point],
    reference: Sequence[Point],
    figures: Sequence[Figure],
    below: float = np.inf,
) -> Mapping[str, float | None]:
    """BD-rate in percent by figure, None where there is none, and their mean as ``panel``.

    below: kbit/s up to which rates count.
    """
    found: dict[str, float | None] = {}
    for figure in figures:
        sign = 1 if figure.higher_is_better else -1
        ours, theirs = (
            Curve.of((point.rate, sign * point.figures[figure.name]) for point in points)
            for points in (tested, reference)
        )
        found[figure.name] = bd_rate(ours, theirs, below=below).value
    known = [value for value in found.values() if value is not None]
    return found | {"panel": geometric_mean(known) if known else None}
