"""What bounds keyframes of the second autoencoder: pictures without quantisation, and what a plain
block transform does.

    python -m tools.bench.intra_bounds --weights FILE --training DIR PICTURE... [--steps 0.6 1.2]

Means over the centre crops of 192 px of all pictures (or first frames of clips).  First table:
decoded without any quantisation, and quantised with estimated bits.  The distance between the two
is what finer steps can gain; the first is the ceiling.  Second table: the first K principal
components of blocks of 8×8 px of the pictures in --training, uniform levels with a dead zone of
0.1, bits by the entropy of each component's levels in each picture, without any context and
without what the tables of frequencies would cost.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.picture_figures import load_picture
from tools.bench.results import Report
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.losses import grey_level_error
from videocodec.training.pictures import load_pictures
from videocodec.training.second.losses import colour_planes
from videocodec.training.second.panel import STEPS, validation_crops
from videocodec.training.second.start import principal_components

_SCALE = 0.9  # of components, as training starts: steps of both tables are of one kind
_BLOCK, _PIXELS = 8, 64
_DEAD_ZONE = 0.1
_DECIBELS = ("luma PSNR dB", "RGB PSNR dB")


def psnr(decoded: torch.Tensor, source: torch.Tensor) -> list[float]:
    """Means over pictures (B, 3, H, W) in [-1, 1], of luma and of RGB, in dB."""
    error = grey_level_error(decoded.clamp(-1, 1), source)
    luma, _ = colour_planes(error)
    squares = (plane.square().flatten(1).mean(1) for plane in (luma, error))
    return [float((10 * torch.log10(255**2 / s.clamp_min(1e-6))).mean()) for s in squares]


@torch.no_grad()
def autoencoder(weights: Path, pictures: torch.Tensor, steps: Sequence[float]) -> Table:
    """With and without quantisation."""
    codec = SecondCodec()
    codec.load(weights)
    table = Table(
        ["step", *(f"unquantised, {name}" for name in _DECIBELS), "bpp", *_DECIBELS],
        ["{:g}", "{:.2f}", "{:.2f}", "{:.3f}", "{:.2f}", "{:.2f}"],
    )
    latents = codec.encoder(pictures)
    for value in steps:
        step = torch.full((len(pictures),), value)
        decoded, bpp = codec(pictures, step)
        whole = psnr(codec.decoder(latents, torch.log2(step)), pictures)
        table.add(value, *whole, float(bpp.mean()), *psnr(decoded, pictures))
    return table


def block_transform(
    components: np.ndarray, pictures: torch.Tensor, steps: Sequence[float], counts: Sequence[int]
) -> Table:
    """The linear bound; components (192, 192): by falling energy."""
    table = Table(
        ["step", "components", "bpp", *_DECIBELS], ["{:g}", "{:d}", "{:.3f}", "{:.2f}", "{:.2f}"]
    )
    size = pictures.shape[2:]
    blocks = torch.nn.functional.unfold(pictures, _BLOCK, stride=_BLOCK).double()
    for step in steps:
        for count in counts:
            basis = torch.from_numpy(components[:count].copy()) * _SCALE
            scaled = basis @ blocks / step
            levels = scaled.sign() * torch.floor(scaled.abs() + 0.5 - _DEAD_ZONE)
            found = (basis.T @ levels * step / _SCALE**2).float()
            decoded = torch.nn.functional.fold(found, size, _BLOCK, stride=_BLOCK)
            table.add(step, count, bits(levels) / _PIXELS, *psnr(decoded, pictures))
    return table


def bits(levels: torch.Tensor) -> float:
    """Bits per position of levels (B, K, positions), by the entropy of each row; means of blocks
    are taken as differences from the one before.
    """
    total = 0.0
    for picture in levels.numpy():
        for index, row in enumerate(picture):
            counts = np.unique(np.diff(row) if index == 0 else row, return_counts=True)[1]
            shares = counts / counts.sum()
            total -= float((shares * np.log2(shares)).sum())
    return total / len(levels)


def parser() -> ArgumentParser:
    """The command line."""
    cli = bench_parser("intra_bounds", __doc__)
    cli.add_argument("pictures", type=Path, nargs="+", help="pictures, or clips")
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--training", type=Path, required=True, help="folder of pictures")
    cli.add_argument("--steps", type=float, nargs="+", default=list(STEPS))
    cli.add_argument("--components", type=int, nargs="+", default=[48, 64, 96, 192])
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    pictures = validation_crops([load_picture(file) for file in args.pictures])
    if pictures is None:
        sys.exit("no picture has 192 px a side")
    report = Report(args, clips=args.pictures)
    table = autoencoder(args.weights, pictures, args.steps)
    report.table("autoencoder", table, f"{args.weights.name}, mean over {len(pictures)} pictures")
    components = principal_components(load_pictures([args.training], smallest=_BLOCK, least=1))
    table = block_transform(components, pictures, args.steps, args.components)
    report.table("blocks", table, "Principal components of blocks of 8×8 px")
    report.save()


if __name__ == "__main__":
    main()
