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


class PictureJudge(Protocol):
    """Sees what becomes of latents."""

    def nearer(
        self, aim: np.ndarray, coded: CodedVersion, picture: np.ndarray, rounds: int
    ) -> np.ndarray:
        """A better aim (C, h, w) than the one that a coded frame came of, the next of so many
        ``rounds`` in all.

        picture: the source, (H, W, 3) uint8.  Positions that are copied are left alone: to send
        them would cost more than it shows.
        """
        ...


def better_aim(
    source: np.ndarray,
    picture: np.ndarray,
    rounds: int,
    code: Callable[[np.ndarray], CodedVersion],
    judge: PictureJudge,
) -> np.ndarray:
    """Scaled latents (C, h, w) to aim at instead of ``source``, after so many rounds of coding and
    looking.

    code: what comes of an aim; it must leave no trace in the coder.
    """
    aim = source
    for _ in range(rounds):
        aim = judge.nearer(aim, code(aim), picture, rounds)
    return aim
