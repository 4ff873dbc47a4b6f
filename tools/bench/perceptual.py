"""What ``encode --perceptual`` is worth at equal bytes, in lpips-squeeze, PSNR and flicker, and
what it takes.

    python -m tools.bench.perceptual --clips DIR --lpips FILE [--crf 32 44] [--preset medium]
    [--max-frames 33] [--model embedded]

Every clip is coded with and without it; without it also at crfs 4 and 8 below and above, between
which bytes, logarithmic, are interpolated: what is compared is as large.  Figures as in
``bench_restoration.py``; flicker is what there is beyond the source's, which is negative where
pictures change less than their source does, and 0 would be right.  Of a model with a UNet the
judged file is decoded with and without it; the files it is compared with are decoded without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from tools.bench.markdown import table
from tools.bench.restoration import Figures, measure
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.encoder.api import encode
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import pick_device
from videocodec.restoration.base import IdentityRestoration
from videocodec.restoration.diffusion import DiffusionRestoration

AROUND = (-8, -4, 0, 4, 8)  # crf


class Comparison:
    """One clip, coded in several ways."""

    def __init__(
        self, clip: Path, args: argparse.Namespace, perceptual: LpipsSqueeze, folder: Path
    ) -> None:
        self._clip, self._args, self._perceptual, self._folder = clip, args, perceptual, folder
        with VideoSource(clip, max_frames=args.max_frames) as video:
            self._source = [frame.rgb for frame in video]

    def coded(self, crf: int, judged: bool) -> tuple[Path, float]:
        """A file and the seconds it took."""
        target = self._folder / f"{self._clip.stem}-{crf}{'-judged' * judged}.mp4"
        begin = time.monotonic()
        args = self._args
        options = {
            "model": args.model,
            "preset": args.preset,
            "max_frames": args.max_frames,
            "device": args.device,
            "threads": args.threads,
        }
        encode(
            self._clip,
            target,
            crf=crf,
            perceptual=args.lpips if judged else None,
            overwrite=True,
            **options,
        )
        return target, time.monotonic() - begin

    def figures(self, file: Path, with_unet: bool = False) -> Figures:
        """Of a file, decoded with or without the model's UNet."""
        stream, args = LatentStream(file, self._args.model), self._args
        restoration = IdentityRestoration()
        if with_unet:
            restoration = DiffusionRestoration(
                stream.bundle, stream.header, pick_device(args.device)
            )
        return measure(
            PictureDecoder(stream, args.device, args.threads, restoration),
            self._source,
            self._perceptual,
        )

    def row(self, crf: int) -> tuple[list[str], list[tuple[float, ...]]]:
        """Cells, and for every way of decoding the change of lpips (relative) and PSNR at equal
        bytes, and flicker before and after.
        """
        points, seconds = [], 0.0
        for offset in AROUND:
            if 0 <= crf + offset <= 63:
                file, took = self.coded(crf + offset, judged=False)
                found = self.figures(file)
                points.append((file.stat().st_size, found.lpips, found.psnr, found.flicker))
                if offset == 0:
                    plain, seconds = points[-1], took
        points.sort()
        judged, took = self.coded(crf, judged=True)
        size = judged.stat().st_size
        same = [
            float(np.interp(np.log(size), np.log([p[0] for p in points]), [p[i] for p in points]))
            for i in (1, 2, 3)
        ]
        changes = []
        for with_unet in (False, True) if ModelBundle.find(self._args.model).has_unet else (False,):
            found = self.figures(judged, with_unet)
            changes.append(
                (found.lpips / same[0] - 1, found.psnr - same[1], same[2], found.flicker)
            )
        cells = [self._clip.stem, str(plain[0]), f"{plain[1]:.4f}", f"{plain[2]:.2f}", str(size)]
        for lpips, psnr, before, after in changes:
            cells += [f"{100 * lpips:+.1f} %", f"{psnr:+.2f}", f"{before:+.3f} → {after:+.3f}"]
        return [*cells, f"{seconds:.1f} → {took:.1f}"], changes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[32, 44])
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--max-frames", type=int, default=33)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--model", default="embedded", help="bundle")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    perceptual = LpipsSqueeze(args.lpips)
    clips = sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    )
    ways = (
        ["judged", "judged, with the UNet"] if ModelBundle.find(args.model).has_unet else ["judged"]
    )
    heads = [f"{figure} {way}" for way in ways for figure in ("lpips", "PSNR", "flicker")]
    with tempfile.TemporaryDirectory() as folder:
        for crf in args.crf:
            rows, every = [], []
            for clip in clips:
                cells, changes = Comparison(clip, args, perceptual, Path(folder)).row(crf)
                rows.append(cells)
                every.append(changes)
                print(f"crf {crf} {' '.join(cells)}", file=sys.stderr, flush=True)
            means = np.mean(every, axis=0)
            cells = (
                f
                for m in means
                for f in (f"{100 * m[0]:+.1f} %", f"{m[1]:+.2f}", f"{m[2]:+.3f} → {m[3]:+.3f}")
            )
            rows.append(["mean", "", "", "", "", *cells, ""])
            for way, mean, all_of in zip(ways, means, zip(*every)):
                lower = sum(change[0] < 0 for change in all_of)
                before, after = (np.mean([abs(change[i]) for change in all_of]) for i in (2, 3))
                print(
                    f"\ncrf {crf}, {way}: lpips {100 * mean[0]:+.1f} % at equal bytes, lower on"
                    f" {lower} of {len(every)}"
                )
                print(
                    f"flicker off the source's by {before:.3f} grey levels before, {after:.3f}"
                    " after"
                )
            print()
            table(["clip", "bytes", "lpips", "PSNR", "bytes judged", *heads, "seconds"], rows)


if __name__ == "__main__":
    main()
