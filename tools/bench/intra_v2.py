"""Keyframes of format version 2, beside SVT-AV1 intra: real bytes of pictures, or of the
first frames of clips.

    python -m tools.bench.intra_v2 --weights FILE PICTURE... [--lpips FILE] [--no-svtav1]

Bytes of ours are whole access units (header and checksums included), decoded by the bitstream's
decoder; of SVT-AV1, preset 5, the packets.  Figures at a bitrate are interpolated in log bpp over
the quantiser, per codec, on the means over the pictures.
"""

from __future__ import annotations

import io
import math
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from bitstream.v1.quantiser import step_latent
from tools.bench import svtav1_intra
from tools.bench.bpp_curves import at_bpp
from tools.bench.markdown import Table
from tools.bench.options import VIDEO_SUFFIXES, bench_parser, parse
from tools.bench.results import Report
from videocodec.encoder.picture_coder import PictureCoder
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.training.losses import grey_level_error
from videocodec.training.second.losses import colour_planes

FIGURES = ("RGB PSNR dB", "luma PSNR dB", "colour PSNR dB", "SSIMULACRA2", "lpips-squeeze")
FORMATS = ("{:.2f}", "{:.2f}", "{:.2f}", "{:.1f}", "{:.3f}")
# Gives bytes and decoded RGB of a picture at a quantiser.
Coded = Callable[[np.ndarray, int], tuple[int, np.ndarray]]


def load_picture(file: Path) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a picture, or of a clip's first frame."""
    if file.suffix in VIDEO_SUFFIXES:
        with VideoSource(file, max_frames=1) as source:
            return next(iter(source)).rgb
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise SystemExit(f"{file}: no picture")
    return picture


def figures(decoded: np.ndarray, source: np.ndarray, lpips: LpipsSqueeze | None) -> list[float]:
    """PSNR of RGB, of luma and of the colour differences (BT.601) in dB, SSIMULACRA2, lpips-squeeze
    where its weights are given.
    """
    first, second = (
        torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in (decoded, source)
    )
    error = grey_level_error(first, second)
    planes = (error, *colour_planes(error))
    psnrs = [10 * math.log10(255**2 / max(float(plane.square().mean()), 1e-9)) for plane in planes]
    files = []
    for picture in (source, decoded):
        files.append(io.BytesIO())
        Image.fromarray(picture).save(files[-1], "BMP")
        files[-1].seek(0)
    psnrs.append(float(compute_ssimulacra2(*files)))
    if lpips is not None:
        with torch.inference_mode():
            psnrs.append(float(lpips(first, second)))
    return psnrs


def curve(
    pictures: Sequence[np.ndarray],
    quantisers: Sequence[int],
    code: Coded,
    lpips: LpipsSqueeze | None,
    name: str,
) -> Table:
    """Means over the pictures, a row for each quantiser; name: of those."""
    count = len(FIGURES) - (lpips is None)
    table = Table([name, "bpp", *FIGURES[:count]], ["{:g}", "{:.3f}", *FORMATS[:count]])
    for quantiser in quantisers:
        rows = []
        for picture in pictures:
            size, decoded = code(picture, quantiser)
            bpp = 8 * size / (picture.shape[0] * picture.shape[1])
            rows.append([bpp, *figures(decoded, picture, lpips)])
        means = [float(value) for value in np.mean(rows, axis=0)]
        of_row = round(step_latent(quantiser), 2) if name == "step" else quantiser
        print(table.add(of_row, *means), file=sys.stderr, flush=True)
    return table


def parser() -> ArgumentParser:
    """The command line."""
    cli = bench_parser("intra_v2", __doc__)
    cli.add_argument("pictures", type=Path, nargs="+", help="pictures, or clips")
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    cli.add_argument("--bpp", type=float, nargs="+", default=[0.55, 0.25, 0.13])
    cli.add_argument("--quantisers", type=int, nargs="+", default=[19, 28, 34, 40, 46, 52, 58, 64])
    cli.add_argument("--svtav1-crf", type=int, nargs="+", default=[15, 25, 35, 45, 52, 58, 63])
    cli.add_argument("--no-svtav1", action="store_true")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    lpips = LpipsSqueeze(args.lpips) if args.lpips else None
    pictures = [load_picture(file) for file in args.pictures]
    coder = PictureCoder(args.weights)

    def ours(picture: np.ndarray, quantiser: int) -> tuple[int, np.ndarray]:
        coded = coder.code(picture, quantiser)
        return len(coded.data), coded.decoded

    report = Report(args, clips=args.pictures)
    curves = {"format 2": curve(pictures, args.quantisers, ours, lpips, "step")}
    if not args.no_svtav1:
        curves["SVT-AV1 intra"] = curve(
            pictures, args.svtav1_crf, svtav1_intra.code_picture, lpips, "crf"
        )
    columns = curves["format 2"].columns[2:]
    equal = Table(["codec", *columns], ["{}", *FORMATS[: len(columns)]])
    for name, table in curves.items():
        report.table(name, table, f"{name}, mean over {len(pictures)} pictures")
    for bpp in args.bpp:
        for name, table in curves.items():
            equal.add(f"{name}, {bpp:g} bpp", *at_bpp(table, bpp))
    report.table("equal bytes", equal, "Interpolated over log bpp")
    report.save()


if __name__ == "__main__":
    main()
