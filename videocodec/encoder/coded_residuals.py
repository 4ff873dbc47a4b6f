"""What inter frames lacked in their prediction, for those who fit networks to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CodedResiduals:
    """What the prediction of an inter frame lacked, for fitting networks; in quantiser steps.

    target, values (C, h, w) float32: as it should be, and as it was coded.
    prediction (C, h, w) float32: 0 in intra blocks.
    coded, intra (h, w) bool; slices (h, w): how many of them a position has.
    quantiser: index of the step.
    """

    target: np.ndarray
    values: np.ndarray
    prediction: np.ndarray
    coded: np.ndarray
    intra: np.ndarray
    slices: np.ndarray
    quantiser: int
