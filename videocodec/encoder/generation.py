"""Which blocks are left to the restoration to make up, rather than sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bitstream.v1.frame_coder import to_positions

from .block_costs import block_sums
from .settings import EncoderSettings


@dataclass(frozen=True)
class BlockScene:
    """What a chooser sees of a frame.

    All latents are (C, h, w) float32 in quantiser steps.  target: of the source; prediction; sent:
    about what a decoder gets if every block is coded in its best mode; past, future: the references
    moved to where the frame's content is, the past one twice where there is but one.  weights (C,
    h, w): what squared errors count.  block: latents a side of a block; cost (bh, bw): distortion +
    λ · bits of the best mode that sends or predicts the block; mark: λ · bits of marking one;
    quantiser: index of the frame's step.
    """

    target: np.ndarray
    prediction: np.ndarray
    sent: np.ndarray
    past: np.ndarray
    future: np.ndarray
    weights: np.ndarray
    block: int
    cost: np.ndarray
    mark: float
    quantiser: int

    def distortion(self, latents: np.ndarray) -> np.ndarray:
        """(C, h, w) in steps → (bh, bw): squared errors, weighted and summed."""
        return block_sums(np.square(latents - self.target) * self.weights, self.block)

    def energy(self, plane: np.ndarray) -> np.ndarray:
        """(C, h, w) → (bh, bw): squares around the mean of each channel in each block, summed."""
        channels, height, width = plane.shape
        b = self.block
        tiles = plane.reshape(channels, height // b, b, width // b, b)
        energy: npt.NDArray[np.float32] = np.square(tiles - tiles.mean((2, 4), keepdims=True)).sum(
            (0, 2, 4)
        )
        return energy


class GenerateChooser(Protocol):
    """Anything that picks blocks for generation; one that runs the restoration itself fits in here
    too.
    """

    def __call__(self, scene: BlockScene) -> np.ndarray:
        """(bh, bw) bool."""
        ...


@dataclass(frozen=True)
class UnpredictedTexture:
    """Picks blocks whose residual costs more than it is worth to a restoration that knows how such
    blocks look.

    gain: share of a block's squared error that the restoration leaves, 0..1; with the identity it
    is 1, and marking buys nothing.  A block qualifies as a *disocclusion* if its prediction
    explains less than half of it, and as *texture* if prediction and source have much the same
    energy and yet little in common.
    """

    gain: float = 0.5

    def __call__(self, scene: BlockScene) -> np.ndarray:
        """Which blocks of a frame to mark, (bh, bw) bool."""
        detail, predicted, error = (
            scene.energy(scene.target),
            scene.energy(scene.prediction),
            scene.distortion(scene.prediction),
        )
        disocclusion = error > 0.5 * np.maximum(detail, 1e-6)
        texture = (np.minimum(detail, predicted) > 0.5 * np.maximum(detail, predicted)) & (
            error > 0.3 * detail
        )
        chosen: npt.NDArray[np.bool_] = (self.gain * error + scene.mark < scene.cost) & (
            disocclusion | texture
        )
        return chosen


class LatentRestorer(Protocol):
    """The restoration as an encoder runs it."""

    def __call__(self, scene: BlockScene, latents: np.ndarray, generate: np.ndarray) -> np.ndarray:
        """Versions of a frame's latents (n, C, h, w) in steps, and which of their blocks are to be
        made up (n, bh, bw) bool → what each is restored to (n, C, h, w), in steps.
        """
        ...


@dataclass(frozen=True)
class RestoredBlocks:
    """Picks the blocks that come out of the restoration cheaper when they are made up than when
    they are sent.

    The restoration runs twice on a frame: as it would be decoded if everything is sent, and with
    all blocks made up that could save bits.  A block is made up if the distortion that this leaves,
    and its mark, cost less than the distortion of what is sent, after restoration too, and its
    bits.  Only for frames that no other refers to: what is made up is no part of any prediction.
    """

    restore: LatentRestorer

    def __call__(self, scene: BlockScene) -> np.ndarray:
        """Which blocks of a frame to mark, (bh, bw) bool."""
        spent = np.maximum(scene.cost - scene.distortion(scene.sent), 0.0)  # λ · bits
        promising: npt.NDArray[np.bool_] = spent > scene.mark
        if not promising.any():
            return promising
        held_back = np.where(to_positions(promising, scene.block), scene.prediction, scene.sent)
        restored = self.restore(
            scene,
            np.stack([scene.sent, held_back]),
            np.stack([np.zeros_like(promising), promising]),
        )
        kept, made_up = (scene.distortion(latents) for latents in restored)
        cheaper: npt.NDArray[np.bool_] = made_up + scene.mark < kept + spent
        return promising & cheaper


def choosers(
    settings: EncoderSettings, restorer: LatentRestorer | None
) -> tuple[GenerateChooser | None, GenerateChooser | None]:
    """Who chooses blocks to make up: in frames that others refer to, and in leaves."""
    if settings.generation is not None:
        chooser = UnpredictedTexture(settings.generation) if settings.generation < 1 else None
        return chooser, chooser
    if settings.effort.restores and restorer is not None:
        return None, RestoredBlocks(restorer)
    return None, None
