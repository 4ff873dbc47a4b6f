"""Borders of the clips in which a motion model restores: cut off against blended.

    python -m tools.bench.borders --clips DIR [--model embedded-unet] [--crf 44]
        [--preset superfast] [--frames 49] [--only NAME …]

A motion model restores clips of ``--length`` frames as a whole.  Clips that follow each other leave
a border where one restoration ends and another begins; clips that overlap by half, as decoding has
them, are averaged there.  Each clip is coded once and decoded without restoration, with clips side
by side, and with clips blended, by the same denoiser.  Where the model has no motion modules of its
own that is a stand-in: the mean over the clip of what is alike at a place, which depends on all of
a clip's frames, as motion modules do.

Flicker is the mean absolute difference between two frames along the source's motion (DIS flow), in
grey levels, beyond the source's own: at borders, and elsewhere.  PSNR is over RGB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.panel_figures import pictures_of
from tools.bench.quality import MotionDifference, psnr
from tools.bench.results import Report
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream
from videocodec.encoder.api import encode
from videocodec.models.bundle import ModelBundle
from videocodec.models.denoiser import Conditions, Denoiser, SlidingWindow
from videocodec.presets import PRESETS
from videocodec.restoration.base import IdentityRestoration, Restoration
from videocodec.restoration.diffusion import DiffusionRestoration

THREADS = 1
_ALIKE = 0.15  # of the quantiser step: the deviation up to which frames are of the same thing
Picture = npt.NDArray[np.uint8]


class MeanOfClip(Denoiser):
    """Clean latents as the mean over a clip, at every place of the frames that are alike there."""

    generation_noise = 0.0

    def __init__(self, window: SlidingWindow) -> None:
        self.window = window

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """As the base class says; the project's schedule asks for clean latents."""
        frames = sample if conditions.latents is None else conditions.latents
        steps = torch.exp2(conditions.log2_step)
        apart = (frames[:, None] - frames[None]).square().mean(2)  # (T, T, h, w)
        weights = torch.exp(-apart / (2 * (_ALIKE * steps[:, None]) ** 2))
        weights = weights / weights.sum(1, keepdim=True)
        return torch.einsum("tshw,schw->tchw", weights, frames)

    def to(self, device: torch.device) -> MeanOfClip:
        """It has no weights."""
        return self


class Windowed(Denoiser):
    """A bundle's own motion model with other windows."""

    def __init__(self, denoiser: Denoiser, window: SlidingWindow) -> None:
        self._denoiser, self.window = denoiser, window
        self.generation_noise = denoiser.generation_noise

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        """As the bundle's own."""
        return self._denoiser.predict(sample, timesteps, conditions)

    def to(self, device: torch.device) -> Windowed:
        """The bundle's own, moved."""
        self._denoiser.to(device)
        return self


def denoiser_of(bundle: ModelBundle, window: SlidingWindow) -> Denoiser:
    """The model's own if it restores clips, else the stand-in."""
    own = bundle.load_denoiser()
    return MeanOfClip(window) if own.window is None else Windowed(own, window)


def restorations(stream: LatentStream, length: int) -> list[tuple[str, Restoration]]:
    """What is compared, with names."""
    found: list[tuple[str, Restoration]] = [("as decoded", IdentityRestoration())]
    for name, stride in (("side by side", length), ("blended", length // 2)):
        denoiser = denoiser_of(stream.bundle, SlidingWindow(length, stride))
        device = torch.device("cpu")
        restoration = DiffusionRestoration(stream.bundle, stream.header, device, denoiser=denoiser)
        found.append((name, restoration))
    return found


def flicker(
    pictures: Sequence[Picture], source: Sequence[Picture], borders: range
) -> tuple[float, float]:
    """Grey levels beyond the source's own, at borders (numbers of the first frames after them) and
    elsewhere; frame 0 has none before it.
    """
    motion = MotionDifference()
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(1, len(pictures)):
        pair = source[number - 1], source[number]
        flow = motion.flow(*pair)
        beyond = motion.of(pictures[number - 1], pictures[number], flow) - motion.of(*pair, flow)
        found[number in borders].append(beyond)
    return float(np.mean(found[True])), float(np.mean(found[False]))


def measure(source: Path, args: argparse.Namespace, coded: Path, table: Table) -> None:
    """Code a clip, decode it in every way, and add a line for each."""
    encode(
        source,
        coded,
        crf=args.crf,
        preset=args.preset,
        model=args.model,
        max_frames=args.frames,
        device="cpu",
        threads=THREADS,
        overwrite=True,
    )
    pictures = pictures_of(source, args.frames)
    stream = LatentStream(coded, args.model)
    borders = range(args.length, len(pictures), args.length)
    for name, restoration in restorations(stream, args.length):
        decoder = PictureDecoder(stream, "cpu", THREADS, restoration)
        made = [np.ascontiguousarray(f.data.transpose(1, 2, 0)) for f in decoder.frames()]
        near = float(np.mean([psnr(*pair) for pair in zip(made, pictures, strict=True)]))
        row = table.add(source.stem, name, *flicker(made, pictures, borders), near)
        print(row, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("borders", __doc__ or "")
    add_clips(made)
    made.add_argument("--model", default="embedded-unet", help="bundle with a UNet")
    made.add_argument("--crf", type=int, default=44)
    made.add_argument("--preset", choices=PRESETS, default="superfast")
    made.add_argument("--frames", type=int, default=49, help="of each clip")
    made.add_argument("--length", type=int, default=16, help="frames that are restored together")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    bundle = ModelBundle.find(args.model)
    args.model = bundle.folder
    clips = clip_paths(args)
    report = Report(args, models=[bundle], clips=clips)
    columns = ["clip", "clips restored", "flicker at borders", "flicker elsewhere", "PSNR dB"]
    table = Table(columns, ["{}", "{}", "{:+.3f}", "{:+.3f}", "{:.2f}"])
    with tempfile.TemporaryDirectory() as folder:
        for source in clips:
            measure(source, args, Path(folder) / "coded.lv.mp4", table)
    report.table("borders", table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
