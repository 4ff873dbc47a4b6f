"""Training of a head for twice the size, on a decoder that stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ...judges.lpips import LpipsSqueeze
from ...judges.structure import lost_structure, ms_ssim
from ...networks.placement import placed
from ...networks.second.codec import SecondCodec
from ...networks.second.upscaling import UpscalerShape, UpscalingHead
from .. import checkpoints
from ..budget import Budget
from ..learner import Learner, OptimiserSettings, ParameterGroup
from ..loop import Interval, Stopwatch, TrainingLog, cosine, ramp, run
from ..losses import block_mean_error, grey_level_error, grid_energy, squared_error
from ..pictures import centre_crop
from ..precision import autocast
from ..randomness import Randomness, seeded
from .bundle import shape_of
from .losses import Judge, SecondWeights, colour_planes
from .pack import PackedPictures
from .upscaling_examples import SIDE, Examples, coded_examples, halved, make_examples
from .upscaling_start import start_from_least_squares

CHECKPOINT, WEIGHTS_FILE, LOG_FILE = "checkpoint", "upscaler.safetensors", "log.jsonl"
# Coarse colour is the decoder's affair.
LOSS = SecondWeights(
    luma=0.75, colour=0.5, lpips=100.0, structure=100.0, coarse=0.5, coarse_colour=0.0
)
_HELD_OUT_STEPS = (0.6, 2.0)
_GRADIENT_LIMIT = 200.0
# Of a batch LPIPS and structure look at one picture of so many, through a window: they cost most.
_LOOKED_AT_ONE_OF, _WINDOW = 4, 160
# Times the learning rate: the last layer adds hundreds of inputs, and noise in the linear path,
# which starts at the best there is, costs decibels.
_HEAD_SPEED, _LINEAR_SPEED = 0.3, 0.03
_RAMP, _FLOOR = 50, 0.02
_WHITE = 255.0


@dataclass(frozen=True)
class UpscalerTraining:
    """What a training is asked for.

    weights: of the autoencoder, whose decoder the head is for.
    lpips: safetensors file with the weights of LPIPS.
    folder: of the run: its checkpoint is gone on with.
    init: weights of a head to start from where there is no checkpoint; None starts at
    least squares.
    examples: how many are worked out before, which takes memory of 0.4 MB each.
    batch: of a step; LPIPS looks at a quarter of it, as does structure.
    held_out: photographs to validate with, at most.
    """

    weights: Path
    lpips: Path
    folder: Path
    init: Path | None = None
    examples: int = 1200
    batch: int = 8
    learning_rate: float = 3e-4
    shape: UpscalerShape = field(default_factory=UpscalerShape)
    loss: SecondWeights = LOSS
    seed: int = 0
    held_out: int = 16
    look: Interval = field(default_factory=lambda: Interval(minutes=4))


def train_upscaler(
    training: UpscalerTraining, pictures: PackedPictures, budget: Budget
) -> Learner[UpscalingHead]:
    """Train until the budget is spent, the rate falling to nearly 0 → the state, which is saved,
    with the weights of the moving average as float16 in ``upscaler.safetensors``.

    A run that was stopped goes on; its examples are then others.  Raises ``UnknownModelError`` or
    ``InputError`` for files that are not what they should be.
    """
    codec = SecondCodec(shape_of(training.weights))
    codec.load(training.weights)
    learner, state = _learner(training), training.folder / CHECKPOINT
    if checkpoints.exists(state):
        learner.resume(state)
    drawn = Randomness(training.seed + learner.steps)
    examples = make_examples(codec, pictures, training.examples, drawn)
    if training.init is None and not learner.steps:
        for head in (learner.model, learner.average):
            start_from_least_squares(head, examples)
    session = _Session(training, learner, examples)
    session.held_out = _held_out(codec, pictures, training.held_out)
    session.run(budget)
    return learner


def _learner(training: UpscalerTraining) -> Learner[UpscalingHead]:
    with seeded(training.seed):
        head = UpscalingHead(training.shape)
    if training.init is not None:
        head.load(training.init)
    named = dict(head.named_parameters())
    last, linear = (named.pop(name) for name in ("head.weight", "linear.weight"))
    dense = [w for w in named.values() if w.ndim == 4 and w.shape[1] > 1]
    others = [w for w in named.values() if all(w is not chosen for chosen in dense)]
    rate = training.learning_rate
    groups = [
        ParameterGroup([last], _HEAD_SPEED * rate),
        ParameterGroup([linear], _LINEAR_SPEED * rate, weight_decay=0.0),
        ParameterGroup(others, rate),
        ParameterGroup(dense, rate, with_muon=True),
    ]
    settings = OptimiserSettings(_GRADIENT_LIMIT, betas=(0.9, 0.99))
    head = placed(head, "cpu")
    return Learner(head, groups, settings, Randomness(training.seed))


def _held_out(codec: SecondCodec, pictures: PackedPictures, most: int) -> Examples | None:
    """Centres of photographs held out, each at every one of two steps."""
    crops = [
        centre_crop(p, SIDE) for p in pictures.held_out_photographs if min(p.shape[:2]) >= SIDE
    ][:most]
    if not crops:
        return None
    kernels = Randomness(0)
    small = [halved(crop, kernels.numpy(number)) for number, crop in enumerate(crops)]
    steps = [step for step in _HELD_OUT_STEPS for _ in crops]
    count = len(_HELD_OUT_STEPS)
    return coded_examples(codec, crops * count, small * count, steps)


class _Session:
    """One run: its steps and its looks.  held_out: what is looked at, None for nothing."""

    held_out: Examples | None = None

    def __init__(
        self, training: UpscalerTraining, learner: Learner[UpscalingHead], examples: Examples
    ) -> None:
        self._training, self._learner, self._examples = training, learner, examples
        self._lpips = LpipsSqueeze(training.lpips)
        self._log, self._watch = TrainingLog(training.folder / LOG_FILE), Stopwatch()

    def run(self, budget: Budget) -> None:
        """Train until the budget is spent."""
        run(self._learner, budget, self._step, self._look, self._training.look)

    def _step(self, progress: float) -> None:
        learner, training = self._learner, self._training
        rng = learner.numbers()
        chosen = rng.choice(len(self._examples), training.batch, replace=False)
        batch = self._examples.chosen(torch.from_numpy(chosen))
        target = batch.targets.float().div(127.5).sub(1)
        with autocast(torch.device("cpu")):
            made = learner.model(_floats(batch.features), batch.coded.float()).float()
        weights = training.loss
        lost = _differing(made, target, weights)
        seen = max(1, training.batch // _LOOKED_AT_ONE_OF)
        top, left = (int(v) for v in rng.integers(0, SIDE - _WINDOW + 1, 2))
        place = (slice(seen), ..., slice(top, top + _WINDOW), slice(left, left + _WINDOW))
        looks = made[place], target[place]
        with autocast(torch.device("cpu")):
            perceptual = weights.lpips * self._lpips(*looks).float()
        perceptual = perceptual + weights.structure * lost_structure(*looks)
        share = training.batch / seen
        lost = torch.cat(
            [lost[:seen] + share * batch.steps[:seen] ** 1.4 * perceptual, lost[seen:]]
        )
        factor = ramp(learner.steps, _RAMP) * cosine(progress, _FLOOR)
        learner.learn((lost / batch.steps).mean(), target[:, 0].numel(), factor)

    def _look(self, is_last: bool) -> None:
        """Validate, write a line of the log, and save."""
        learner, folder = self._learner, self._training.folder
        figures = {}
        if self.held_out is not None:
            figures = validate_upscaler(learner.average, self.held_out, self._lpips)
        self._log.note(steps=learner.steps, minutes=round(self._watch.minutes, 1), **figures)
        learner.save(folder / CHECKPOINT)
        half = checkpoints.half_precision(learner.average.state_dict())
        checkpoints.save_tensors(half, folder / WEIGHTS_FILE)


def _differing(made: torch.Tensor, target: torch.Tensor, weights: SecondWeights) -> torch.Tensor:
    """The parts of the loss that squared errors are, (B,)."""
    error = grey_level_error(made, target)
    luma, colour = colour_planes(error)
    return (
        weights.luma * squared_error(luma)
        + weights.colour * 2 * squared_error(colour)
        + weights.rgb * squared_error(error)
        + weights.coarse * block_mean_error(error)
        + weights.grid * grid_energy(error)
    )


def _floats(features: torch.Tensor) -> torch.Tensor:
    return features.float().contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def validate_upscaler(
    head: nn.Module | Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    held_out: Examples,
    lpips: Judge,
) -> dict[str, list[float]]:
    """By step: PSNR of luma and colour in dB, lpips-squeeze, MS-SSIM."""
    rows: dict[str, list[torch.Tensor]] = {}
    for number in range(len(held_out)):
        one = held_out.chosen(torch.tensor([number]))
        target = one.targets.float().div(127.5).sub(1)
        made = head(one.features.float(), one.coded.float()).float().clamp(-1, 1)
        luma, colour = colour_planes(grey_level_error(made, target))
        row = [_psnr(luma), _psnr(colour), lpips(made, target), ms_ssim(made, target)]
        rows.setdefault(f"step {float(one.steps):g}", []).append(torch.cat(row))
    return {
        name: [round(float(v), 4) for v in torch.stack(values).mean(0)]
        for name, values in rows.items()
    }


def _psnr(error: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(_WHITE**2 / squared_error(error).clamp_min(1e-6))
