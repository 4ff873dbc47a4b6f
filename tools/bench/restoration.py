"""What the UNet is worth: the same bytes decoded with and without it, in lpips-squeeze, PSNR and
flicker.

    python -m tools.bench.restoration --clips DIR --lpips FILE [--crf 32 44] [--steps 1]
        [--max-frames 65] [--cache DIR] [--model DIR] [--results]
    python -m tools.bench.restoration --clips DIR --lpips FILE --oracle 0.1 0.2 0.5 1

lpips-squeeze and PSNR (RGB) are those of every fourth frame and the one after it; flicker is the
mean absolute difference between these two along the source's motion (DIS flow), in grey levels,
beyond the source's own.  Figures of a clip are means over its frames, the last row is the mean over
the clips; lpips with the UNet is also given relative to that without. ``--oracle`` compares,
instead of a UNet, one that knows the source and takes that share of the error off every latent:
what could be gained at most.  ``--generation G`` encodes with blocks left to the restoration
(``EncoderSettings.generation``) and compares, on the frames that have any, filling them with
leaving them as predicted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tools.bench.markdown import Cell, Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import Figures, measure
from tools.bench.restorations import LeftAsPredicted, Oracle, generated_frames, source_latents
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
from videocodec.restoration.settings import RestorationSettings


def coded_file(clip: Path, crf: int, args: argparse.Namespace, folder: Path) -> Path:
    """The clip at a crf, encoded now or before."""
    digest = ModelBundle.find(args.model).sha256[:12]
    target = folder / f"{clip.stem}-{crf}-{args.max_frames}-{args.generation}-{digest}.mp4"
    if not target.exists():
        encode(
            clip,
            target,
            crf=crf,
            max_frames=args.max_frames,
            model=args.model,
            device="cpu",
            generation=args.generation,
        )
    return target


def compare(
    clip: Path, crf: int, args: argparse.Namespace, folder: Path, perceptual: LpipsSqueeze
) -> list[Figures] | None:
    """Figures without the UNet (or with generated blocks left as predicted), then with it at every
    number of steps; None for a clip without generated blocks where they are compared.
    """
    file = coded_file(clip, crf, args, folder)
    with VideoSource(clip, max_frames=args.max_frames) as video:
        source = [frame.rgb for frame in video]
    stream, only = LatentStream(file, args.model), None
    restorations: list[Restoration]
    if args.oracle:
        latents = source_latents(stream, source, args.device, args.threads)
        restorations = [Oracle(latents, share) for share in args.oracle]
    else:
        device = pick_device(args.device)
        restorations = [
            DiffusionRestoration(stream.bundle, stream.header, device, RestorationSettings(steps))
            for steps in args.steps
        ]
    if args.generation < 1:
        only = generated_frames(file, args.model)
        if not only:
            return None
        restorations.insert(0, LeftAsPredicted(restorations[0]))
    else:
        restorations.insert(0, IdentityRestoration())
    return [
        measure(
            PictureDecoder(stream, args.device, args.threads, restoration), source, perceptual, only
        )
        for restoration in restorations
    ]


def cells(figures: Sequence[Figures]) -> list[Cell]:
    """Of a clip: lpips, its change in percent but for the first way, PSNR, flicker."""
    cells: list[Cell] = []
    for f in figures:
        change = [] if f is figures[0] else [100 * (f.lpips / figures[0].lpips - 1)]
        cells += [f.lpips, *change, f.psnr, f.flicker]
    return cells


def compared_table(labels: Sequence[str]) -> Table:
    """An empty table for these ways of decoding, the first one what others are compared with."""
    heads, formats = ["clip"], ["{}"]
    for label in labels:
        change = label != labels[0]
        heads += [
            f"lpips {label}",
            *[f"change {label}"] * change,
            f"PSNR {label}",
            f"flicker {label}",
        ]
        formats += ["{:.4f}", *["{:+.1f} %"] * change, "{:.2f}", "{:+.3f}"]
    return Table(heads, formats)


def means(every: Sequence[Sequence[Figures]]) -> list[Figures]:
    """Over the clips, for each way."""
    return [
        Figures(
            *(
                float(np.mean([getattr(f[i], name) for f in every]))
                for name in ("psnr", "lpips", "flicker")
            )
        )
        for i in range(len(every[0]))
    ]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("restoration", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--crf", type=int, nargs="+", default=[32, 44])
    cli.add_argument("--steps", type=int, nargs="+", default=[1])
    cli.add_argument(
        "--oracle",
        type=float,
        nargs="+",
        metavar="SHARE",
        help="0 to 1, of the error of every latent to take off",
    )
    cli.add_argument("--max-frames", type=int, default=65)
    cli.add_argument("--cache", type=Path, help="folder to keep encoded files in")
    cli.add_argument("--model", default="embedded", help="bundle")
    cli.add_argument("--generation", type=float, default=1.0)
    cli.add_argument("--device", default="cpu")
    cli.add_argument("--threads", type=int, default=2)
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    cli = parser()
    args = parse(cli, arguments)
    if args.oracle and args.generation < 1:
        cli.error("--oracle and --generation exclude each other")
    torch.set_num_threads(args.threads)
    perceptual, clips = LpipsSqueeze(args.lpips), clip_paths(args)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=clips)
    first = "as decoded" if args.generation == 1 else "as predicted"
    labels = [f"{share:g} off" for share in args.oracle or ()]
    labels = labels or [f"{n} step{'s' * (n > 1)}" for n in args.steps]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for crf in args.crf:
            table, every = compared_table([first, *labels]), []
            for clip in clips:
                figures = compare(clip, crf, args, folder, perceptual)
                if figures is None:
                    report.note(f"crf {crf}: {clip.stem} has no generated block.")
                    continue
                every.append(figures)
                print(f"crf {crf} {table.add(clip.stem, *cells(figures))}", file=sys.stderr)
            if every:
                changes = [f[1].lpips / f[0].lpips - 1 for f in every]
                row = cells(means(every))
                row[4] = 100 * float(np.mean(changes))  # of the clips, not of the means
                table.add("mean", *row)
                lower = sum(change < 0 for change in changes)
                report.note(f"crf {crf}: lpips lower on {lower} of {len(every)} clips.")
            report.table(f"crf {crf}", table, f"crf {crf}")
    report.save()


if __name__ == "__main__":
    main()
