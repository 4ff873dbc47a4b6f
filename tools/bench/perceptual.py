"""What ``encode --perceptual`` is worth at equal bytes, in lpips-squeeze, PSNR and flicker, and
what it takes.

    python -m tools.bench.perceptual --clips DIR --lpips FILE [--crf 32 44] [--preset medium]
        [--max-frames 33] [--model embedded] [--results]

Every clip is coded with and without it; without it also at crfs 4 and 8 below and above, between
which bytes, logarithmic, are interpolated: what is compared is as large.  Figures as in
``tools/bench/restoration.py``; flicker is what there is beyond the source's, which is negative
where pictures change less than their source does, and 0 would be right.  Of a model with a UNet the
judged file is decoded with and without it; the files it is compared with are decoded without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tools.bench.markdown import Cell, Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import Figures, measure
from tools.bench.results import Report
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.encoder.api import encode
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import pick_device
from videocodec.restoration.base import IdentityRestoration, Restoration
from videocodec.restoration.diffusion import DiffusionRestoration

AROUND = (-8, -4, 0, 4, 8)  # crf


@dataclass(frozen=True)
class Change:
    """A judged file against plain ones of as many bytes: lpips in percent, PSNR in dB, and flicker
    before and after in grey levels.
    """

    lpips: float
    psnr: float
    flicker_before: float
    flicker: float

    def figures(self) -> list[float]:
        """For a table."""
        return [self.lpips, self.psnr, self.flicker_before, self.flicker]


class Comparison:
    """One clip, coded in several ways."""

    def __init__(
        self, clip: Path, args: argparse.Namespace, perceptual: LpipsSqueeze, folder: Path
    ) -> None:
        self._clip, self._args, self._perceptual, self._folder = clip, args, perceptual, folder
        self._bundle = ModelBundle.find(args.model)
        with VideoSource(clip, max_frames=args.max_frames) as video:
            self._source = [frame.rgb for frame in video]

    def coded(self, crf: int, judged: bool) -> tuple[Path, float]:
        """A file and the seconds it took."""
        target = self._folder / f"{self._clip.stem}-{crf}{'-judged' * judged}.mp4"
        begin, args = time.monotonic(), self._args
        encode(
            self._clip,
            target,
            crf=crf,
            perceptual=args.lpips if judged else None,
            overwrite=True,
            model=args.model,
            preset=args.preset,
            max_frames=args.max_frames,
            device=args.device,
            threads=args.threads,
        )
        return target, time.monotonic() - begin

    def figures(self, file: Path, with_unet: bool = False) -> Figures:
        """Of a file, decoded with or without the model's UNet."""
        stream, args = LatentStream(file, self._args.model), self._args
        restoration: Restoration = IdentityRestoration()
        if with_unet:
            device = pick_device(args.device)
            restoration = DiffusionRestoration(stream.bundle, stream.header, device)
        decoder = PictureDecoder(stream, args.device, args.threads, restoration)
        return measure(decoder, self._source, self._perceptual)

    def row(self, crf: int) -> tuple[list[Cell], list[Change]]:
        """Name, bytes and lpips of the plain file, bytes of the judged one, seconds of both; and
        the change for every way of decoding.
        """
        points, seconds = [], 0.0
        for offset in AROUND:
            if 0 <= crf + offset <= 63:
                file, took = self.coded(crf + offset, judged=False)
                figures = self.figures(file)
                points.append((file.stat().st_size, figures.lpips, figures.psnr, figures.flicker))
                if offset == 0:
                    plain, seconds = points[-1], took
        points.sort()
        judged, took = self.coded(crf, judged=True)
        size, rates = judged.stat().st_size, np.log([point[0] for point in points])
        lpips, psnr, flicker = (
            float(np.interp(np.log(size), rates, [point[i] for point in points])) for i in (1, 2, 3)
        )
        changes = []
        for with_unet in (False, True)[: 1 + self._bundle.has_unet]:
            figures = self.figures(judged, with_unet)
            change = 100 * (figures.lpips / lpips - 1)
            changes.append(Change(change, figures.psnr - psnr, flicker, figures.flicker))
        return [self._clip.stem, plain[0], plain[1], size, seconds, took], changes


def compared_table(variants: Sequence[str]) -> Table:
    """An empty table for these ways of decoding a judged file."""
    heads = ["clip", "bytes", "lpips", "bytes judged", "seconds", "seconds judged"]
    formats = ["{}", "{}", "{:.4f}", "{}", "{:.1f}", "{:.1f}"]
    for variant in variants:
        heads += [
            f"lpips {variant}",
            f"PSNR {variant}",
            f"flicker before, {variant}",
            f"flicker {variant}",
        ]
        formats += ["{:+.1f} %", "{:+.2f}", "{:+.2f}", "{:+.2f}"]
    return Table(heads, formats)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("perceptual", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--crf", type=int, nargs="+", default=[32, 44])
    cli.add_argument("--preset", default="medium")
    cli.add_argument("--max-frames", type=int, default=33)
    cli.add_argument("--model", default="embedded", help="bundle")
    cli.add_argument("--device", default="cpu")
    cli.add_argument("--threads", type=int, default=2)
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    torch.set_num_threads(args.threads)
    perceptual, clips = LpipsSqueeze(args.lpips), clip_paths(args)
    bundle = ModelBundle.find(args.model)
    report = Report(args, models=[bundle], clips=clips)
    variants = ["judged", "judged, with the UNet"][: 1 + bundle.has_unet]
    with tempfile.TemporaryDirectory() as folder:
        for crf in args.crf:
            table = compared_table(variants)
            every: list[list[Change]] = []
            for clip in clips:
                row, changes = Comparison(clip, args, perceptual, Path(folder)).row(crf)
                row += [cell for change in changes for cell in change.figures()]
                every.append(changes)
                print(f"crf {crf} {table.add(*row)}", file=sys.stderr, flush=True)
            means = np.mean([[change.figures() for change in one] for one in every], axis=0)
            table.add("mean", *[None] * 5, *map(float, means.flatten()))
            for variant, of_way in zip(variants, zip(*every, strict=True), strict=True):
                lower = sum(change.lpips < 0 for change in of_way)
                before = np.mean([abs(change.flicker_before) for change in of_way])
                after = np.mean([abs(change.flicker) for change in of_way])
                report.note(
                    f"crf {crf}, {variant}: lpips lower on {lower} of {len(every)} clips; flicker"
                    f" off the source's by {before:.2f} grey levels before, {after:.2f} after."
                )
            report.table(f"crf {crf}", table, f"crf {crf}")
    report.save()


if __name__ == "__main__":
    main()
