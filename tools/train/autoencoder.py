"""Train the embedded autoencoder from folders of pictures, within a time budget, resuming from
committed weights.

    python -m tools.train.autoencoder --pictures DIR [DIR ...] --lpips FILE --minutes 8 --output DIR

Starts from the embedded bundle (or ``--init DIR``), trains on random crops with a quantiser step
drawn log-uniformly for every picture, and keeps the weights (an exponential moving average) with
the best figure on held-out pictures. Writes ``autoencoder.safetensors`` and
``rate_model.safetensors`` (float16) and appends to ``train.log`` in the output folder;
``tools/train/calibrate.py`` makes a bundle of them.  Runs on CPU and CUDA; needs torch, numpy, cv2 and
safetensors.

Loss, in units of 8-bit squared error per sample: MSE + 0.5·MSE of 8×8 means + w(step)·LPIPS +
λ(step)·bits per pixel, with λ = 700·step² and w = 1500·step^1.4: half as much would give MSE and
LPIPS equal shares at step 1 (measured slopes of both against rate), and the perceptual term wins at
coarse steps.  LPIPS looks at a randomly shifted window, since a network that always sees the same
grid learns to hide a screen-door pattern in its strides.  The decoder sees hard-rounded latents
(straight-through gradient) with a random dead zone, the rate model sees uniform noise (Minnen &
Singh 2020).
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from tools.train.training import EMBEDDED, GRID_WEIGHT, TrainingRun, follow, grid_energy
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.networks.autoencoder import Decoder, Encoder
from videocodec.networks.context import ContextModel, logistic_bits

HELD_OUT = 40
VALIDATION_STEPS = (0.6, 1.2, 2.0, 2.8)
PERCEPTUAL_WEIGHT, RATE_WEIGHT = 1500, 700


@dataclass(frozen=True)
class Shape:
    """Constructor arguments of the networks; the same names as in the bundle's vae/config.json."""

    latent_channels: int = 16
    width: int = 48
    coarse_width: int = 96
    encoder_blocks: int = 2
    encoder_wide_blocks: int = 5
    decoder_blocks: int = 4
    decoder_fine_blocks: int = 4
    decoder_wide_blocks: int = 8
    expansion: int = 2


class Codec(nn.Module):
    """Encoder, decoder and rate model trained together."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s = shape
        self.encoder = Encoder(
            s.latent_channels,
            s.width,
            s.coarse_width,
            s.encoder_blocks,
            s.encoder_wide_blocks,
            s.expansion,
        )
        self.decoder = Decoder(
            s.latent_channels,
            s.width,
            s.coarse_width,
            s.decoder_blocks,
            s.decoder_fine_blocks,
            s.decoder_wide_blocks,
            s.expansion,
        )
        self.rate = ContextModel()

    def forward(
        self, pictures: torch.Tensor, step: torch.Tensor, train: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] and steps (B,) → decoded pictures and bits per pixel
        (B,).
        """
        scaled = self.encoder(pictures) / step.reshape(-1, 1, 1, 1)
        log2_step = torch.log2(step)
        # Encoders with rate-distortion optimised quantisation round towards zero; the decoder has
        # to know that look.
        dead = torch.rand_like(step).reshape(-1, 1, 1, 1) * 0.2 if train else 0.1
        hard = scaled.detach().sign() * torch.floor(scaled.detach().abs() + 0.5 - dead)
        quantised = scaled + (hard - scaled).detach()
        mean, scale = self.rate(quantised, log2_step)
        noisy = scaled + torch.rand_like(scaled) - 0.5 if train else hard
        bits = logistic_bits(noisy, mean, scale).sum((1, 2, 3)) / (
            pictures.shape[2] * pictures.shape[3]
        )
        return self.decoder(quantised * step.reshape(-1, 1, 1, 1), log2_step), bits


def distortion(
    decoded: torch.Tensor, target: torch.Tensor, step: torch.Tensor, perceptual: nn.Module
) -> tuple[torch.Tensor, ...]:
    """Per picture: the training distortion, MSE in 8-bit units, LPIPS."""
    error = (decoded - target) * 127.5
    mse = (error**2).mean((1, 2, 3))
    coarse = (F.avg_pool2d(error, 8) ** 2).mean((1, 2, 3))
    dy, dx = torch.randint(0, 4, (2,)).tolist() if torch.is_grad_enabled() else (0, 0)
    lpips = perceptual(decoded[..., dy:, dx:], target[..., dy:, dx:])
    return (
        mse
        + 0.5 * coarse
        + GRID_WEIGHT * grid_energy(error)
        + PERCEPTUAL_WEIGHT * step**1.4 * lpips,
        mse,
        lpips,
    )


def load_pictures(folders: list[Path], minimum: int) -> list[np.ndarray]:
    """Every picture below the folders as RGB uint8 (H, W, 3) with both sides at least ``minimum``
    px.
    """
    files = sorted(
        f
        for folder in folders
        for f in folder.rglob("*")
        if f.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    )
    pictures = [cv2.imread(str(f), cv2.IMREAD_COLOR_RGB) for f in files]
    pictures = [p for p in pictures if p is not None and min(p.shape[:2]) >= minimum]
    if len(pictures) <= HELD_OUT:
        raise SystemExit(
            f"{folders}: {len(pictures)} pictures of {minimum} px or more, need more than"
            f" {HELD_OUT}"
        )
    return pictures


def crop_batch(
    pictures: list[np.ndarray], size: int, batch: int, rng: np.random.Generator
) -> torch.Tensor:
    """Random crops, mirrored and sometimes shrunk first, (B, 3, size, size) in [-1, 1]."""
    crops = []
    for _ in range(batch):
        p = pictures[rng.integers(len(pictures))]
        if rng.random() < 0.4 and min(p.shape[:2]) > size:
            factor = rng.uniform(size / min(p.shape[:2]), 1)
            p = cv2.resize(p, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            p = (
                p
                if min(p.shape[:2]) >= size
                else cv2.resize(p, (max(size, p.shape[1]), max(size, p.shape[0])))
            )
        y, x = rng.integers(p.shape[0] - size + 1), rng.integers(p.shape[1] - size + 1)
        p = p[y : y + size, x : x + size]
        crops.append(p[:, ::-1] if rng.random() < 0.5 else p)
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def validate(
    codec: Codec, pictures: torch.Tensor, perceptual: nn.Module
) -> tuple[float, list[list[float]]]:
    """The figure to minimise (mean of loss / step over the validation steps) and, per step, [step,
    bpp, PSNR, LPIPS].
    """
    total, rows = 0.0, []
    for value in VALIDATION_STEPS:
        sums = np.zeros(4)
        for batch in pictures.split(8):
            step = torch.full((len(batch),), value, device=batch.device)
            decoded, bpp = codec(batch, step, train=False)
            d, mse, lpips = distortion(decoded.clamp(-1, 1), batch, step, perceptual)
            psnr = 10 * torch.log10(255**2 / mse)
            sums += [float(v.sum()) for v in (d + RATE_WEIGHT * step**2 * bpp, bpp, psnr, lpips)]
        sums /= len(pictures)
        total += sums[0] / value / len(VALIDATION_STEPS)
        rows.append([value, round(sums[1], 4), round(sums[2], 3), round(sums[3], 4)])
    return total, rows


def save(codec: Codec, folder: Path) -> None:
    """Write the weights as float16 safetensors, beside first and then renamed, so an interrupted
    write loses nothing.
    """
    for name, prefixes in (("autoencoder", ("encoder.", "decoder.")), ("rate_model", ("rate.",))):
        state = {
            k: v.half().contiguous().cpu()
            for k, v in codec.state_dict().items()
            if k.startswith(prefixes)
        }
        save_file(state, str(folder / f"{name}.part"))
        (folder / f"{name}.part").rename(folder / f"{name}.safetensors")


def fit_state(codec: Codec, state: dict[str, torch.Tensor]) -> None:
    """Copy what fits; blocks and input planes that the weights do not have keep their start, which
    is zero or neutral.
    """
    own = codec.state_dict()
    for name, value in state.items():
        if name in own and own[name].shape == value.shape:
            own[name] = value.float()
        elif (
            name in own
            and own[name].ndim == 4
            and own[name].shape[0] == value.shape[0]
            and own[name].shape[1] > value.shape[1]
        ):
            own[name] = torch.zeros_like(own[name])
            own[name][:, : value.shape[1]] = value.float()
    codec.load_state_dict(own)


def restore(codec: Codec, folder: Path) -> None:
    """Load what the folder has: a training output, or a bundle (vae/ and codec/)."""
    for candidates in (
        ("autoencoder", "vae/diffusion_pytorch_model"),
        ("rate_model", "codec/rate_model"),
    ):
        for name in candidates:
            if (folder / f"{name}.safetensors").exists():
                fit_state(codec, load_file(str(folder / f"{name}.safetensors")))
                break
        else:
            print(f"{folder}: no {candidates[0]} weights, starting those afresh", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    parser.add_argument(
        "--lpips",
        type=Path,
        required=True,
        help="safetensors file with the LPIPS SqueezeNet weights",
    )
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--init", type=Path, default=EMBEDDED)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument(
        "--decoder-only",
        action="store_true",
        help="leave encoder and rate model: the bundle's tables stay right",
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    pictures = load_pictures(args.pictures, args.crop)
    stride = max(2, len(pictures) // HELD_OUT)
    held_out = [p for p in pictures[::stride] if min(p.shape[:2]) >= 192][:HELD_OUT]
    if not held_out:
        raise SystemExit(f"{args.pictures}: no picture of 192 px or more to validate with")
    pictures = [p for i, p in enumerate(pictures) if i % stride]
    centre = [p[(p.shape[0] - 192) // 2 :, (p.shape[1] - 192) // 2 :][:192, :192] for p in held_out]
    validation = (torch.from_numpy(np.stack(centre)).permute(0, 3, 1, 2).float() / 127.5 - 1).to(
        args.device
    )

    shape = Shape()
    codec = Codec(shape)
    restore(codec, args.init)
    codec = codec.to(args.device, memory_format=torch.channels_last)
    average = copy.deepcopy(codec)
    perceptual = LpipsSqueeze(args.lpips).to(args.device, memory_format=torch.channels_last)
    groups = [{"params": list(codec.decoder.parameters()), "peak": args.learning_rate}]
    if args.decoder_only:
        codec.encoder.requires_grad_(False)
        codec.rate.requires_grad_(False)
    else:
        groups.append({"params": list(codec.encoder.parameters()), "peak": args.learning_rate})
        groups.append({"params": list(codec.rate.parameters()), "peak": 4 * args.learning_rate})
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-4)
    run = TrainingRun(args.output, args.minutes, longest=360)
    asked = {k: str(v) for k, v in vars(args).items() if k != "pictures"}
    run.note(start=time.strftime("%F %T"), pictures=len(pictures), **asdict(shape), **asked)
    run.begin()
    while True:
        if run.validation_is_due():
            is_last = run.progress >= 1
            figure, rows = validate(average, validation, perceptual)
            if run.validated(figure, digits=3, validation=rows):
                save(average, args.output)
            if is_last:
                break
        run.set_rates(optimiser)
        batch = crop_batch(pictures, args.crop, args.batch, rng).to(
            args.device, memory_format=torch.channels_last
        )
        step = torch.exp(
            torch.empty(args.batch, device=args.device).uniform_(math.log(0.3), math.log(4.0))
        )
        decoded, bpp = codec(batch, step, train=True)
        d, mse, lpips = distortion(decoded, batch, step, perceptual)
        # Coarse steps have losses ten times those of fine ones; dividing by the step keeps both in
        # the gradient.
        loss = ((d + RATE_WEIGHT * step**2 * bpp) / step).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(codec.parameters(), 200.0)
        optimiser.step()
        run.stepped(loss, bpp, mse, lpips)
        follow(average, codec, run.iteration)
    run.close()


if __name__ == "__main__":
    main()
