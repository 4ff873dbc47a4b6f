"""What the UNet is worth: the same bytes decoded with and without it, in lpips-squeeze, PSNR and
flicker.

    python -m tools.bench.restoration --clips DIR --lpips FILE [--crf 32 44] [--steps 1]
    [--max-frames 65] [--cache DIR] [--model DIR]
    python -m tools.bench.restoration --clips DIR --lpips FILE --oracle 0.1 0.2 0.5 1

lpips-squeeze and PSNR (RGB) are those of every fourth frame and the one after it; flicker is the
mean absolute difference between these two along the source's motion (DIS flow), in grey levels,
beyond the source's own.  Figures of a clip are means over its frames, the last row is the mean over
the clips; lpips with the UNet is also given relative to that without. ``--oracle`` compares,
instead of a UNet, one that knows the source and takes that share of the error off every latent:
what there is to be had.  ``--generation G`` encodes with blocks left to the restoration
(``EncoderSettings.generation``) and compares, on the frames that have any, filling them with
leaving them as predicted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT
from tools.bench.keyframes import quality
from tools.bench.markdown import table
from videocodec.decoded import DecodedLatents
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.encoder.api import encode
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime, pick_device
from videocodec.optical_flow import DenseFlow, warped
from videocodec.restoration.base import IdentityRestoration, Restoration
from videocodec.restoration.diffusion import DiffusionRestoration

MEASURED_EVERY = 4


class LeftAsPredicted(Restoration):
    """Another restoration, whose result is not taken in generated blocks."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration, self.reach = restoration, restoration.reach

    reach = 0

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """The other's latents, with the decoded ones where the stream says generate."""
        restored = self._restoration.restore(window, first, count)
        for out, frame in zip(restored, window[first : first + count]):
            block = out.shape[1] // frame.latent.fields.modes.shape[0]
            mask = to_positions(frame.latent.fields.modes == Mode.GENERATE, block)
            out[:, mask] = frame.latent.latents[:, mask]
        return restored


class Oracle(Restoration):
    """Takes a share of the error off every latent: knows those of the source, (T, C, h, w) in units
    of the stream.
    """

    reach = 0

    def __init__(self, source: np.ndarray, share: float) -> None:
        self._source, self._share = source, share

    def restore(self, window: list[DecodedLatents], first: int, count: int) -> np.ndarray:
        """Between what was decoded and the source."""
        chosen = window[first : first + count]
        decoded = np.stack([frame.latent.latents for frame in chosen]).astype(np.float32)
        return decoded + np.float32(self._share) * (
            self._source[[frame.index for frame in chosen]] - decoded
        )


def source_latents(
    stream: LatentStream, pictures: list[np.ndarray], args: argparse.Namespace
) -> np.ndarray:
    """(T, C, h, w) float32: what the autoencoder makes of the source, in units of the stream."""
    runtime, header = AutoencoderRuntime(stream.bundle, args.device, args.threads), stream.header
    each = [
        runtime.encode(picture[None], header.padded_height, header.padded_width)
        for picture in pictures
    ]
    return np.concatenate(each) * np.float32(UNITS_PER_LATENT)


@dataclass(frozen=True)
class Figures:
    """Means over frames: PSNR in dB, lpips-squeeze, flicker in grey levels."""

    psnr: float
    lpips: float
    flicker: float


class MotionDifference:
    """Mean absolute difference of two frames of a video along the motion of another, the source."""

    def __init__(self) -> None:
        self._flow = DenseFlow(1)

    def flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(H, W, 2) float32 px: where every pixel of ``second`` is in ``first``, both RGB."""
        return self._flow(*(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (second, first)))

    @staticmethod
    def of(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> float:
        """Grey levels."""
        return float(np.abs(second.astype(np.float32) - warped(first, flow)).mean())


def measure(
    decoder: PictureDecoder,
    source: list[np.ndarray],
    perceptual: LpipsSqueeze,
    only: set[int] | None = None,
) -> Figures:
    """Figures of a decode against the source; ``only``: indices of the frames that count for PSNR
    and lpips.
    """
    motion, rows, flicker, before = MotionDifference(), [], [], None
    for frame in decoder.frames():
        picture, phase = (
            np.ascontiguousarray(frame.data.transpose(1, 2, 0)),
            frame.index % MEASURED_EVERY,
        )
        if (phase < 2) if only is None else (frame.index in only):
            rows.append(quality(picture, source[frame.index], perceptual))
        if phase == 1:
            pair = source[frame.index - 1], source[frame.index]
            flow = motion.flow(*pair)
            flicker.append(motion.of(before, picture, flow) - motion.of(*pair, flow))
        before = picture
    psnr, lpips = np.mean(rows, axis=0)
    return Figures(float(psnr), float(lpips), float(np.mean(flicker)))


def coded_file(clip: Path, crf: int, args: argparse.Namespace, folder: Path) -> Path:
    """The clip at a crf, encoded now or before."""
    bundle = ModelBundle.find(args.model)
    target = (
        folder / f"{clip.stem}-{crf}-{args.max_frames}-{args.generation}-{bundle.sha256[:12]}.mp4"
    )
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


def generated_frames(file: Path, model: str) -> set[int]:
    """Indices of the frames with generated blocks."""
    return {
        f.index
        for f in LatentStream(file, model).frames()
        if (f.latent.fields.modes == Mode.GENERATE).any()
    }


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
    ways: list[Restoration]
    if args.oracle:
        latents = source_latents(stream, source, args)
        ways = [Oracle(latents, share) for share in args.oracle]
    else:
        device = pick_device(args.device)
        ways = [
            DiffusionRestoration(stream.bundle, stream.header, device, steps)
            for steps in args.steps
        ]
    if args.generation < 1:
        only = generated_frames(file, args.model)
        if not only:
            return None
        ways.insert(0, LeftAsPredicted(ways[0]))
    else:
        ways.insert(0, IdentityRestoration())
    return [
        measure(PictureDecoder(stream, args.device, args.threads, way), source, perceptual, only)
        for way in ways
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[32, 44])
    parser.add_argument("--steps", type=int, nargs="+", default=[1])
    parser.add_argument(
        "--oracle",
        type=float,
        nargs="+",
        metavar="SHARE",
        help="0 to 1, of the error of every latent to take off",
    )
    parser.add_argument("--max-frames", type=int, default=65)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--cache", type=Path, help="folder to keep encoded files in")
    parser.add_argument("--model", default="embedded", help="bundle")
    parser.add_argument("--generation", type=float, default=1.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.oracle and args.generation < 1:
        parser.error("--oracle and --generation exclude each other")
    torch.set_num_threads(args.threads)
    perceptual = LpipsSqueeze(args.lpips)
    clips = sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    )
    first = "as decoded" if args.generation == 1 else "as predicted"
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.cache or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for crf in args.crf:
            rows, every = [], []
            for clip in clips:
                figures = compare(clip, crf, args, folder, perceptual)
                if figures is None:
                    rows.append([clip.stem, "no generated block"])
                    continue
                every.append(figures)
                rows.append([clip.stem, *row(figures)])
                print(
                    f"crf {crf} {' '.join(str(cell) for cell in rows[-1])}",
                    file=sys.stderr,
                    flush=True,
                )
            if every:
                means = [
                    Figures(
                        *(
                            float(np.mean([getattr(f[i], name) for f in every]))
                            for name in ("psnr", "lpips", "flicker")
                        )
                    )
                    for i in range(len(every[0]))
                ]
                change = np.mean([f[1].lpips / f[0].lpips - 1 for f in every])
                rows.append(["mean", *row(means)])
                lower = sum(f[1].lpips < f[0].lpips for f in every)
                print(
                    f"\ncrf {crf}: lpips {100 * change:+.1f} % as the mean over the clips, lower on"
                    f" {lower} of {len(every)}\n"
                )
            ways = [f"{share:g} off" for share in args.oracle or ()] or [
                f"{n} step{'s' * (n > 1)}" for n in args.steps
            ]
            heads = [
                f"{figure} {way}"
                for way in (first, *ways)
                for figure in ("lpips", "PSNR", "flicker")
            ]
            table(["clip", *heads], rows)


def row(figures: list[Figures]) -> list[str]:
    """Cells of a clip."""
    cells = []
    for i, f in enumerate(figures):
        relative = "" if i == 0 else f" ({100 * (f.lpips / figures[0].lpips - 1):+.1f} %)"
        cells += [f"{f.lpips:.4f}{relative}", f"{f.psnr:.2f}", f"{f.flicker:+.3f}"]
    return cells


if __name__ == "__main__":
    main()
