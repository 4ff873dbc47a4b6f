"""What a step of the second autoencoder's training makes small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from ...judges.lpips import LpipsSqueeze
from ...networks.placement import placed
from ...networks.post_filter import PostFilterNetwork
from ...networks.second.codec import SecondCodec
from ..learner import Learner
from ..precision import autocast
from .generations import SHARE, later_generation
from .losses import Judge, SecondWeights, distortion
from .recipe import SecondTraining

_STEP_RANGE = (0.25, 4.5)  # of quantiser steps
# Power of what is drawn uniformly between their logarithms: fine steps come more often, since what
# training throws away there is missed most (docs/decisions/013).
_STEP_POWER = 1.3


@dataclass(frozen=True)
class Objective:
    """The loss, and what it looks at.

    lpips: distance of pictures, as of ``LpipsSqueeze``.
    post_filter: through which decoded pictures are seen, which learns nothing; None for pictures as
    they are decoded.  What goes there and back again is never filtered, as in the loop.
    """

    lpips: Judge
    weights: SecondWeights
    post_filter: PostFilterNetwork | None = None

    @classmethod
    def of(cls, training: SecondTraining) -> Objective:
        """What a run is asked for, where its networks are.  Raises ``UnknownModelError``."""
        device, layout = training.device, memory_format(training)
        lpips, post_filter = placed(LpipsSqueeze(training.lpips), device, layout), None
        if training.post_filter is not None:
            post_filter = PostFilterNetwork.load(training.post_filter).requires_grad_(False)
            post_filter = placed(post_filter, device, layout)
        return cls(lpips, training.weights, post_filter)

    def loss(self, learner: Learner[SecondCodec], pictures: torch.Tensor) -> torch.Tensor:
        """The loss of a step, a scalar, on pictures (B, 3, H, W) in [-1, 1]."""
        generator, device = learner.generator(), pictures.device
        low, high = (math.log(limit) for limit in _STEP_RANGE)
        draw = torch.rand(len(pictures), generator=generator, device=device)
        step = torch.exp(low + (high - low) * draw**_STEP_POWER)
        with autocast(device):
            decoded, bpp = learner.model(pictures, step, generator)
        half, rng, weights = max(1, len(pictures) // 2), learner.numbers(), self.weights
        shown = decoded
        if self.post_filter is not None:
            with autocast(device):
                shown = self.post_filter.at_one_step(decoded, step).float()
        lost = distortion(shown, pictures, step, self._judge, weights, rng, half)
        by_squares = replace(weights, lpips=0.0)
        if self.post_filter is not None and weights.unfiltered:
            before = distortion(decoded, pictures, step, self._judge, by_squares, rng, 0)
            lost = lost + weights.unfiltered * before
        # Coarse steps have losses ten times those of fine ones; dividing by the step keeps both in
        # the gradient.
        loss: torch.Tensor = ((lost + weights.rate * step**2 * bpp) / step).mean()
        if not weights.generation:
            return loss
        some = slice(-(-len(pictures) // SHARE))
        with autocast(device):
            pair = later_generation(learner.model, decoded[some], pictures[some], step[some], rng)
        lost = distortion(*pair, step[some], self._judge, by_squares, rng, 0)
        return loss + weights.generation * (lost / step[some]).mean()

    def _judge(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        # On CPUs too: where bfloat16 is fast, its features take half the time so.
        with autocast(torch.device("cpu")):
            return self.lpips(first, second).float()


def memory_format(training: SecondTraining) -> torch.memory_format:
    """Of networks and pictures."""
    return torch.channels_last if training.channels_last else torch.contiguous_format
