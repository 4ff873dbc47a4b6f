"""What a run of the second autoencoder is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError
from ...networks.second.autoencoder import SecondShape
from ..loop import Interval
from .crops import Mixture
from .generations import SMALLEST_CROP
from .losses import SecondWeights
from .panel import STEPS

PARTS = ("encoder", "decoder", "rate")
OPTIMISERS = ("adamw", "muon")


@dataclass(frozen=True)
class SecondTraining:
    """What a run is asked for.

    lpips: safetensors file with the weights of LPIPS.
    folder: of the run: its checkpoint is gone on with.
    init: weights to start from where there is no checkpoint; None starts at principal components.
    rate_weights: file whose ``rate.`` weights are started from, whatever ``init`` is.
    post_filter: file of weights of a post-filter through which the loss sees decoded pictures, and
    the panel; None for pictures as they are decoded.
    validation: folder of pictures in place of the frames that the pack holds out.
    batch, crop: pictures of a step, and their side in px.
    workers: threads that make crops ahead; 0 makes them in between.
    optimiser: one of ``OPTIMISERS``; Muon learns dense layers, AdamW the others.
    pixels_before: seen by the weights in ``init``, counted on from.
    channels_last: memory format of networks and pictures; which is faster is the processor's.
    panel_steps: quantiser steps that are looked at.
    parts: of ``PARTS``: what learns; the others stay as they are.
    """

    lpips: Path
    folder: Path
    init: Path | None = None
    rate_weights: Path | None = None
    post_filter: Path | None = None
    validation: Path | None = None
    device: str = "cpu"
    batch: int = 8
    crop: int = 128
    workers: int = 0
    learning_rate: float = 3e-4
    optimiser: str = "muon"
    weights: SecondWeights = field(default_factory=SecondWeights)
    mixture: Mixture = field(default_factory=Mixture)
    shape: SecondShape = field(default_factory=SecondShape)
    seed: int = 0
    pixels_before: int = 0
    channels_last: bool = True
    panel_steps: tuple[float, ...] = STEPS
    parts: Sequence[str] = PARTS
    look: Interval = field(default_factory=lambda: Interval(minutes=8))

    def __post_init__(self) -> None:
        """Raise ``InputError`` for crops too small for what is asked of them."""
        if self.weights.generation and self.crop < SMALLEST_CROP:
            raise InputError(
                f"crops of {self.crop} px are too small for later generations:"
                f" {SMALLEST_CROP} px at least, or generation=0"
            )
