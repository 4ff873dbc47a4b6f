"""The long run of the second autoencoder, and releases of it.

``train`` has a constant learning rate after a ramp, so that a run has no end to be planned and goes
on from its checkpoint for as long as somebody wants.  ``decay`` takes the state of a run, lets the
rate fall along a cosine, and writes the weights of a release; the run itself goes on from before.
Work is counted in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from ...networks.placement import placed
from ...networks.second.autoencoder import SecondShape
from ...networks.second.codec import ACTIVATION, SecondCodec
from .. import checkpoints
from ..budget import Budget
from ..learner import Learner, OptimiserSettings, ParameterGroup
from ..loop import Stopwatch, TrainingLog, cosine, ramp, run
from ..pictures import load_pictures
from ..randomness import Randomness, seeded
from .batches import Ahead, make_batch, on_device
from .objective import Objective, memory_format
from .pack import PackedPictures
from .panel import Figures, as_markdown, as_rows, validate, validation_crops
from .recipe import SecondTraining
from .start import start_from_principal_components

CHECKPOINT, DECAY_CHECKPOINT = "checkpoint", "decay"
AVERAGE_FILE, DECAYED_FILE = "average.safetensors", "decayed.safetensors"
LOG_FILE, PANEL_FILE = "log.jsonl", "panel.md"
_RAMP, _FLOOR = 300, 0.01  # of the learning rate: steps to its peak, and where a decay ends
_GRADIENT_LIMIT = 200.0
# Times the learning rate.  The linear path starts as the best linear map, and noise in it costs
# decibels at fine steps; heads add hundreds of inputs to what is measured in grey levels; the
# encoder's gradient is noise for the most part, because error that rounding made is in it; the rate
# model follows what the others do.
_LINEAR_SPEED, _HEAD_SPEED, _ENCODER_SPEED, _RATE_MODEL_SPEED = 0.03, 0.3, 0.5, 2.0
_PHOTOGRAPHS_LOOKED_AT = 16


def train(
    training: SecondTraining, pictures: PackedPictures, budget: Budget
) -> Learner[SecondCodec]:
    """Train at a constant rate until the budget is spent → the state, which is saved too."""
    learner, state = new_learner(training, pictures), training.folder / CHECKPOINT
    if checkpoints.exists(state):
        _resume(learner, state)
    session = _Session(training, learner, pictures, state, AVERAGE_FILE)
    session.run(budget, lambda progress: ramp(learner.steps, _RAMP))
    return learner


def decay(
    training: SecondTraining, pictures: PackedPictures, pixels: int, minutes: float | None = None
) -> Learner[SecondCodec]:
    """Take a run, or ``init`` where there is none, through ``pixels`` more; the rate falls to 0.

    A decay that was stopped goes on; one that was finished is made anew.
    minutes: end this part of it then.
    """
    learner, state = new_learner(training, pictures), training.folder / DECAY_CHECKPOINT
    if checkpoints.exists(state):
        _resume(learner, state)
    if learner.record.get("decay_to", 0) <= learner.pixels:
        learner = new_learner(training, pictures)
        if training.init is None or checkpoints.exists(training.folder / CHECKPOINT):
            _resume(learner, training.folder / CHECKPOINT)
        learner.record |= {"decay_from": learner.pixels, "decay_to": learner.pixels + pixels}
    start, end = learner.record["decay_from"], learner.record["decay_to"]

    def rate(_: float) -> float:
        return ramp(learner.steps, _RAMP) * cosine((learner.pixels - start) / (end - start), _FLOOR)

    session = _Session(training, learner, pictures, state, DECAYED_FILE)
    session.run(Budget(pixels=end, minutes=minutes), rate)
    return learner


def _resume(learner: Learner[SecondCodec], state: Path) -> None:
    """Go on with a checkpoint, and the activation that its weights have."""
    learner.resume(state)
    for codec in (learner.model, learner.average):
        if isinstance(codec, SecondCodec):
            codec.use_activation(learner.record.get(ACTIVATION, SecondShape.activation))


def new_learner(training: SecondTraining, pictures: PackedPictures) -> Learner[SecondCodec]:
    """Networks and optimiser as a run starts."""
    with seeded(training.seed):
        codec = SecondCodec(training.shape)
    if training.init is not None:
        codec.load(training.init)
    else:
        start_from_principal_components(codec, pictures.frames or pictures.photographs)
    if training.rate_weights is not None:
        codec.load_rate(training.rate_weights)
    for name, part in codec.named_children():
        part.requires_grad_(name in training.parts)
    codec = placed(codec, training.device, memory_format(training))
    settings = OptimiserSettings(_GRADIENT_LIMIT, betas=(0.9, 0.99))
    groups = parameter_groups(codec, training.learning_rate, training.optimiser == "muon")
    learner = Learner(
        codec, groups, settings, Randomness(training.seed), pixels=training.pixels_before
    )
    learner.record[ACTIVATION] = codec.shape.activation
    return learner


def parameter_groups(codec: SecondCodec, rate: float, with_muon: bool) -> list[ParameterGroup]:
    """How fast what learns, for a learning rate of the networks.

    with_muon: dense convolutions of the networks are Muon's.
    """
    groups = [ParameterGroup(list(codec.rate.parameters()), _RATE_MODEL_SPEED * rate)]
    for network, speed in ((codec.encoder, _ENCODER_SPEED), (codec.decoder, 1.0)):
        named = dict(network.named_parameters())
        linear, head = named.pop("linear.weight"), named.pop("head.weight")
        dense = [w for w in named.values() if with_muon and w.ndim == 4 and w.shape[1] > 1]
        others = [w for w in named.values() if all(w is not chosen for chosen in dense)]
        groups += [
            ParameterGroup([linear], _LINEAR_SPEED * rate, weight_decay=0.0),
            ParameterGroup([head], _HEAD_SPEED * speed * rate),
            ParameterGroup(others, speed * rate),
            ParameterGroup(dense, speed * rate, with_muon=True),
        ]
    learning = (
        replace(group, parameters=[w for w in group.parameters if w.requires_grad])
        for group in groups
    )
    return [group for group in learning if group.parameters]


class _Session:
    """One run: its steps and its looks."""

    def __init__(
        self,
        training: SecondTraining,
        learner: Learner[SecondCodec],
        pictures: PackedPictures,
        state: Path,
        weights_file: str,
    ) -> None:
        self._training, self._learner, self._pictures = training, learner, pictures
        self._state, self._weights_file = state, training.folder / weights_file
        self._device = torch.device(training.device)
        self._objective = Objective.of(training)
        self._held_out = _held_out(training, pictures, self._device)
        self._log, self._watch = TrainingLog(training.folder / LOG_FILE), Stopwatch()
        self._start_pixels = learner.pixels

    def run(self, budget: Budget, rate: Callable[[float], float]) -> None:
        """Train until the budget is spent; rate: factor of the learning rate by progress."""
        cv2.setNumThreads(1)
        training, learner = self._training, self._learner
        if self._device.type == "cuda":
            torch.backends.cudnn.benchmark = True
        randomness = learner.randomness

        def make(step: int) -> torch.Tensor:
            return make_batch(
                self._pictures, training.batch, training.crop, training.mixture, randomness, step
            )

        with Ahead(make, learner.steps, training.workers) as batches:

            def step(progress: float) -> None:
                pictures = on_device(batches.take(), self._device)
                pictures = pictures.contiguous(memory_format=memory_format(training))
                loss = self._objective.loss(learner, pictures)
                learner.learn(loss, pictures[:, 0].numel(), rate(progress))

            run(learner, budget, step, self._look, training.look)

    def _look(self, is_last: bool) -> None:
        """Validate, write a line of the log and the panel, and save."""
        learner, minutes = self._learner, self._watch.minutes
        by_set: dict[str, list[Figures]] = {
            name: validate(
                learner.average,
                crops,
                self._objective.lpips,
                self._training.panel_steps,
                self._objective.post_filter,
            )
            for name, crops in self._held_out.items()
        }
        self._log.note(
            gigapixels=round(learner.pixels / 1e9, 4),
            iteration=learner.steps,
            minutes=round(minutes, 1),
            megapixels_per_second=round(
                (learner.pixels - self._start_pixels) / 1e6 / max(60 * minutes, 1e-9), 3
            ),
            decaying=self._state.name == DECAY_CHECKPOINT,
            rate=learner.rate,
            **{name: as_rows(figures) for name, figures in by_set.items()},
        )
        seen = f"after {learner.pixels / 1e9:.3f} Gpx, {self._weights_file.name}"
        titles = [(f"{name}, {seen}", figures) for name, figures in by_set.items()]
        (self._training.folder / PANEL_FILE).write_text(as_markdown(titles))
        half = checkpoints.half_precision(learner.average.state_dict())
        metadata = {ACTIVATION: learner.record[ACTIVATION]}
        checkpoints.save_tensors(half, self._weights_file, metadata)
        learner.save(self._state)


def _held_out(
    training: SecondTraining, pictures: PackedPictures, device: torch.device
) -> dict[str, torch.Tensor]:
    """Crops to validate with, by what they are of."""
    frames = pictures.held_out_frames
    if training.validation is not None:
        frames = load_pictures([training.validation], smallest=1, least=1)
    held_out = {
        "photographs": validation_crops(pictures.held_out_photographs[:_PHOTOGRAPHS_LOOKED_AT]),
        "video": validation_crops(frames),
    }
    return {name: crops.to(device) for name, crops in held_out.items() if crops is not None}
