"""What is to be coded of an inter frame of format version 2, before any of it is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import LatentFrame, to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from .coded_residuals import CodedResiduals
from .decisions import Decision
from .frame_plan import FramePlan


@dataclass(frozen=True)
class Choices:
    """plan: of the frame.  decision: about its blocks.

    predicted (C, h, w) int32: their prediction, 0 in intra blocks.  target (C, h, w): what the
    levels are to have, in steps.  last (bh, bw): how many slices every block has.
    """

    plan: FramePlan
    decision: Decision
    predicted: npt.NDArray[np.int32]
    target: npt.NDArray[np.floating]
    last: npt.NDArray[np.int64]

    def residuals(self, coded: LatentFrame, block: int) -> CodedResiduals:
        """What the prediction lacked, and what was coded of that."""
        fields, quantiser = self.decision.fields, self.plan.quantiser
        to_steps = 1 / (step_latent(quantiser) * UNITS_PER_LATENT)
        return CodedResiduals(
            self.target.astype(np.float32),
            ((coded.latents - self.predicted) * to_steps).astype(np.float32),
            (self.predicted * to_steps).astype(np.float32),
            to_positions(fields.coded, block),
            to_positions(fields.modes == Mode.INTRA, block),
            to_positions(self.last, block),
            quantiser,
        )
