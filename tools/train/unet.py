"""Train the temporal UNet on streams of the real encoder, within a time budget, resuming from
committed weights.

    python -m tools.train.restoration_streams --clips DIR --pictures DIR --output STREAMS
    python -m tools.train.unet --streams STREAMS --lpips FILE --minutes 8 --output DIR

Starts from ``--init`` (a folder with ``unet/``, afresh if it has none; by default the output
folder, so that the same command goes on with the best of an earlier run, and where that has none
the committed ``embedded-unet``) and keeps the weights (an exponential moving average) with the best
figure on held-out scenes: ``unet/`` in diffusers' layout, float16, in the output folder, the newest
in ``last/``, and ``train.log`` beside them. Runs on CPU and CUDA.

``--decoder-rate`` above 0 trains the autoencoder's decoder along, on frames between keyframes,
which its own training never saw; every fourth batch goes to it unrestored, so that pictures without
the UNet stay what they were or better.  Its weights are ``decoder.safetensors`` in the output
folder; the encoder stays, and with it the meaning of every latent and all tables.

A sample is two frames next to each other, cut at the same place.  Loss, through the decoder of the
autoencoder: log of the squared error (that of 8×8 means and of the 8 px grid counted extra, as in
training the autoencoder) + w·log of LPIPS + f·log of the squared *change* of the error from one
frame to the next along the source's motion (DIS flow), which is flicker.  Logarithms, because what
counts is by how much a picture gets better: sums of errors are those of the busiest pictures, and
networks trained on them made calm ones worse.  In a third of the samples blocks are replaced by a
neighbour's content and marked for generation, beside streams in which the encoder left blocks out
itself (``restoration_streams.py --generation``); in a quarter the error is shrunk to that of a
smaller timestep, as the later ones of several DDIM steps see it.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from tools.train.restoration_batches import (
    STEPS,
    Batch,
    collate,
    held_out,
    load_streams,
    training_batch,
)
from tools.train.training import EMBEDDED, GRID_WEIGHT, TrainingRun, follow, grid_energy
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.models.bundle import ModelBundle
from videocodec.models.temporal_unet import TemporalUNet
from videocodec.networks.autoencoder import Decoder

# below these, errors of a cut-out are not worth a network's attention
ENOUGH_MSE, ENOUGH_LPIPS = 4.0, 0.02
VALIDATION_PAIRS = 3  # per stream
DECODER_FILE = "decoder.safetensors"
UNRESTORED_EVERY = 4  # batches, when the decoder learns too


class Restorer(nn.Module):
    """The UNet with the decoder after it."""

    def __init__(self, unet: TemporalUNet, decoder: Decoder, deviation: float) -> None:
        super().__init__()
        self.unet, self.decoder, self.deviation = unet, decoder, deviation

    def forward(self, batch: Batch, train: bool, restore: bool = True) -> torch.Tensor:
        """Decoded pictures (B, 3, H, W), about [-1, 1]."""
        log2_step = torch.log2(batch.steps)
        latents, timesteps = batch.latents, batch.timesteps
        if restore:
            alphas = self.unet.alphas_cumprod
            ratio = ((1 - alphas) / alphas).sqrt()
            if train:
                shrink = torch.rand(len(timesteps), device=latents.device) < 0.25
                smaller = (
                    timesteps * (0.2 + 0.8 * torch.rand(len(timesteps), device=latents.device))
                ).long()
                smaller = torch.where(shrink, smaller, timesteps)
                factor = (ratio[smaller] / ratio[timesteps]).reshape(-1, 1, 1, 1)
                latents, timesteps = batch.source + factor * (latents - batch.source), smaller
            generate = batch.generate[:, None]
            noise = self.unet.config.generation_noise * generate * torch.randn_like(latents)
            latents = latents + ratio[timesteps].reshape(-1, 1, 1, 1) * noise
            sample = latents * alphas[timesteps].sqrt().reshape(-1, 1, 1, 1)
            latents = self.unet(
                sample, timesteps, batch.before, batch.after, batch.generate, log2_step
            ).sample
        return self.decoder(
            (latents * self.deviation).contiguous(memory_format=torch.channels_last), log2_step
        )


@dataclass(frozen=True)
class Weights:
    """Of the logarithms of LPIPS and of flicker in the loss, next to that of the squared error."""

    lpips: float
    flicker: float


def distortion(
    decoded: torch.Tensor, batch: Batch, perceptual: nn.Module, weights: Weights, train: bool
) -> tuple[torch.Tensor, ...]:
    """Per frame: loss; MSE in 8-bit units; LPIPS; per pair: flicker, the MSE of the change of the
    error.
    """
    decoded = torch.where(batch.judged, decoded, batch.pictures)
    share = batch.judged.float().mean((1, 2, 3))
    error = (decoded - batch.pictures) * 127.5
    mse = (error**2).mean((1, 2, 3)) / share
    coarse = (F.avg_pool2d(error, 8) ** 2).mean((1, 2, 3)) / share
    dy, dx = torch.randint(0, 4, (2,)).tolist() if train else (0, 0)
    lpips = perceptual(decoded[..., dy:, dx:], batch.pictures[..., dy:, dx:]) / share
    moved = F.grid_sample(error[::2], batch.flow, padding_mode="border", align_corners=True)
    flicker = ((error[1::2] - moved) ** 2).mean((1, 2, 3)) / share[::2]
    grid = grid_energy(error) / share if min(error.shape[2:]) >= 64 else 0
    pixels = torch.log(mse + 0.5 * coarse + GRID_WEIGHT * grid + ENOUGH_MSE)
    changes = torch.log(flicker + ENOUGH_MSE).repeat_interleave(2)
    return (
        pixels + weights.lpips * torch.log(lpips + ENOUGH_LPIPS) + weights.flicker * changes,
        mse,
        lpips,
        flicker,
    )


@torch.no_grad()
def validate(
    model: Restorer,
    batches: list[tuple[int, Batch]],
    perceptual: nn.Module,
    weights: Weights,
    restore: bool = True,
) -> np.ndarray:
    """(ranges, 4): loss, PSNR, LPIPS, flicker as means over the frames of every range of crf."""
    rows: dict[int, list] = {}
    torch.manual_seed(0)
    for group, batch in batches:
        loss, mse, lpips, flicker = distortion(
            model(batch, False, restore).clamp(-1, 1), batch, perceptual, weights, train=False
        )
        psnr = 10 * torch.log10(255**2 / mse)
        rows.setdefault(group, []).append([float(v.mean()) for v in (loss, psnr, lpips, flicker)])
    return np.array([np.mean(rows[group], 0) for group in sorted(rows)])


def save(model: Restorer, folder: Path, with_decoder: bool) -> None:
    """Write the weights as float16 into a folder: ``unet/`` and, if it was trained,
    ``decoder.safetensors``.
    """
    copy.deepcopy(model.unet).half().save_pretrained(str(folder / "unet"))
    if with_decoder:
        state = {
            f"decoder.{name}": value.half().contiguous().cpu()
            for name, value in model.decoder.state_dict().items()
        }
        save_file(state, str(folder / "decoder.part"))
        (folder / "decoder.part").rename(folder / DECODER_FILE)


def latent_deviation(timesteps: np.ndarray) -> float:
    """The latents' standard deviation that the bundle's timesteps were made with
    (tools/train/calibrate.py).
    """
    from diffusers import DDIMScheduler

    alphas = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).alphas_cumprod.numpy()
    noise = np.sqrt((1 - alphas) / alphas)[timesteps]
    usable = (noise > 0.1) & (noise < 0.7)
    return float(np.median(STEPS[usable] / 12**0.5 / noise[usable]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=Path, required=True)
    parser.add_argument(
        "--lpips",
        type=Path,
        required=True,
        help="safetensors file with the LPIPS SqueezeNet weights",
    )
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--init",
        type=Path,
        help="folder with unet/ to start from (default: --output, else embedded-unet)",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument(
        "--crop", type=int, default=20, help="latents a side, MARGIN of them not judged"
    )
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument(
        "--decoder-rate",
        type=float,
        default=0.0,
        help="learning rate of the autoencoder's decoder; 0 leaves it as it is",
    )
    parser.add_argument(
        "--perceptual", type=float, default=1.5, help="weight of log LPIPS against log MSE"
    )
    parser.add_argument(
        "--flicker", type=float, default=0.1, help="weight of the log of flicker against log MSE"
    )
    parser.add_argument(
        "--hold-out", metavar="REGEX", help="scenes to validate with (default: every fifth clip)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.init is None:
        args.init = (
            args.output
            if (args.output / "unet" / "config.json").is_file()
            else EMBEDDED.with_name("embedded-unet")
        )

    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    bundle = ModelBundle.find(EMBEDDED)
    table = load_file(str(bundle.folder / "codec" / "tables.safetensors"))["timesteps"].numpy()
    deviation = latent_deviation(table)
    streams, reserved = held_out(load_streams(args.streams, table), args.hold_out)
    if not streams or not reserved:
        raise SystemExit(
            f"{args.streams}: needs streams to train on and others to hold out, found"
            f" {len(streams)} and {len(reserved)}"
        )

    resumable = (args.init / "unet" / "config.json").is_file()
    unet = (
        TemporalUNet.from_pretrained(str(args.init / "unet"), torch_dtype=torch.float32)
        if resumable
        else TemporalUNet()
    )
    autoencoder = bundle.load_autoencoder()
    if (args.init / DECODER_FILE).is_file():
        autoencoder.load_state_dict(load_file(str(args.init / DECODER_FILE)), strict=False)
    autoencoder.decoder.requires_grad_(args.decoder_rate > 0)
    model = Restorer(unet.train(), autoencoder.decoder, deviation).to(
        args.device, memory_format=torch.channels_last
    )
    average = copy.deepcopy(model)
    weights = Weights(args.perceptual, args.flicker)
    perceptual = LpipsSqueeze(args.lpips).to(args.device, memory_format=torch.channels_last)
    batches = []
    for stream in reserved:
        group = min(3, max(0, (int(stream.name.split("crf")[1]) - 14) // 10))
        frames, (h, w) = len(stream.decoded), stream.decoded.shape[2:]
        for t in np.linspace(0, frames - 2, VALIDATION_PAIRS).astype(int):
            batches.append(
                (group, collate([(stream, int(t), 0, 0, h, w)], deviation).to(args.device))
            )
    run = TrainingRun(args.output, args.minutes, longest=480)
    asked = {k: str(v) for k, v in vars(args).items()}
    run.note(
        start=time.strftime("%F %T"),
        training_streams=len(streams),
        held_out=len(reserved),
        deviation=round(deviation, 4),
        resumed=resumable,
        **asked,
    )
    plain = validate(average, batches, perceptual, weights, restore=False)
    run.note(without_unet=plain.round(4).tolist())

    groups = [{"params": list(model.unet.parameters()), "peak": args.learning_rate}]
    if args.decoder_rate:
        groups.append({"params": list(model.decoder.parameters()), "peak": args.decoder_rate})
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-4, betas=(0.9, 0.99))
    run.begin()
    while True:
        if run.validation_is_due():
            is_last = run.progress >= 1
            rows = validate(average, batches, perceptual, weights)
            unrestored = (
                validate(average, batches, perceptual, weights, restore=False)
                if args.decoder_rate
                else plain
            )
            figure = float((rows[:, 0] - plain[:, 0]).mean())
            torch.manual_seed(args.seed + run.iteration)
            save(average, args.output / "last", args.decoder_rate > 0)
            if run.validated(
                figure, validation=rows.round(4).tolist(), without_unet=unrestored.round(4).tolist()
            ):
                save(average, args.output, args.decoder_rate > 0)
            if is_last:
                break
        run.set_rates(optimiser)
        batch = training_batch(streams, args.pairs, args.crop, deviation, rng).to(args.device)
        restore = not args.decoder_rate or run.iteration % UNRESTORED_EVERY != 0
        loss, mse, lpips, flicker = distortion(
            model(batch, True, restore), batch, perceptual, weights, train=True
        )
        optimiser.zero_grad(set_to_none=True)
        loss.mean().backward()
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 50.0)
        optimiser.step()
        run.stepped(loss, mse, lpips, flicker)
        follow(average, model, run.iteration)
    run.close()


if __name__ == "__main__":
    main()
