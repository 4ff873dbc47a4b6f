"""Pictures of twice the coded size: a model's network for it beside bicubic and Lanczos
enlargement, in all measures of the panel.

    python -m tools.bench.upscaling --clips DIR [--only NAME …] [--model BUNDLE] [--crf 20 32 44]
        [--preset superfast] [--frames 9] [--metrics NAME …] [--lpips FILE] [--save FOLDER]

Frames of clips are shrunk by two (Lanczos), coded at each crf, and decoded: enlarged by bicubic and
by Lanczos interpolation, and as ``decode --scale 2`` does with the network.  Each is compared with
what was shrunk.  All ways take the same bytes, so a BD-rate says how many fewer bytes pictures
enlarged by the network need for the same quality; the panel is their mean over the measures, of
ratios.  ``--save`` writes source and ways beside each other, a PNG for each clip and crf.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

import videocodec
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.panel_figures import (
    PanelFigures,
    Picture,
    pictures_of,
    write_lossless,
)
from tools.bench.results import Report
from videocodec.ladder.clips import Clip, prepare
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.ladder.metrics import Figure
from videocodec.ladder.panel import geometric_mean
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.presets import PRESETS
from videocodec.scaling import magnified, shrunk

THREADS = 1
WAYS = ("bicubic", "Lanczos", "network")


@dataclass(frozen=True)
class Rung:
    """One file, shown in one way.  rate: kbit/s of the video.  figures: means over frames."""

    rate: float
    figures: dict[str, float]


def enlarged(coded: Path, model: Path, size: tuple[int, int]) -> dict[str, list[Picture]]:
    """The pictures of a file at twice its size (width, height), by every one of ``WAYS``."""
    found: dict[str, list[Picture]] = {way: [] for way in WAYS}
    for frame in videocodec.decode_frames(coded, model=model, device="cpu", threads=THREADS):
        usual = np.ascontiguousarray(frame.data.transpose(1, 2, 0))
        found["bicubic"].append(magnified(usual, size))
        lanczos = cv2.resize(usual, size, interpolation=cv2.INTER_LANCZOS4)
        found["Lanczos"].append(np.asarray(lanczos, np.uint8))
    for frame in videocodec.decode_frames(
        coded, model=model, device="cpu", threads=THREADS, scale=2
    ):
        found["network"].append(np.ascontiguousarray(frame.data.transpose(1, 2, 0)))
    return found


def cut(clip: Clip) -> list[Picture]:
    """The frames of a clip, RGB, cut to sides that four divides: half of them is even, too."""
    height, width = (side // 4 * 4 for side in (clip.height, clip.width))
    every = pictures_of(clip.path(), clip.frames)
    return [np.ascontiguousarray(picture[:height, :width]) for picture in every]


class Compared:
    """One clip, coded at half its size and shown in every way."""

    def __init__(self, source: Path, args: argparse.Namespace, folder: Path) -> None:
        self._args, self._folder = args, folder
        whole = prepare(source, folder / "whole", args.frames)
        self._pictures = cut(whole)
        self.name = source.stem
        (folder / "panel").mkdir()
        self._panel = PanelFigures(self._pictures, folder / "panel", args.lpips, args.metrics or ())

    @property
    def figures(self) -> list[Figure]:
        """Those of the panel that are measured."""
        return self._panel.figures

    def rungs(self, crf: int) -> dict[str, Rung]:
        """Code at a crf → every way's figures."""
        coded, rate = self._coded(crf)
        height, width = self._pictures[0].shape[:2]
        made = enlarged(coded, self._args.model, (width, height))
        if self._args.save is not None:
            beside = np.hstack([self._pictures[-1], *(made[way][-1] for way in WAYS)])
            sheet = str(self._args.save / f"{self.name}-{crf}.png")
            cv2.imwrite(sheet, cv2.cvtColor(beside, cv2.COLOR_RGB2BGR))
        return {way: Rung(rate, self._panel.measured(pictures)) for way, pictures in made.items()}

    def _coded(self, crf: int) -> tuple[Path, float]:
        """The file of the frames at half the size, and its rate in kbit/s."""
        half, coded = self._folder / "half.mkv", self._folder / "half.lv.mp4"
        height, width = self._pictures[0].shape[:2]
        size = width // 2, height // 2
        write_lossless(half, [shrunk(picture, size) for picture in self._pictures])
        report = videocodec.encode(
            half,
            coded,
            crf=crf,
            preset=self._args.preset,
            model=self._args.model,
            device="cpu",
            threads=THREADS,
            overwrite=True,
        )
        return coded, report.video_bitrate_bps / 1000


def gains(
    rungs: Mapping[str, Sequence[Rung]], other: str, figures: Sequence[Figure]
) -> dict[str, float | None]:
    """BD-rate in percent of the network against another way, by figure; None where there is none;
    and their mean as ``panel``.
    """
    found: dict[str, float | None] = {}
    for figure in figures:
        sign = 1 if figure.higher_is_better else -1
        ours, reference = (
            Curve.of((rung.rate, sign * rung.figures[figure.name]) for rung in rungs[way])
            for way in ("network", other)
        )
        found[figure.name] = bd_rate(ours, reference).value
    known = [value for value in found.values() if value is not None]
    return found | {"panel": geometric_mean(known) if known else None}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("upscaling", __doc__ or "")
    add_clips(made)
    made.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    made.add_argument("--model", default=DEFAULT_MODEL, help="with a network for twice the size")
    made.add_argument("--crf", type=int, nargs="+", default=[20, 32, 44], help="three or more")
    made.add_argument("--preset", choices=PRESETS, default="superfast")
    made.add_argument("--frames", type=int, default=9, help="of each clip")
    made.add_argument("--metrics", nargs="+", metavar="NAME", help="default: all that there are")
    made.add_argument("--save", type=Path, help="folder for pictures")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    bundle = ModelBundle.find(args.model)
    args.model = bundle.folder
    report = Report(args, models=[bundle], clips=clip_paths(args))
    every: Table | None = None
    saved: Table | None = None
    for source in clip_paths(args):
        with tempfile.TemporaryDirectory() as folder:
            compared = Compared(source, args, Path(folder))
            figures = compared.figures
            names = [figure.name for figure in figures]
            formats = [f"{{:.{figure.decimals}f}}" for figure in figures]
            every = every or Table(
                ["clip", "crf", "kbit/s", "enlarged by", *names],
                ["{}", "{}", "{:.1f}", "{}", *formats],
            )
            saved = saved or Table(
                ["clip", "network against", *names, "panel"],
                ["{}", "{}", *["{:+.1f} %"] * (len(names) + 1)],
            )
            rungs: dict[str, list[Rung]] = {way: [] for way in WAYS}
            for crf in args.crf:
                for way, rung in compared.rungs(crf).items():
                    rungs[way].append(rung)
                    values = (rung.figures[name] for name in names)
                    row = every.add(compared.name, crf, rung.rate, way, *values)
                    print(row, file=sys.stderr, flush=True)
            for other in WAYS[:2]:
                row = saved.add(compared.name, other, *gains(rungs, other, figures).values())
                print(row, file=sys.stderr, flush=True)
    if every is not None and saved is not None:
        report.table("figures", every)
        report.table("gains", saved)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
