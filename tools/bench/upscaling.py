"""Pictures of twice the coded size: a model's head for it beside bicubic and Lanczos enlargement.

    python -m tools.bench.upscaling --clips DIR --lpips FILE [--data PACK] [--pictures 24]
        [--model BUNDLE] [--crf 24 40] [--preset superfast] [--frames 2] [--only NAME …]
        [--save FOLDER]

Frames of clips, and photographs that a pack holds out, are shrunk by two (Lanczos), coded at each
crf, and decoded: enlarged by bicubic and by Lanczos interpolation, and as ``decode --scale 2`` does
with the head.  Each is compared with what was shrunk: PSNR of luma, SSIMULACRA2, lpips-squeeze and
MS-SSIM, means.  ``--save`` writes source and ways beside each other, a PNG for each clip and crf.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

import videocodec
from tools.bench.between import pictures_of, ssimulacra2, write_lossless
from tools.bench.markdown import Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import psnr
from tools.bench.results import Report
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.judges.structure import ms_ssim
from videocodec.models.bundle import ModelBundle
from videocodec.presets import PRESETS
from videocodec.scaling import magnified, shrunk
from videocodec.training.pictures import to_tensor
from videocodec.training.second import pack

THREADS = 1
WAYS = ("bicubic", "Lanczos", "head")
_SMALLEST_SIDE = 176  # px, that MS-SSIM needs
_LUMA = (0.299, 0.587, 0.114)
Picture = npt.NDArray[np.uint8]
Figures = tuple[float, float, float, float]


def halved(picture: Picture) -> tuple[Picture, Picture]:
    """A picture, cut to sides that 2 divides, and the same at half the size."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    cut = np.ascontiguousarray(picture[:height, :width])
    return cut, np.asarray(shrunk(cut, (width // 2, height // 2)), np.uint8)


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
        found["head"].append(np.ascontiguousarray(frame.data.transpose(1, 2, 0)))
    return found


def figures(made: Picture, source: Picture, lpips: LpipsSqueeze) -> Figures:
    """PSNR of luma in dB, SSIMULACRA2, lpips-squeeze, MS-SSIM."""
    luma = [picture.astype(np.float64) @ _LUMA for picture in (made, source)]
    tensors = [to_tensor([picture]) for picture in (made, source)]
    with torch.inference_mode():
        seen = float(lpips(*tensors)), float(ms_ssim(*tensors))
    return psnr(luma[0], luma[1]), ssimulacra2(made, source), *seen


def coded_file(pictures: Sequence[Picture], args: argparse.Namespace, crf: int) -> Path:
    """Code pictures of half the size, in a temporary folder → the file."""
    folder = Path(args.workshop)
    source, coded = folder / "half.mkv", folder / "half.lv.mp4"
    write_lossless(source, pictures)
    videocodec.encode(
        source,
        coded,
        crf=crf,
        preset=args.preset,
        model=args.model,
        device="cpu",
        threads=THREADS,
        overwrite=True,
    )
    return coded


def sources(args: argparse.Namespace) -> Iterator[tuple[str, list[list[Picture]]]]:
    """Names, and what is coded under each: videos, as lists of frames of one size."""
    for path in clip_paths(args):
        yield path.stem, [pictures_of(path, args.frames)]
    if args.data is not None:
        held_out = [
            picture
            for entry in pack.read_entries(args.data)
            if entry.kind is pack.Kind.HELD_OUT_PHOTOGRAPH
            and (picture := pack.decoded_entry(entry)) is not None
            and min(picture.shape[:2]) >= _SMALLEST_SIDE
        ]
        yield "photographs", [[picture] for picture in held_out[: args.pictures]]


def measure(
    videos: Sequence[Sequence[Picture]], args: argparse.Namespace, crf: int, sheet: Path | None
) -> dict[str, npt.NDArray[np.float64]]:
    """Mean figures of every way over all frames; sheet: a PNG of the first ones."""
    rows: dict[str, list[Figures]] = {way: [] for way in WAYS}
    for video in videos:
        pairs = [halved(picture) for picture in video]
        coded = coded_file([small for _, small in pairs], args, crf)
        height, width = pairs[0][0].shape[:2]
        made = enlarged(coded, args.model, (width, height))
        for way, pictures in made.items():
            for picture, (source, _) in zip(pictures, pairs, strict=True):
                rows[way].append(figures(picture, source, args.perceptual))
        if sheet is not None and video is videos[0]:
            beside = np.hstack([pairs[0][0], *(made[way][0] for way in WAYS)])
            cv2.imwrite(str(sheet), cv2.cvtColor(beside, cv2.COLOR_RGB2BGR))
    return {way: np.mean(values, 0) for way, values in rows.items()}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("upscaling", __doc__ or "")
    add_clips(made)
    add_lpips(made)
    made.add_argument("--data", type=Path, help="pack with photographs held out")
    made.add_argument("--pictures", type=int, default=24, help="of them, at most")
    made.add_argument("--model", default="second", help="with a head for twice the size")
    made.add_argument("--crf", type=int, nargs="+", default=[24, 40])
    made.add_argument("--preset", choices=PRESETS, default="superfast")
    made.add_argument("--frames", type=int, default=2, help="of each clip")
    made.add_argument("--save", type=Path, help="folder for pictures")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    bundle = ModelBundle.find(args.model)
    args.model, args.perceptual = bundle.folder, LpipsSqueeze(args.lpips)
    report = Report(args, models=[bundle], clips=clip_paths(args))
    columns = ["source", "crf", "enlarged by", "luma dB", "SSIMULACRA2", "lpips-squeeze", "MS-SSIM"]
    table = Table(columns, ["{}", "{}", "{}", "{:.2f}", "{:.1f}", "{:.3f}", "{:.4f}"])
    with tempfile.TemporaryDirectory() as workshop:
        args.workshop = workshop
        for name, videos in sources(args):
            for crf in args.crf:
                sheet = None if args.save is None else args.save / f"{name}-{crf}.png"
                for way, values in measure(videos, args, crf, sheet).items():
                    row = table.add(name, crf, way, *(float(value) for value in values))
                    print(row, file=sys.stderr, flush=True)
    report.table("upscaling", table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
