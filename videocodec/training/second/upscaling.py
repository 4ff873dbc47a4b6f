"""Training of the network for twice the size, on what decoders show of coded pictures.

Three distances count: squared error, structure and LPIPS, each relative to what bicubic enlargement
has of it and in units of what a picture loses of it when it gets half the bytes, so that none
drowns the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ...judges.lpips import LpipsSqueeze
from ...judges.structure import lost_structure, ms_ssim
from ...models.post_filter import PostFilter
from ...networks.placement import placed
from ...networks.second.codec import SecondCodec
from ...networks.upscaling import PictureUpscaler, UpscalerShape, enlarged
from .. import checkpoints
from ..budget import Budget
from ..learner import Learner, OptimiserSettings, ParameterGroup
from ..loop import Interval, Stopwatch, TrainingLog, cosine, ramp, run
from ..losses import grey_level_error, squared_error
from ..pictures import centre_crop
from ..randomness import Randomness, seeded
from .bundle import shape_of
from .losses import Judge, colour_planes
from .pack import PackedPictures
from .upscaling_examples import SIDE, Examples, coded_examples, halved, make_examples

CHECKPOINT, WEIGHTS_FILE, LOG_FILE = "checkpoint", "upscaler.safetensors", "log.jsonl"
_HELD_OUT_STEPS = (0.6, 2.0)
_GRADIENT_LIMIT = 5.0
_WINDOW, _ALIGNMENT = 192, 16  # px of the crops that are learnt from
_STRUCTURE_OF, _LPIPS_OF = 2, 1  # pictures of a batch: they cost most
_COLOUR = 0.25  # squared error of colour beside that of luma
# Doublings of the bytes that double, or in LPIPS add to, what is lost.
_SQUARED, _STRUCTURE, _LPIPS = 2.1, 1.44, 3.0
_FLOOR_OF_ERROR = 8.0  # squared grey levels, so that easy pictures do not rule
# What bicubic enlargement has at a step of 1 and how much more it is at twice the step.
_USUAL_STRUCTURE, _USUAL_LPIPS = (0.075, 0.015), (0.24, 0.03)
_RAMP, _FLOOR = 50, 0.02
_WHITE = 255.0


@dataclass(frozen=True)
class UpscalerTraining:
    """What a training is asked for.

    weights: of the autoencoder that makes the decoded pictures.
    lpips: safetensors file with the weights of LPIPS.
    folder: of the run: its checkpoint is gone on with.
    init: weights to start from where there is no checkpoint; None starts at bicubic enlargement.
    filtered_by: folder of a bundle through whose post-filter, if it has one, decoded pictures go;
    None for none.
    examples: how many are worked out before, which takes memory of 0.25 MB each.
    batch: of a step; LPIPS looks at one of it and structure at two.
    lpips_weight, structure_weight: beside that of squared error, 1.
    held_out: photographs to validate with, at most.
    """

    weights: Path
    lpips: Path
    folder: Path
    init: Path | None = None
    filtered_by: Path | None = None
    examples: int = 1200
    batch: int = 4
    learning_rate: float = 1.5e-3
    shape: UpscalerShape = field(default_factory=UpscalerShape)
    lpips_weight: float = 1.0
    structure_weight: float = 1.0
    seed: int = 0
    held_out: int = 16
    look: Interval = field(default_factory=lambda: Interval(minutes=4))


def train_upscaler(
    training: UpscalerTraining, pictures: PackedPictures, budget: Budget
) -> Learner[PictureUpscaler]:
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
    post_filter = None if training.filtered_by is None else PostFilter.load(training.filtered_by)
    drawn = Randomness(training.seed + learner.steps)
    examples = make_examples(codec, pictures, training.examples, drawn, post_filter)
    session = _Session(training, learner, examples)
    session.held_out = _held_out(codec, pictures, training.held_out, post_filter)
    session.run(budget)
    return learner


def _learner(training: UpscalerTraining) -> Learner[PictureUpscaler]:
    with seeded(training.seed):
        network = PictureUpscaler(training.shape)
    if training.init is not None:
        network.load(training.init)
    groups = [ParameterGroup(list(network.parameters()), training.learning_rate)]
    settings = OptimiserSettings(_GRADIENT_LIMIT, betas=(0.9, 0.99), weight_decay=1e-3)
    return Learner(placed(network, "cpu"), groups, settings, Randomness(training.seed))


def _held_out(
    codec: SecondCodec, pictures: PackedPictures, most: int, post_filter: PostFilter | None
) -> Examples | None:
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
    return coded_examples(codec, crops * count, small * count, steps, post_filter=post_filter)


class _Session:
    """One run: its steps and its looks.  held_out: what is looked at, None for nothing."""

    held_out: Examples | None = None

    def __init__(
        self, training: UpscalerTraining, learner: Learner[PictureUpscaler], examples: Examples
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
        top, left = rng.integers(0, (SIDE - _WINDOW) // _ALIGNMENT + 1, 2) * _ALIGNMENT
        target = _as_floats(batch.targets[:, :, top : top + _WINDOW, left : left + _WINDOW])
        half, top, left = _WINDOW // 2, top // 2, left // 2
        coded = _as_floats(batch.coded[:, :, top : top + half, left : left + half])
        log2_steps = torch.log2(batch.steps)
        made = learner.model(coded, _as_map(log2_steps, half))
        usual = _squared(enlarged(coded).clamp(-1, 1), target)
        lost = _SQUARED * (_squared(made, target) / (usual + _FLOOR_OF_ERROR)).mean()
        some = slice(_STRUCTURE_OF)
        structure = lost_structure(made[some], target[some]) / _usual(
            _USUAL_STRUCTURE, log2_steps[some]
        )
        lost = lost + training.structure_weight * _STRUCTURE * structure.mean()
        if training.lpips_weight:
            some = slice(_LPIPS_OF)
            seen = self._lpips(made[some], target[some]) / _usual(_USUAL_LPIPS, log2_steps[some])
            lost = lost + training.lpips_weight * _LPIPS * seen.mean()
        factor = ramp(learner.steps, _RAMP) * cosine(progress, _FLOOR)
        learner.learn(lost, target[:, 0].numel(), factor)

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


def _as_floats(pictures: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = pictures.float().div(127.5).sub(1)
    return made.contiguous(memory_format=torch.channels_last)


def _as_map(log2_steps: torch.Tensor, side: int) -> torch.Tensor:
    """The step of every latent position of square pictures, (B, side / 8, side / 8)."""
    positions = -(-side // 8)
    return log2_steps[:, None, None].expand(-1, positions, positions)


def _usual(figures: tuple[float, float], log2_steps: torch.Tensor) -> torch.Tensor:
    """What bicubic enlargement is expected to have, (B,)."""
    at_one, by_doubling = figures
    return at_one + by_doubling * log2_steps


def _squared(made: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Squared grey levels of luma, and less of colour, (B,)."""
    luma, colour = colour_planes(grey_level_error(made, target))
    return squared_error(luma) + 2 * _COLOUR * squared_error(colour)


@torch.no_grad()
def validate_upscaler(
    network: nn.Module | Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    held_out: Examples,
    lpips: Judge,
) -> dict[str, list[float]]:
    """By step: PSNR of luma and colour in dB, lpips-squeeze, MS-SSIM."""
    rows: dict[str, list[torch.Tensor]] = {}
    for number in range(len(held_out)):
        one = held_out.chosen(torch.tensor([number]))
        target, coded = _as_floats(one.targets), _as_floats(one.coded)
        steps = _as_map(torch.log2(one.steps), coded.shape[2])
        made = network(coded, steps).clamp(-1, 1)
        luma, colour = colour_planes(grey_level_error(made, target))
        row = [_psnr(luma), _psnr(colour), lpips(made, target), ms_ssim(made, target)]
        rows.setdefault(f"step {float(one.steps):g}", []).append(torch.cat(row))
    return {
        name: [round(float(v), 4) for v in torch.stack(values).mean(0)]
        for name, values in rows.items()
    }


def _psnr(error: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(_WHITE**2 / squared_error(error).clamp_min(1e-6))
