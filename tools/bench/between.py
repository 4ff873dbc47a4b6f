"""Frames that were never sent: every second frame of clips left out, and made again.

    python -m tools.bench.between --clips DIR --lpips FILE [--model embedded] [--crf 32]
        [--preset veryfast] [--frames 17] [--only NAME …]

The first, third, fifth … of ``--frames`` frames are encoded at the crf, and every frame left out is
put in its place in four ways: the coded frame before it repeated; the mean of both coded ones;
optical flow between both decoded pictures (OpenCV's DIS, both moved half way along it and mixed);
and what ``decode --fps`` makes.  Each is compared with the frame that was left out: PSNR over RGB,
SSIMULACRA2 and lpips-squeeze, means.  "coded" are the coded frames against theirs, for scale.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

import videocodec
from tools.bench.markdown import Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import quality
from tools.bench.results import Report
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.optical_flow import DenseFlow, warped
from videocodec.presets import PRESETS, Preset

THREADS = 1
WAYS = ("repeated", "mean of both", "flow (DIS)", "videocodec")
_CODED_RATE = Fraction(25)  # of the frames that are left; any other would do
_MEDIUM = 2  # preset of DIS
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Settings:
    """Of the encoder."""

    model: str
    crf: int
    preset: Preset


def pictures_of(path: Path, count: int) -> list[Picture]:
    """The first frames of a clip, (H, W, 3) uint8 RGB."""
    with VideoSource(path, max_frames=count) as source:
        return [np.ascontiguousarray(frame.rgb) for frame in source]


def write_lossless(path: Path, pictures: Sequence[Picture]) -> None:
    """A video of them, to the bit."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=_CODED_RATE, width=width, height=height)
        stream.pix_fmt = "bgr0"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))


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


def ssimulacra2(decoded: Picture, source: Picture) -> float:
    """Of (H, W, 3) uint8 RGB; 100 is equal."""
    files = []
    for picture in (source, decoded):
        files.append(io.BytesIO())
        Image.fromarray(picture).save(files[-1], "BMP")
        files[-1].seek(0)
    return float(compute_ssimulacra2(*files))


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
            seconds = float((number + Fraction(1, 2)) / _CODED_RATE)
            made = _picture(video.at_time(seconds, interpolate=True))
            mean = ((before.astype(np.uint16) + after + 1) // 2).astype(np.uint8)
            ways = (before, mean, half_way(before, after, flow), made)
            between.append(dict(zip(WAYS, ways, strict=True)))
    return kept, between


def _picture(frame: videocodec.Frame) -> Picture:
    return np.ascontiguousarray(frame.data.transpose(1, 2, 0))


def measure(
    path: Path, settings: Settings, count: int, perceptual: LpipsSqueeze
) -> dict[str, npt.NDArray[np.float64]]:
    """Mean PSNR, SSIMULACRA2 and lpips-squeeze of a clip by way, and of "coded" frames."""
    source = pictures_of(path, count)
    with tempfile.TemporaryDirectory() as folder:
        half, coded = Path(folder) / "half.mkv", Path(folder) / "half.lv.mp4"
        write_lossless(half, source[::2])
        videocodec.encode(
            half,
            coded,
            crf=settings.crf,
            preset=settings.preset,
            device="cpu",
            threads=THREADS,
            model=settings.model,
        )
        kept, between = made_again(coded, len(source[::2]))
    found: dict[str, list[tuple[float, float, float]]] = {}

    def compare(way: str, decoded: Picture, original: Picture) -> None:
        psnr, lpips = quality(decoded, original, perceptual)
        found.setdefault(way, []).append((psnr, ssimulacra2(decoded, original), lpips))

    for number, ways in enumerate(between):
        compare("coded", kept[number], source[2 * number])
        for way, decoded in ways.items():
            compare(way, decoded, source[2 * number + 1])
    return {way: np.mean(values, 0) for way, values in found.items()}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("between", __doc__)
    add_clips(made)
    add_lpips(made)
    made.add_argument("--model", default="embedded", metavar="NAME")
    made.add_argument("--crf", type=int, default=32)
    made.add_argument("--preset", choices=PRESETS, default="veryfast")
    made.add_argument("--frames", type=int, default=17, help="of each clip, before leaving out")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    settings = Settings(args.model, args.crf, args.preset)
    perceptual, paths = LpipsSqueeze(args.lpips), clip_paths(args)
    report = Report(args, models=[ModelBundle.find(args.model)], clips=paths)
    columns, formats = ["PSNR dB", "SSIMULACRA2", "lpips-squeeze"], ["{:.2f}", "{:.1f}", "{:.3f}"]
    table = Table(["clip", "frames", *columns], ["{}", "{}", *formats])
    figures: dict[str, list[npt.NDArray[np.float64]]] = {}
    for path in paths:
        for way, means in measure(path, settings, args.frames, perceptual).items():
            figures.setdefault(way, []).append(means)
            print(table.add(path.stem, way, *means.tolist()), file=sys.stderr, flush=True)
    report.table("between", table)
    whole = Table(["frames", *columns], ["{}", *formats])
    for way, clips in figures.items():
        whole.add(way, *np.mean(clips, 0).tolist())
    report.table("means", whole)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
