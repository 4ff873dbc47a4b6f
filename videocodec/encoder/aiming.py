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

# How far an aim goes from the source's latents at most, in quantiser steps, root mean square.
# Measured on the dev clips: in many small rounds keyframes gain by going further; frames between
# are coarse and made of copies, and further would cost more bits than it is worth.
KEYFRAME_REACH, REACH = 0.20, 0.08


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

    def __call__(self, coded: CodedVersion, picture: np.ndarray) -> np.ndarray:
        """A coded frame and its source (H, W, 3) uint8 → (C, h, w) float32: how much worse the
        decoded picture gets per quantiser step of each latent, scaled to a mean square of 1; all
        zero if it cannot get better.
        """
        ...


def better_aim(
    source: np.ndarray,
    picture: np.ndarray,
    step: float,
    reach: float,
    rounds: int,
    code: Callable[[np.ndarray], CodedVersion],
    judge: PictureJudge,
) -> np.ndarray:
    """Scaled latents (C, h, w) to aim at instead of ``source``, after so many rounds of coding and
    looking.

    step: the quantiser's, in scaled latents.  reach: as above.  code: what comes of an aim; it must
    leave no trace in the coder. Positions that a round's version copies are left alone by it: to
    send them would cost more than it shows.
    """
    aim = source
    for _ in range(rounds):
        coded = code(aim)
        aim = aim - np.float32(reach * step / rounds) * judge(coded, picture) * coded.sent
    return aim
