"""Which blocks are left to the restoration to make up, rather than sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class BlockScene:
    """What a chooser sees of a frame.

    target, prediction (C, h, w) float32: source latents and their prediction, in quantiser steps; block: latents a side of a
    block; error (bh, bw): squared error of the prediction; cost (bh, bw): distortion + λ · bits of the best mode that sends
    or predicts the block; mark: λ · bits of marking one.
    """

    target: np.ndarray
    prediction: np.ndarray
    block: int
    error: np.ndarray
    cost: np.ndarray
    mark: float

    def energy(self, plane: np.ndarray) -> np.ndarray:
        """(C, h, w) → (bh, bw): squares around the mean of each channel in each block, summed."""
        channels, height, width = plane.shape
        b = self.block
        tiles = plane.reshape(channels, height // b, b, width // b, b)
        return np.square(tiles - tiles.mean((2, 4), keepdims=True)).sum((0, 2, 4))


class GenerateChooser(Protocol):
    """Anything that picks blocks for generation; one that runs the restoration itself fits in here too."""

    def __call__(self, scene: BlockScene) -> np.ndarray:
        """(bh, bw) bool."""
        ...


@dataclass(frozen=True)
class UnpredictedTexture:
    """Picks blocks whose residual costs more than it is worth to a restoration that knows how such blocks look.

    gain: share of a block's squared error that the restoration leaves, 0..1; with the identity it is 1, and marking buys
    nothing.  A block qualifies as a *disocclusion* if its prediction explains less than half of it, and as *texture* if
    prediction and source have much the same energy and yet little in common.
    """

    gain: float = 0.5

    def __call__(self, scene: BlockScene) -> np.ndarray:
        detail, predicted = scene.energy(scene.target), scene.energy(scene.prediction)
        disocclusion = scene.error > 0.5 * np.maximum(detail, 1e-6)
        texture = (np.minimum(detail, predicted) > 0.5 * np.maximum(detail, predicted)) & (scene.error > 0.3 * detail)
        return (self.gain * scene.error + scene.mark < scene.cost) & (disocclusion | texture)
