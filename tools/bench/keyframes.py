"""Keyframes as the encoder codes them, against SVT-AV1 intra: real bytes and what they show, over
the first frames of a folder of clips.

    python -m tools.bench.keyframes --clips DIR --lpips FILE [--models second embedded]
        [--presets medium] [--judged] [--bpp 0.55 0.25 0.13] [--results]

Bytes of ours are whole access units (header and checksums included), of SVT-AV1, preset 5, the
packets.  Figures at a bitrate are interpolated in log bpp over the quantiser, per codec, on the
means over the clips.  ``--judged`` adds keyframes that are aimed at LPIPS with its weights
(``encode --perceptual``).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bitstream.container import StreamReader
from tools.bench import svtav1_intra
from tools.bench.bpp_curves import at_equal_bytes
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.picture_figures import Coded, PictureFigures, curve, load_picture
from tools.bench.results import Report
from videocodec import decode_frames, encode
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.models.bundle import ModelBundle
from videocodec.presets import PRESETS

SVTAV1 = "SVT-AV1 intra"


def coder(pictures: Sequence[np.ndarray], clips: Sequence[Path], **options: Any) -> Coded:
    """Codes those pictures, the first frames of the clips, with these options of ``encode``."""
    clip_of = {id(picture): clip for picture, clip in zip(pictures, clips, strict=True)}

    def code(picture: np.ndarray, crf: int) -> tuple[int, np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "keyframe.mp4"
            source = clip_of[id(picture)]
            encode(source, target, crf=crf, max_frames=1, threads=1, device="cpu", **options)
            with StreamReader(target) as reader:
                size = sum(unit.size for unit in reader.index())
            (frame,) = decode_frames(target, model=options["model"], threads=1, device="cpu")
            return size, np.ascontiguousarray(frame.data.transpose(1, 2, 0))

    return code


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("keyframes", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--models", nargs="+", default=["second"], metavar="NAME_OR_DIR")
    cli.add_argument("--presets", nargs="+", default=["medium"], choices=PRESETS)
    cli.add_argument("--judged", action="store_true", help="with --perceptual LPIPS as well")
    cli.add_argument("--bpp", type=float, nargs="+", default=[0.55, 0.25, 0.13])
    cli.add_argument("--crf", type=int, nargs="+", default=[16, 22, 28, 34, 40, 46, 52, 58, 63])
    cli.add_argument("--svtav1-crf", type=int, nargs="+", default=[15, 25, 35, 45, 52, 58, 63])
    cli.add_argument("--no-svtav1", action="store_true")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    figures, clips = PictureFigures(LpipsSqueeze(args.lpips), vmaf=True), clip_paths(args)
    models = [ModelBundle.find(name) for name in args.models]
    report = Report(args, models=models, clips=clips)
    pictures = [load_picture(clip) for clip in clips]
    curves = {}
    for model in args.models:
        for preset in args.presets:
            for perceptual in (None, args.lpips) if args.judged else (None,):
                code = coder(pictures, clips, model=model, preset=preset, perceptual=perceptual)
                name = f"{Path(model).name}, {preset}{', judged' if perceptual else ''}"
                curves[name] = curve(pictures, args.crf, code, figures, float)
    if not args.no_svtav1:
        code = svtav1_intra.code_picture
        curves[SVTAV1] = curve(pictures, args.svtav1_crf, code, figures, float)
    for name, table in curves.items():
        report.table(name, table, f"{name}, mean over {len(clips)} clips")
    equal = at_equal_bytes(curves, args.bpp, figures.formats)
    report.table("equal bytes", equal, "Interpolated over log bpp")
    report.save()


if __name__ == "__main__":
    main()
