"""A codebook beside scalar quantisation, both on the packaged autoencoder's latents.

    python -m tools.bench.codebook --images PHOTOGRAPHS --clips CLIPS [--only NAME …] [--results]

Codebooks are fitted (Lloyd's algorithm) to the latents of photographs, and the first frame of every
clip is coded by the numbers of the nearest entries: bits are the entropy of these numbers within
the picture, what an ideal coder without contexts takes that knows their frequencies.  Beside it
stand keyframes of the codec at high crf, with the bytes that they really take.  Both are decoded by
the same network; that of a codebook is told the step whose error is as large.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

import videocodec
from bitstream.v1.quantiser import UNITS_PER_LATENT
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from videocodec.calibration.fitting import read_pictures
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime

CODEBOOKS = (16, 64, 256, 1024)  # entries
CRFS = (40, 48, 56, 63)
_ROUNDS = 12
_MOST_VECTORS = 1 << 15
Picture = npt.NDArray[np.uint8]


def vectors_of(runtime: AutoencoderRuntime, picture: Picture) -> npt.NDArray[np.float32]:
    """The scaled latents of a picture (H, W, 3), (h, w, C), its sides rounded up to 16 px."""
    height, width = (-(-side // 16) * 16 for side in picture.shape[:2])
    latents: npt.NDArray[np.float32] = runtime.encode(picture[None], height, width)[0]
    return latents.transpose(1, 2, 0)


def nearest(vectors: torch.Tensor, entries: torch.Tensor) -> torch.Tensor:
    """The number of the nearest entry of every vector (n,)."""
    numbers: torch.Tensor = torch.cdist(vectors, entries).argmin(1)
    return numbers


def fitted(vectors: torch.Tensor, count: int) -> torch.Tensor:
    """A codebook (count, C) for vectors (n, C)."""
    generator = torch.Generator().manual_seed(count)
    entries = vectors[torch.randperm(len(vectors), generator=generator)[:count]].clone()
    for _ in range(_ROUNDS):
        numbers = nearest(vectors, entries)
        sums = torch.zeros_like(entries).index_add_(0, numbers, vectors)
        counts = torch.bincount(numbers, minlength=count)
        used = counts > 0
        entries[used] = sums[used] / counts[used, None]
    return entries


def entropy(numbers: torch.Tensor) -> float:
    """Bits that all of them take together, by their own frequencies."""
    counts = torch.bincount(numbers)
    counts = counts[counts > 0].double()
    return float((counts * (counts.sum() / counts).log2()).sum())


def psnr(decoded: npt.NDArray[np.uint8], picture: Picture) -> float:
    """Over RGB, dB."""
    error = np.square(decoded.astype(float) - picture).mean()
    return float(10 * np.log10(255**2 / error))


def by_codebook(
    runtime: AutoencoderRuntime, picture: Picture, entries: torch.Tensor
) -> tuple[float, float]:
    """Bits a pixel and PSNR."""
    latents = vectors_of(runtime, picture)
    vectors = torch.from_numpy(latents.reshape(-1, latents.shape[2]))
    numbers = nearest(vectors, entries)
    snapped = entries[numbers]
    step = float((12 * (snapped - vectors).square().mean()).sqrt())
    z = snapped.numpy().reshape(latents.shape).transpose(2, 0, 1)[None] * UNITS_PER_LATENT
    steps = np.full((1, *latents.shape[:2]), step, np.float32)
    decoded = runtime.decode(np.ascontiguousarray(z), steps, *picture.shape[:2])[0]
    return entropy(numbers) / (picture.size / 3), psnr(decoded, picture)


def by_codec(picture: Picture, crf: int, folder: Path) -> tuple[float, float]:
    """The same of a keyframe."""
    source, target = folder / "picture.png", folder / "picture.lv.mp4"
    cv2.imwrite(str(source), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    report = videocodec.encode(
        source,
        target,
        crf=crf,
        preset="veryfast",
        device="cpu",
        threads=1,
        overwrite=True,
        model="embedded",
    )
    (frame,) = videocodec.decode_frames(target, device="cpu", threads=1)
    decoded = frame.data.transpose(1, 2, 0)
    return 8 * report.video_bytes / (picture.size / 3), psnr(decoded, picture)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("codebook", __doc__)
    add_clips(made)
    made.add_argument("--images", type=Path, required=True, help="photographs to fit codebooks to")
    made.add_argument("--pictures", type=int, default=24, metavar="N", help="of these (24)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    bundle, clips = ModelBundle.find("embedded"), clip_paths(args)
    report = Report(args, models=[bundle], clips=clips)
    runtime = AutoencoderRuntime(bundle, "cpu", 1)
    photographs = read_pictures([args.images], args.pictures, 512)
    found = [
        vectors_of(runtime, each).reshape(-1, len(bundle.latent_scale)) for each in photographs
    ]
    vectors = np.random.default_rng(0).permutation(np.concatenate(found))[:_MOST_VECTORS]
    pictures = [_first_picture(clip) for clip in clips]
    table = Table(["coded by", "bits a pixel", "PSNR dB"], ["{}", "{:.3f}", "{:.2f}"])
    for count in CODEBOOKS:
        entries = fitted(torch.from_numpy(vectors), count)
        means = np.mean([by_codebook(runtime, each, entries) for each in pictures], axis=0)
        table.add(f"a codebook of {count}", *map(float, means))
    with tempfile.TemporaryDirectory() as folder:
        for crf in CRFS:
            means = np.mean([by_codec(each, crf, Path(folder)) for each in pictures], axis=0)
            table.add(f"the codec, crf {crf}", *map(float, means))
    report.table("codebook", table)
    report.save()
    return 0


def _first_picture(clip: Path) -> Picture:
    with VideoSource(clip, max_frames=1) as source:
        (frame,) = source
        picture: Picture = frame.rgb
        return picture


if __name__ == "__main__":
    sys.exit(main())
