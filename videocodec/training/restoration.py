"""Training the temporal UNet on streams of the real encoder.

A sample is two frames next to each other, cut at the same place.  In a third of the samples blocks
are replaced by a neighbour's content and marked for generation, beside streams in which the encoder
left blocks out itself; in a quarter the error is shrunk to that of a smaller timestep, as the later
ones of several denoising steps see it.  The loss is in ``restorer``.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from ..decoded import QUANTISER_STEPS
from ..errors import InputError
from ..judges.lpips import LpipsSqueeze
from ..models.bundle import ModelBundle
from ..models.temporal_unet import TemporalUNet
from ..networks.autoencoder import Decoder
from ..networks.placement import placed
from . import checkpoints
from .budget import Budget
from .learner import Learner, OptimiserSettings, ParameterGroup
from .loop import Interval, RunningMeans, Stopwatch, TrainingLog, cosine, ramp, run
from .randomness import Randomness, seeded
from .restoration_batches import (
    Batch,
    Cut,
    Stream,
    collate,
    held_out,
    load_streams,
    training_batch,
)
from .restorer import Judge, Restorer, Weights, distortion, validate

DECODER_FILE = "decoder.safetensors"
UNRESTORED_EVERY = 4  # batches, when the decoder learns too
_VALIDATION_PAIRS = 3  # per stream
_RAMP, _FLOOR = 200, 0.02  # of the learning rate: steps to its peak, and where it ends


@dataclass(frozen=True)
class RestorationTraining:
    """What a training is asked for.

    streams: folder that ``tools.train.restoration_streams`` made.
    lpips: safetensors file with the weights of LPIPS.
    output: folder of weights, log and checkpoint; a checkpoint there is gone on with.
    init: folder with ``unet/`` to start from, afresh if it has none.
    bundle: name or folder of the bundle that the streams were made with.
    pairs, crop: of a batch; crop in latents a side.
    decoder_rate: learning rate of the autoencoder's decoder; 0 leaves it as it is.
    hold_out: regular expression of scenes to validate with; without it every fifth clip.
    look_every: steps between validations.
    """

    streams: Path
    lpips: Path
    output: Path
    init: Path
    budget: Budget
    bundle: str = "embedded"
    device: str = "cpu"
    pairs: int = 4
    crop: int = 20
    learning_rate: float = 6e-4
    decoder_rate: float = 0.0
    weights: Weights = field(default_factory=Weights)
    hold_out: str | None = None
    seed: int = 0
    look_every: int = 300


def save_weights(model: Restorer, folder: Path, with_decoder: bool) -> None:
    """Write the weights as float16 into a folder: ``unet/`` and, if it was trained,
    ``decoder.safetensors``.
    """
    copy.deepcopy(model.unet).half().save_pretrained(str(folder / "unet"))
    if with_decoder:
        state = checkpoints.half_precision(model.decoder.state_dict())
        named = {f"decoder.{name}": value for name, value in state.items()}
        checkpoints.save_tensors(named, folder / DECODER_FILE)


def latent_deviation(timesteps: np.ndarray) -> float:
    """The latents' standard deviation that a bundle's timesteps, (128,), were made with."""
    from ..models.schedules import stable_diffusion_schedule

    alphas = stable_diffusion_schedule().alphas_cumprod.numpy()
    noise = np.sqrt((1 - alphas) / alphas)[timesteps]
    usable = (noise > 0.1) & (noise < 0.7)
    return float(np.median(QUANTISER_STEPS[usable] / 12**0.5 / noise[usable]))


def _validation_batches(
    streams: list[Stream], deviation: float, device: str
) -> list[tuple[int, Batch]]:
    """Whole frames of the streams held out, each with its range of crf."""
    batches = []
    for stream in streams:
        group = min(3, max(0, (int(stream.name.split("crf")[1]) - 14) // 10))
        frames, (height, width) = len(stream.decoded), stream.decoded.shape[2:]
        for frame in np.linspace(0, frames - 2, _VALIDATION_PAIRS).astype(int):
            cut = Cut(stream, int(frame), 0, 0, height, width)
            batches.append((group, collate([cut], deviation).to(device)))
    return batches


def _learner(
    training: RestorationTraining, bundle: ModelBundle, deviation: float
) -> Learner[Restorer]:
    """Networks and optimiser as they start."""
    if (training.init / "unet" / "config.json").is_file():
        unet = TemporalUNet.from_pretrained(str(training.init / "unet"), torch_dtype=torch.float32)
    else:
        with seeded(training.seed):
            unet = TemporalUNet()
    autoencoder = bundle.load_autoencoder()
    if (training.init / DECODER_FILE).is_file():
        autoencoder.load_state_dict(load_file(str(training.init / DECODER_FILE)), strict=False)
    autoencoder.decoder.requires_grad_(training.decoder_rate > 0)
    model = Restorer(unet.train(), cast(Decoder, autoencoder.decoder), deviation)
    model = placed(model, training.device)
    groups = [ParameterGroup(list(model.unet.parameters()), training.learning_rate)]
    if training.decoder_rate:
        groups.append(ParameterGroup(list(model.decoder.parameters()), training.decoder_rate))
    settings = OptimiserSettings(50.0, betas=(0.9, 0.99))
    return Learner(model, groups, settings, Randomness(training.seed))


def train_restoration(training: RestorationTraining) -> None:
    """Train until the budget is spent; ``output`` keeps the weights with the best figure, its
    ``last/`` the newest.

    Raises ``InputError`` for streams that are too few.
    """
    cv2.setNumThreads(1)
    bundle = ModelBundle.find(training.bundle)
    table = load_file(str(bundle.folder / "codec" / "tables.safetensors"))["timesteps"].numpy()
    deviation = latent_deviation(table)
    streams, reserved = held_out(load_streams(training.streams, table), training.hold_out)
    if not streams or not reserved:
        raise InputError(
            f"{training.streams}: needs streams to train on and others to hold out, found"
            f" {len(streams)} and {len(reserved)}"
        )
    learner = _learner(training, bundle, deviation)
    state = training.output / "checkpoint"
    if checkpoints.exists(state):
        learner.resume(state)
    perceptual = placed(LpipsSqueeze(training.lpips), training.device)
    batches = _validation_batches(reserved, deviation, training.device)
    log = TrainingLog(training.output / "train.log")
    log.note(
        start=time.strftime("%F %T"),
        from_step=learner.steps,
        training_streams=len(streams),
        held_out=len(reserved),
        deviation=round(deviation, 4),
        **{key: str(value) for key, value in vars(training).items()},
    )
    session = _Session(training, learner, perceptual, batches, log)

    def step(progress: float) -> None:
        numbers = learner.numbers()
        batch = training_batch(streams, training.pairs, training.crop, deviation, numbers)
        session.learn(batch.to(training.device), progress)

    run(learner, training.budget, step, session.look, Interval(steps=training.look_every))


class _Session:
    """One run of a training: its steps and its looks."""

    def __init__(
        self,
        training: RestorationTraining,
        learner: Learner[Restorer],
        perceptual: Judge,
        batches: list[tuple[int, Batch]],
        log: TrainingLog,
    ) -> None:
        self._training, self._learner, self._perceptual = training, learner, perceptual
        self._batches, self._log = batches, log
        self._means, self._watch = RunningMeans(), Stopwatch()
        self._plain = self._validated(restore=False)
        log.note(without_unet=self._plain.round(4).tolist())

    def _validated(self, restore: bool) -> np.ndarray:
        model, weights = self._learner.average, self._training.weights
        return validate(model, self._batches, self._perceptual, weights, restore)

    def learn(self, batch: Batch, progress: float) -> None:
        """One step on a batch."""
        learner, training = self._learner, self._training
        restore = not training.decoder_rate or learner.steps % UNRESTORED_EVERY != 0
        generator = learner.generator()
        decoded = learner.model(batch, generator, True, restore)
        parts = distortion(decoded, batch, self._perceptual, training.weights, generator)
        factor = ramp(learner.steps, _RAMP) * cosine(progress, _FLOOR)
        learner.learn(parts[0].mean(), batch.pictures[:, 0].numel(), factor)
        self._means.add(*parts)

    def look(self, is_last: bool) -> None:
        """Validate, write a line of the log, and save."""
        learner, training = self._learner, self._training
        rows, with_decoder = self._validated(restore=True), training.decoder_rate > 0
        plain = self._validated(restore=False) if with_decoder else self._plain
        figure = float((rows[:, 0] - self._plain[:, 0]).mean())
        self._log.note(
            minutes=round(self._watch.minutes, 1),
            iteration=learner.steps,
            figure=round(figure, 4),
            validation=rows.round(4).tolist(),
            without_unet=plain.round(4).tolist(),
            running=self._means.rounded(),
        )
        save_weights(learner.average, training.output / "last", with_decoder)
        if figure < learner.record.get("best", math.inf):
            learner.record["best"] = figure
            save_weights(learner.average, training.output, with_decoder)
        learner.save(training.output / "checkpoint")
