"""Training the first autoencoder, the one of format version 1, from pictures.

Loss, in squared 8-bit grey levels: squared error + half that of 8×8 means + grid energy +
w(step)·LPIPS + λ(step)·bits per pixel, with λ = 700·step² and w = 1500·step^1.4: half as much would
give squared error and LPIPS equal shares at step 1 (measured slopes of both against rate), and the
perceptual term wins at coarse steps.  LPIPS looks at a randomly shifted window, since a network
that always sees the same grid learns to hide a screen-door pattern in its strides.  The decoder
sees hard-rounded latents (straight-through gradient) with a random dead zone, the rate model sees
uniform noise (Minnen & Singh 2020).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from ..errors import InputError
from ..judges.lpips import LpipsSqueeze
from ..networks.autoencoder import Decoder, Encoder
from ..networks.context import ContextModel, logistic_bits
from ..networks.placement import placed
from ..networks.weights import load_what_fits
from . import checkpoints
from .budget import Budget
from .learner import Learner, OptimiserSettings, ParameterGroup
from .loop import Interval, RunningMeans, Stopwatch, TrainingLog, cosine, ramp, run
from .losses import (
    GRID_WEIGHT,
    grey_level_error,
    grid_energy,
    squared_error,
    squared_error_with_blocks,
)
from .pictures import centre_crop, crop_batch, load_pictures, to_tensor
from .randomness import Randomness, seeded, shift, uniform

HELD_OUT = 40  # pictures
VALIDATION_STEPS = (0.6, 1.2, 2.0, 2.8)
VALIDATION_SIDE = 192  # px
PERCEPTUAL_WEIGHT, RATE_WEIGHT = 1500, 700
_RAMP, _FLOOR = 200, 0.02  # of the learning rate: steps to its peak, and where it ends
_STEP_RANGE = (0.3, 4.0)
_FILES = (("autoencoder", ("encoder.", "decoder.")), ("rate_model", ("rate.",)))


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


@dataclass(frozen=True)
class AutoencoderTraining:
    """What a training is asked for.

    pictures: folders.
    lpips: safetensors file with the weights of LPIPS.
    output: folder of weights, log and checkpoint; a checkpoint there is gone on with.
    init: folder to start from: a training output, or a bundle.
    crop: px a side.
    decoder_only: leave encoder and rate model, so that a bundle's tables stay right.
    look_every: steps between validations.
    """

    pictures: Sequence[Path]
    lpips: Path
    output: Path
    init: Path
    budget: Budget
    device: str = "cpu"
    batch: int = 8
    crop: int = 128
    learning_rate: float = 3e-4
    decoder_only: bool = False
    seed: int = 0
    look_every: int = 500
    shape: Shape = field(default_factory=Shape)


class Codec(nn.Module):
    """Encoder, decoder and rate model trained together."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(
            shape.latent_channels,
            shape.width,
            shape.coarse_width,
            shape.encoder_blocks,
            shape.encoder_wide_blocks,
            shape.expansion,
        )
        self.decoder = Decoder(
            shape.latent_channels,
            shape.width,
            shape.coarse_width,
            shape.decoder_blocks,
            shape.decoder_fine_blocks,
            shape.decoder_wide_blocks,
            shape.expansion,
        )
        self.rate = ContextModel()

    def forward(
        self, pictures: torch.Tensor, step: torch.Tensor, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] and quantiser steps (B,) → decoded pictures and bits per
        pixel (B,).

        generator: of the noise of training; without it latents are quantised as in use.
        """
        scaled = self.encoder(pictures) / step.reshape(-1, 1, 1, 1)
        log2_step = torch.log2(step)
        # Encoders with rate-distortion optimised quantisation round towards zero; the decoder has
        # to know that look.
        dead: torch.Tensor | float = 0.1
        if generator is not None:
            dead = uniform(step, generator).reshape(-1, 1, 1, 1) * 0.2
        hard = scaled.detach().sign() * torch.floor(scaled.detach().abs() + 0.5 - dead)
        quantised = scaled + (hard - scaled).detach()
        mean, scale = self.rate(quantised, log2_step)
        counted = hard if generator is None else scaled + uniform(scaled, generator) - 0.5
        pixels = pictures.shape[2] * pictures.shape[3]
        bits = logistic_bits(counted, mean, scale).sum((1, 2, 3)) / pixels
        return self.decoder(quantised * step.reshape(-1, 1, 1, 1), log2_step), bits


def distortion(
    decoded: torch.Tensor,
    target: torch.Tensor,
    step: torch.Tensor,
    perceptual: nn.Module,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Per picture, (B,): the training distortion, squared error in 8-bit grey levels, LPIPS.

    generator: of where LPIPS looks; without it, everywhere.
    """
    error = grey_level_error(decoded, target)
    dy, dx = shift(generator, 4) if generator is not None else (0, 0)
    lpips = perceptual(decoded[..., dy:, dx:], target[..., dy:, dx:])
    total = squared_error_with_blocks(error) + GRID_WEIGHT * grid_energy(error)
    return total + PERCEPTUAL_WEIGHT * step**1.4 * lpips, squared_error(error), lpips


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
            decoded, bpp = codec(batch, step)
            d, mse, lpips = distortion(decoded.clamp(-1, 1), batch, step, perceptual)
            psnr = 10 * torch.log10(255**2 / mse)
            sums += [float(v.sum()) for v in (d + RATE_WEIGHT * step**2 * bpp, bpp, psnr, lpips)]
        sums /= len(pictures)
        total += sums[0] / value / len(VALIDATION_STEPS)
        rows.append([value, round(sums[1], 4), round(sums[2], 3), round(sums[3], 4)])
    return total, rows


def save_weights(codec: Codec, folder: Path) -> None:
    """Write ``autoencoder.safetensors`` and ``rate_model.safetensors``, float16."""
    state = checkpoints.half_precision(codec.state_dict())
    for name, prefixes in _FILES:
        chosen = {key: value for key, value in state.items() if key.startswith(prefixes)}
        checkpoints.save_tensors(chosen, folder / f"{name}.safetensors")


def load_weights(codec: Codec, folder: Path) -> list[str]:
    """Load what a folder has: a training output, or a bundle (vae/ and codec/) → the parts it has
    no weights of, which keep their start.
    """
    missing = []
    for candidates in (
        ("autoencoder", "vae/diffusion_pytorch_model"),
        ("rate_model", "codec/rate_model"),
    ):
        files = [folder / f"{name}.safetensors" for name in candidates]
        weights = next((file for file in files if file.exists()), None)
        if weights is None:
            missing.append(candidates[0])
        else:
            load_what_fits(codec, load_file(str(weights)))
    return missing


def split_pictures(pictures: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures to train on, and crops of others, VALIDATION_SIDE px square, to validate with.

    Raises ``InputError`` if none is large enough for the latter.
    """
    stride = max(2, len(pictures) // HELD_OUT)
    large = [p for p in pictures[::stride] if min(p.shape[:2]) >= VALIDATION_SIDE][:HELD_OUT]
    if not large:
        raise InputError(
            f"no picture of {VALIDATION_SIDE} px or more to validate with: give a folder with some"
        )
    return [p for i, p in enumerate(pictures) if i % stride], [
        centre_crop(p, VALIDATION_SIDE) for p in large
    ]


def _learner(training: AutoencoderTraining) -> Learner[Codec]:
    """Networks and optimiser as they start."""
    with seeded(training.seed):  # what the weights given do not have
        codec = Codec(training.shape)
    load_weights(codec, training.init)
    codec = placed(codec, training.device)
    groups = [ParameterGroup(list(codec.decoder.parameters()), training.learning_rate)]
    if training.decoder_only:
        codec.encoder.requires_grad_(False)
        codec.rate.requires_grad_(False)
    else:
        groups.append(ParameterGroup(list(codec.encoder.parameters()), training.learning_rate))
        groups.append(ParameterGroup(list(codec.rate.parameters()), 4 * training.learning_rate))
    return Learner(codec, groups, OptimiserSettings(200.0), Randomness(training.seed))


def train_autoencoder(training: AutoencoderTraining) -> None:
    """Train until the budget is spent; the folder keeps the weights with the best figure.

    Raises ``InputError`` for pictures that are too few or too small.
    """
    pictures, held_out = split_pictures(
        load_pictures(training.pictures, training.crop, HELD_OUT + 1)
    )
    learner = _learner(training)
    state = training.output / "checkpoint"
    if checkpoints.exists(state):
        learner.resume(state)
    validation = to_tensor(held_out).to(training.device)
    perceptual = placed(LpipsSqueeze(training.lpips), training.device)
    log, means, watch = TrainingLog(training.output / "train.log"), RunningMeans(), Stopwatch()
    wishes = {k: str(v) for k, v in vars(training).items() if k not in {"pictures", "shape"}}
    begun = {"start": time.strftime("%F %T"), "from_step": learner.steps}
    log.note(**begun, pictures=len(pictures), **asdict(training.shape), **wishes)

    def look(is_last: bool) -> None:
        figure, rows = validate(learner.average, validation, perceptual)
        counts = {"iteration": learner.steps, "pixels": learner.pixels}
        spent = {"minutes": round(watch.minutes, 1), "figure": round(figure, 3)}
        log.note(**spent, **counts, validation=rows, running=means.rounded())
        if figure < learner.record.get("best", math.inf):
            learner.record["best"] = figure
            save_weights(learner.average, training.output)
        learner.save(state)

    def step(progress: float) -> None:
        batch = crop_batch(pictures, training.crop, training.batch, learner.numbers())
        batch = batch.to(training.device, memory_format=torch.channels_last)
        generator = learner.generator()
        low, high = map(math.log, _STEP_RANGE)
        draw = torch.rand(training.batch, generator=generator, device=training.device)
        quantiser = torch.exp(low + (high - low) * draw)
        decoded, bpp = learner.model(batch, quantiser, generator)
        d, mse, lpips = distortion(decoded, batch, quantiser, perceptual, generator)
        # Coarse steps have losses ten times those of fine ones; dividing by the step keeps both in
        # the gradient.
        loss = ((d + RATE_WEIGHT * quantiser**2 * bpp) / quantiser).mean()
        factor = ramp(learner.steps, _RAMP) * cosine(progress, _FLOOR)
        learner.learn(loss, training.batch * training.crop**2, factor)
        means.add(loss, bpp, mse, lpips)

    run(learner, training.budget, step, look, Interval(steps=training.look_every))
