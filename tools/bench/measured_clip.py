"""Clips coded, decoded and measured in this process, where an encoder's parts can be exchanged."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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


class Measurements:
    """Points of one clip by what they are of, kept in a file if there is a folder for it."""

    def __init__(self, measured: MeasuredClip, crfs: Sequence[int], folder: Path | None) -> None:
        self._measured, self._crfs = measured, crfs
        self._file = None if folder is None else folder / f"{measured.clip.name}.json"
        self._known: dict[str, list[dict[str, Any]]] = {}
        if self._file is not None and self._file.is_file():
            self._known = json.loads(self._file.read_text())

    def points(self, name: str, model: str | Path, **options: Any) -> list[Point]:
        """Of all crfs, with what is patched now, and with options of ``videocodec.encode``; name:
        to remember them by.
        """
        key = f"{name} {self._measured.clip.frames} {self._crfs}"
        if key not in self._known:
            points = [self._measured.point(crf, model, **options) for crf in self._crfs]
            self._known[key] = [asdict(point) for point in points]
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(json.dumps(self._known))
        return [Point(**point) for point in self._known[key]]


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
    return found | {"panel": mean_saving(list(found.values()))}


def mean_saving(rates: Sequence[float | None]) -> float | None:
    """Of those that are known, as ratios."""
    known = [rate for rate in rates if rate is not None]
    return geometric_mean(known) if known else None
