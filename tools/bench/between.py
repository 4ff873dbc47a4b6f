"""Frames that were never sent: every second frame of clips left out, and made again.

    python -m tools.bench.between --clips DIR [--lpips FILE] [--model NAME_OR_DIR] [--crf 32]
        [--preset veryfast] [--frames 25] [--only NAME …] [--metrics NAME …] [--save FOLDER]

The first, third, fifth … of ``--frames`` frames are encoded at the crf, and every frame left out is
put in its place in four ways: the coded frame before it repeated; the mean of both coded ones;
optical flow between both decoded pictures (OpenCV's DIS, both moved half way along it and mixed);
and what ``decode --fps`` makes.  Each is compared, in all measures of the panel, with the frames
that were left out.  "coded" are the coded frames against theirs, for scale.  ``better`` counts the
clips in which what ``decode --fps`` makes is the better one, by measure.  ``--save`` writes what
was left out and all ways beside each other, a PNG for the middle of each clip.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

import videocodec
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.panel_figures import (
    RATE,
    PanelFigures,
    Picture,
    all_figures,
    figures_table,
    pictures_of,
    write_lossless,
)
from tools.bench.results import Report
from videocodec.ladder.metrics import Figure
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.optical_flow import DenseFlow, warped
from videocodec.presets import PRESETS

THREADS = 1
OURS = "videocodec"
WAYS = ("repeated", "mean of both", "flow (DIS)", OURS)
_MEDIUM = 2  # preset of DIS
Figures = dict[str, float]


def half_way(before: Picture, after: Picture, flow: DenseFlow) -> Picture:
    """The picture between two, both moved half way along the optical flow between them."""
    first, second = (
        np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        for picture in (before, after)
    )
    moved = (
        warped(before, 0.5 * flow(second, first)).astype(np.float32),
        warped(after, 0.5 * flow(first, second)).astype(np.float32),
    )
    mixed: Picture = np.rint((moved[0] + moved[1]) / 2).astype(np.uint8)
    return mixed


def made_again(coded: Path, count: int) -> tuple[list[Picture], list[dict[str, Picture]]]:
    """The ``count`` coded frames of a file, and between each and the next what every one of
    ``WAYS`` puts there.
    """
    flow = DenseFlow(_MEDIUM)
    with videocodec.VideoReader(coded, device="cpu", threads=THREADS) as video:
        kept = [_picture(video[number]) for number in range(count)]
        between = []
        for number in range(count - 1):
            before, after = kept[number], kept[number + 1]
            seconds = float((number + Fraction(1, 2)) / RATE)
            made = _picture(video.at_time(seconds, interpolate=True))
            mean = ((before.astype(np.uint16) + after + 1) // 2).astype(np.uint8)
            ways = (before, mean, half_way(before, after, flow), made)
            between.append(dict(zip(WAYS, ways, strict=True)))
    return kept, between


def _picture(frame: videocodec.Frame) -> Picture:
    return np.ascontiguousarray(frame.data.transpose(1, 2, 0))


class LeftOut:
    """One clip, half of its frames coded and the others made again in every way.

    path: of the clip.  args: of the command line.  folder: empty.
    """

    def __init__(self, path: Path, args: argparse.Namespace, folder: Path) -> None:
        source = pictures_of(path, args.frames)
        half, coded = folder / "half.mkv", folder / "half.lv.mp4"
        write_lossless(half, source[::2])
        videocodec.encode(
            half,
            coded,
            crf=args.crf,
            preset=args.preset,
            device="cpu",
            threads=THREADS,
            model=args.model,
        )
        self._kept, between = made_again(coded, len(source[::2]))
        self._between = {way: [ways[way] for ways in between] for way in WAYS}
        self._source = source
        self._name = path.stem
        count = len(between)
        folders = [folder / name for name in ("coded", "between")]
        for each in folders:
            each.mkdir()
        self._of_coded, self._of_between = (
            PanelFigures(pictures, each, args.lpips, args.metrics)
            for pictures, each in zip(
                (source[::2][:count], source[1::2][:count]), folders, strict=True
            )
        )

    @property
    def figures(self) -> list[Figure]:
        """Those that are measured."""
        return self._of_between.figures

    def measured(self) -> dict[str, Figures]:
        """By way, and of the "coded" frames: means by figure."""
        pictures = self._between[OURS]
        found = {"coded": self._of_coded.measured(self._kept[: len(pictures)])}
        return found | {way: self._of_between.measured(made) for way, made in self._between.items()}

    def save(self, folder: Path) -> None:
        """The middle one of the frames left out, and what every way has there."""
        middle = len(self._between[OURS]) // 2
        row = [self._source[2 * middle + 1], *(self._between[way][middle] for way in WAYS)]
        sheet = cv2.cvtColor(np.hstack(row), cv2.COLOR_RGB2BGR)
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{self._name}.png"), sheet)


def better(clips: Sequence[Mapping[str, Figures]], figures: Sequence[Figure]) -> Table:
    """In how many clips what ``decode --fps`` makes is better than every other way, of those that
    have a figure.  clips: what ``LeftOut.measured`` found of each.
    """
    table = Table(["better than", *(figure.name for figure in figures)])
    for other in WAYS[:-1]:
        cells = []
        for figure in figures:
            sign = 1 if figure.higher_is_better else -1
            gains = [
                sign * (ways[OURS][figure.name] - ways[other][figure.name])
                for ways in clips
                if figure.name in ways[OURS]
            ]
            cells.append(f"{sum(gain > 0 for gain in gains)} of {len(gains)}")
        table.add(other, *cells)
    return table


def tables(
    clips: Sequence[Mapping[str, Figures]], figures: Sequence[Figure], names: Sequence[str]
) -> dict[str, Table]:
    """Means over the clips, what is better in how many of them, and the figures of each.

    clips: what ``LeftOut.measured`` found of each; names: theirs.  A figure that a clip is too
    small for is empty there, and its mean is that of the others.
    """
    means, every = figures_table(figures, "frames"), figures_table(figures, "clip", "frames")
    for way in ("coded", *WAYS):
        found = [[ways[way].get(figure.name, np.nan) for figure in figures] for ways in clips]
        means.add(way, *np.nanmean(found, 0).tolist())
    for name, ways in zip(names, clips, strict=True):
        for way, values in ways.items():
            every.add(name, way, *(values.get(figure.name) for figure in figures))
    return {"means": means, "better": better(clips, figures), "between": every}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("between", __doc__ or "")
    add_clips(made)
    made.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    made.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME_OR_DIR")
    made.add_argument("--crf", type=int, default=32)
    made.add_argument("--preset", choices=PRESETS, default="veryfast")
    made.add_argument(
        "--frames", type=int, default=25, help="of each clip, before leaving out: five or more"
    )
    made.add_argument(
        "--metrics", nargs="+", default=[], metavar="NAME", help="default: all that there are"
    )
    made.add_argument("--save", type=Path, help="folder for pictures")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    paths = clip_paths(args)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=paths)
    clips: list[dict[str, Figures]] = []
    figures: dict[str, Figure] = {}
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            clip = LeftOut(path, args, Path(folder))
            figures |= {figure.name: figure for figure in clip.figures}
            clips.append(clip.measured())
            for way, found in clips[-1].items():
                print(path.stem, way, found, file=sys.stderr, flush=True)
            if args.save is not None:
                clip.save(args.save)
    ordered = [each for each in all_figures() if each.name in figures]
    for name, table in tables(clips, ordered, [path.stem for path in paths]).items():
        report.table(name, table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
