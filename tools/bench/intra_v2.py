"""Keyframes of format version 2 from weights of a training, beside SVT-AV1 intra: real bytes of
pictures, or of the first frames of clips.

    python -m tools.bench.intra_v2 --weights FILE PICTURE... [--lpips FILE] [--no-svtav1]

Bytes of ours are whole access units (header and checksums included), decoded by the bitstream's
decoder; of SVT-AV1, preset 5, the packets.  Figures at a bitrate are interpolated in log bpp over
the quantiser, per codec, on the means over the pictures.  ``tools.bench.keyframes`` measures a
bundle's keyframes as the encoder codes them.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bitstream.v1.quantiser import step_latent
from tools.bench import svtav1_intra
from tools.bench.bpp_curves import at_equal_bytes
from tools.bench.options import bench_parser, parse
from tools.bench.picture_figures import PictureFigures, curve, load_picture
from tools.bench.results import Report
from videocodec.encoder.picture_coder import PictureCoder
from videocodec.judges.lpips import LpipsSqueeze


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
    figures = PictureFigures(LpipsSqueeze(args.lpips) if args.lpips else None, vmaf=True)
    pictures = [load_picture(file) for file in args.pictures]
    coder = PictureCoder(args.weights)

    def ours(picture: np.ndarray, quantiser: int) -> tuple[int, np.ndarray]:
        coded = coder.code(picture, quantiser)
        return len(coded.data), coded.decoded

    def step(quantiser: int) -> float:
        return round(step_latent(quantiser), 2)

    report = Report(args, clips=args.pictures)
    curves = {"format 2": curve(pictures, args.quantisers, ours, figures, step)}
    if not args.no_svtav1:
        curves["SVT-AV1 intra"] = curve(
            pictures, args.svtav1_crf, svtav1_intra.code_picture, figures, float
        )
    for name, table in curves.items():
        report.table(name, table, f"{name}, mean over {len(pictures)} pictures")
    equal = at_equal_bytes(curves, args.bpp, figures.formats)
    report.table("equal bytes", equal, "Interpolated over log bpp")
    report.save()


if __name__ == "__main__":
    main()
