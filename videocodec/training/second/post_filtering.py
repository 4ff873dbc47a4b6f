"""Training of the post-filter on what the codec makes of pictures, by the autoencoder's loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ...judges.lpips import LpipsSqueeze
from ...networks.placement import placed
from ...networks.post_filter import PostFilterNetwork, PostFilterShape
from .. import checkpoints
from ..budget import Budget
from ..learner import Learner, OptimiserSettings, ParameterGroup
from ..loop import Interval, Stopwatch, TrainingLog, cosine, ramp, run
from ..losses import grey_level_error, squared_error
from ..randomness import Randomness, seeded
from .losses import SecondWeights, colour_planes, distortion
from .post_filter_examples import Example

CHECKPOINT, WEIGHTS_FILE, LOG_FILE = "checkpoint", "post_filter.safetensors", "log.jsonl"
_WINDOW = 160  # px of the crops that are learnt from
_LOOKED_AT = 1  # picture of a batch that LPIPS sees, which costs most
_HELD_OUT = 16  # one of so many examples
_GRADIENT_LIMIT = 50.0
_LAST_SPEED = 0.1  # times the learning rate: it adds up hundreds of inputs, in grey levels
_RAMP, _FLOOR = 50, 0.02
_WHITE = 255.0


@dataclass(frozen=True)
class PostFilterTraining:
    """What a training is asked for.

    lpips: safetensors file with the weights of LPIPS.
    folder: of the run: its checkpoint is gone on with.
    init: weights to start from where there is no checkpoint, of as many layers or fewer.
    batch: of a step.
    loss: weights of its parts.
    """

    lpips: Path
    folder: Path
    init: Path | None = None
    batch: int = 8
    learning_rate: float = 2e-3
    shape: PostFilterShape = field(default_factory=PostFilterShape)
    loss: SecondWeights = field(default_factory=SecondWeights)
    seed: int = 0
    look: Interval = field(default_factory=lambda: Interval(minutes=4))


def train_post_filter(
    training: PostFilterTraining, examples: Sequence[Example], budget: Budget
) -> Learner[PostFilterNetwork]:
    """Train until the budget is spent, the rate falling to nearly 0 → the state, which is saved,
    with the weights of the moving average as float16 in ``post_filter.safetensors``.

    One example in sixteen is held out.  A run that was stopped goes on.
    """
    learner, state = _learner(training), training.folder / CHECKPOINT
    if checkpoints.exists(state):
        learner.resume(state)
    _Session(training, learner, examples).run(budget)
    return learner


def _learner(training: PostFilterTraining) -> Learner[PostFilterNetwork]:
    with seeded(training.seed):
        network = PostFilterNetwork(training.shape)
        if training.init is not None:
            network = PostFilterNetwork.load(training.init).deepened(training.shape.layers)
    rate = training.learning_rate
    groups = [
        ParameterGroup(list(network.layers.parameters()), rate),
        ParameterGroup(list(network.last.parameters()), _LAST_SPEED * rate),
    ]
    settings = OptimiserSettings(_GRADIENT_LIMIT, betas=(0.9, 0.99), weight_decay=0.0)
    return Learner(placed(network, "cpu"), groups, settings, Randomness(training.seed))


class _Session:
    """One run: its steps and its looks."""

    def __init__(
        self,
        training: PostFilterTraining,
        learner: Learner[PostFilterNetwork],
        examples: Sequence[Example],
    ) -> None:
        self._training, self._learner = training, learner
        self._held_out = examples[::_HELD_OUT]
        self._examples = [one for index, one in enumerate(examples) if index % _HELD_OUT]
        self._lpips = LpipsSqueeze(training.lpips)
        self._log, self._watch = TrainingLog(training.folder / LOG_FILE), Stopwatch()

    def run(self, budget: Budget) -> None:
        """Train until the budget is spent."""
        run(self._learner, budget, self._step, self._look, self._training.look)

    def _step(self, progress: float) -> None:
        learner, training = self._learner, self._training
        rng = learner.numbers()
        chosen = rng.choice(len(self._examples), training.batch)
        parts = [_cut(self._examples[int(number)], rng) for number in chosen]
        target, coded, log2_steps = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        made = learner.model(coded, log2_steps)
        step = torch.exp2(log2_steps.mean((1, 2)))
        lost = distortion(made, target, step, self._lpips, training.loss, rng, _LOOKED_AT)
        factor = ramp(learner.steps, _RAMP) * cosine(progress, _FLOOR)
        learner.learn((lost / step).mean(), target[:, 0].numel(), factor)

    def _look(self, is_last: bool) -> None:
        """Validate, write a line of the log, and save."""
        learner, folder = self._learner, self._training.folder
        before, after = (
            held_out_figures(network, self._held_out, self._lpips)
            for network in (None, learner.average)
        )
        self._log.note(
            steps=learner.steps, minutes=round(self._watch.minutes, 1), before=before, after=after
        )
        learner.save(folder / CHECKPOINT)
        half = checkpoints.half_precision(learner.average.state_dict())
        checkpoints.save_tensors(half, folder / WEIGHTS_FILE)


Tensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _cut(example: Example, rng: np.random.Generator) -> Tensors:
    """A square of an example as large as there is, or smaller, mirrored or not."""
    sides = [min(_WINDOW, side) for side in example.target.shape[:2]]
    places = [
        int(rng.integers((whole - side) // 8 + 1))
        for whole, side in zip(example.target.shape[:2], sides, strict=True)
    ]
    rows, columns = (slice(at, at + side // 8) for at, side in zip(places, sides, strict=True))
    tensors = _tensors(example, rows, columns)
    padded = [_WINDOW - side for side in sides]
    if any(padded):  # as many pixels in every row of a batch: the picture goes on as its mirror
        tensors = _filled(tensors, padded)
    return tensors


def _filled(tensors: Tensors, missing: Sequence[int]) -> Tensors:
    """With the picture's own mirror below and to the right, in whole positions."""
    made = []
    for tensor, scale in zip(tensors, (1, 1, 8), strict=True):
        for axis, count in zip((-2, -1), missing, strict=True):
            size = count // scale
            tensor = torch.cat([tensor, tensor.flip(axis).narrow(axis, 0, size)], axis)
        made.append(tensor)
    return made[0], made[1], made[2]


def _tensors(example: Example, rows: slice = slice(None), columns: slice = slice(None)) -> Tensors:
    """Target and coded (1, 3, H, W) in [-1, 1], and log2 of steps (1, h, w), of some positions."""
    pixels = tuple(
        slice(None) if one.start is None else slice(8 * one.start, 8 * one.stop)
        for one in (rows, columns)
    )
    pictures = [
        torch.from_numpy(np.ascontiguousarray(one[pixels])).permute(2, 0, 1)[None].float()
        for one in (example.target, example.coded)
    ]
    target, coded = (picture.div(127.5).sub(1) for picture in pictures)
    return target, coded, torch.from_numpy(example.log2_steps[rows, columns][None].copy())


@torch.no_grad()
def held_out_figures(
    network: torch.nn.Module | None, examples: Sequence[Example], lpips: LpipsSqueeze
) -> list[float]:
    """PSNR of luma and of colour in dB and lpips-squeeze, means; None for pictures as decoded."""
    rows = []
    for example in examples:
        target, coded, log2_steps = _tensors(example)
        made = coded if network is None else network(coded, log2_steps).clamp(-1, 1)
        planes = colour_planes(grey_level_error(made, target))
        decibels = [10 * torch.log10(_WHITE**2 / squared_error(p).clamp_min(1e-6)) for p in planes]
        rows.append([float(value) for value in (*decibels, lpips(made, target))])
    return [round(float(value), 4) for value in np.mean(rows, axis=0)]
