"""What latents to aim at, so that the picture that comes of the coded ones looks like the source.

An autoencoder's latents of the source are the best to aim at only as long as they are kept; of all
that cost as many bits once they are quantised, others may look better.  They are found instance by
instance, by following the gradient of what is seen in the decoded picture back to the latents:
Campos et al., "Content adaptive optimization for neural image compression" (2019); Yang, Bamler,
Mandt, "Improving inference for neural image compression" (2020).  Here the coder itself is in the
loop, with its decisions and its contexts, where they have a differentiable stand-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bitstream.v1.frame_coder import LatentFrame

# Steps in those that a judge asks for, and what they keep of the one before: five like that gain
# what eight even ones do (docs/decisions/040).
_FIRST_PACE, _SLOWING, _LEAST_PACE, _MOMENTUM = 5 / 3, 0.8, 0.5, 0.3
_CLEARLY_WORSE = 1.01  # in costs: less is the noise of what is rounded otherwise


@dataclass(frozen=True)
class CodedVersion:
    """A frame as it would be decoded if it was sent like this.

    quantisers (h, w) uint8: what last refined each position.  sent (h, w) bool: where latents are
    sent.  prediction (C, h, w) in units of the stream: the frame as its references show it; None in
    a keyframe.
    """

    frame: LatentFrame
    quantisers: np.ndarray
    sent: np.ndarray
    prediction: np.ndarray | None = None


@dataclass(frozen=True)
class Look:
    """What a judge says of a coded frame.

    nearer (C, h, w): a better aim than the one that it came of.  Positions that are copied are left
    alone: to send them would cost more than it shows.
    cost: what picture and bits cost together, in a unit of the judge; None for a judge that does
    not say, and is followed wherever it leads.
    """

    nearer: np.ndarray
    cost: float | None = None


class PictureJudge(Protocol):
    """Sees what becomes of latents."""

    def look(self, aim: np.ndarray, coded: CodedVersion, picture: np.ndarray, rounds: int) -> Look:
        """At a frame that came of an aim (C, h, w); picture: the source, (H, W, 3) uint8; rounds:
        how many looks there are in all.
        """
        ...

    def cost(self, coded: CodedVersion, picture: np.ndarray) -> float | None:
        """What ``look`` says of costs, where nobody asks for an aim any more."""
        ...


def better_aim(
    source: np.ndarray,
    picture: np.ndarray,
    rounds: int,
    code: Callable[[np.ndarray], CodedVersion],
    judge: PictureJudge,
) -> np.ndarray:
    """Scaled latents (C, h, w) to aim at instead of ``source``, after so many rounds of coding and
    looking: the cheapest that was seen, where the judge says what they cost.

    code: what comes of an aim; it must leave no trace in the coder.  First steps go further than
    the judge asks for, and all keep some of the one before (Polyak 1964).  A step that makes things
    clearly worse is taken back, and half of it tried.
    """
    aim, best, step = source, source, np.zeros_like(source)
    least, pace, before = np.inf, _FIRST_PACE, np.zeros_like(source)
    for number in range(rounds):
        coded = code(aim)
        if number == rounds - 1:
            cost = judge.cost(coded, picture)
            if cost is not None:
                return aim if cost < least else best
        look = judge.look(aim, coded, picture, rounds)
        if look.cost is None:
            aim = best = look.nearer
        elif look.cost > _CLEARLY_WORSE * least:
            step, before = step / 2, np.zeros_like(source)
            aim = best + step
        else:
            before = np.float32(pace) * (look.nearer - aim) + np.float32(_MOMENTUM) * before
            if look.cost < least:
                least, best, step = look.cost, aim, before
            aim, pace = aim + before, max(_LEAST_PACE, _SLOWING * pace)
    return best
