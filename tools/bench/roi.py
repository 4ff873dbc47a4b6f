"""What an offset of a region (``encode --roi``) is worth: bytes, and PSNR in the region and beside
it, against files without regions.

    python -m tools.bench.roi --clip FILE --region X Y WIDTH HEIGHT [--crf 44]
        [--offsets -12 -6 6 12] [--finer 6 12] [--model NAME] [--preset veryfast]
        [--max-frames 9] [--results]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.decoder.frames import decode_frames
from videocodec.encoder.api import encode
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.presets import PRESETS


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("roi", __doc__ or "")
    made.add_argument("--clip", type=Path, required=True)
    made.add_argument("--region", type=int, nargs=4, required=True, metavar="PX")
    made.add_argument("--crf", type=int, default=44)
    made.add_argument("--offsets", type=int, nargs="+", default=[-12, -6, 6, 12])
    made.add_argument(
        "--finer", type=int, nargs="+", default=[6, 12], help="crfs of whole pictures"
    )
    made.add_argument("--model", default="embedded", metavar="NAME")
    made.add_argument("--preset", choices=PRESETS, default="veryfast")
    made.add_argument("--max-frames", type=int, default=9, metavar="N")
    return made


class Measured:
    """One clip and one region of it."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self._args, self._folder = args, folder
        with VideoSource(args.clip, max_frames=args.max_frames) as source:
            self._source = [frame.rgb.astype(np.float32) for frame in source]
        x, y, width, height = args.region
        self._region = {"x": x, "y": y, "width": width, "height": height}
        self._inside = np.zeros(self._source[0].shape[:2], dtype=bool)
        self._inside[y : y + height, x : x + width] = True

    def figures(self, crf: int, offset: int) -> tuple[int, float, float]:
        """Bytes, and PSNR in dB inside and outside."""
        regions, coded = self._folder / "roi.json", self._folder / "coded.mp4"
        regions.write_text(json.dumps([self._region | {"offset": offset}]))
        report = encode(
            self._args.clip,
            coded,
            crf=crf,
            roi=regions if offset else None,
            preset=self._args.preset,
            model=self._args.model,
            max_frames=self._args.max_frames,
            overwrite=True,
            device="cpu",
            threads=1,
        )
        errors = [
            np.square(frame.data.transpose(1, 2, 0) - source).mean(2)
            for frame, source in zip(decode_frames(coded, device="cpu"), self._source, strict=True)
        ]
        mean = np.mean(errors, axis=0)
        inside, outside = (
            float(10 * np.log10(255**2 / mean[part].mean()))
            for part in (self._inside, ~self._inside)
        )
        return report.video_bytes, inside, outside


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    args = parse(parser(), arguments)
    table = Table(
        ["crf", "offset", "bytes", "PSNR inside", "PSNR outside"],
        ["{}", "{:+}", "{}", "{:.2f}", "{:.2f}"],
    )
    with tempfile.TemporaryDirectory() as folder:
        measured = Measured(args, Path(folder))
        cases = [(args.crf, offset) for offset in (0, *args.offsets)]
        for crf, offset in [*cases, *((args.crf - finer, 0) for finer in args.finer)]:
            line = table.add(crf, offset, *measured.figures(crf, offset))
            print(line, file=sys.stderr, flush=True)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=[args.clip])
    report.table("regions", table)
    report.save()


if __name__ == "__main__":
    main()
