"""A decoded frame: its picture, with its timestamps and where every part of it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..decoded import FrameKind
from ..provenance import covering_latents

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    data (3, H, W) uint8: RGB.
    pts_seconds, duration_seconds: when it is shown, and for how long.
    kind: "keyframe", "inter", "concealed" for one that stands in for a lost frame, or
    "interpolated" for one made up for a time between two coded ones.
    bytes: of the stream that it took (its share of the access unit).
    provenance (ceil(H / 8), ceil(W / 8)) uint8: for each latent that covers some of the picture, or
    each 8 px of one that was coded smaller, an index into ``PROVENANCE_NAMES``.
    index: 0.. in display order; of an interpolated one, that of the coded frame before it.
    pts, duration: ticks of the stream's time base, rounded down for an interpolated one.
    concealment: of a concealed one, "interpolated" or "repeated" from the nearest frames that are
    right, or "grey".
    """

    data: np.ndarray
    pts_seconds: float
    duration_seconds: float
    kind: FrameKind
    bytes: int
    provenance: np.ndarray
    index: int
    pts: int
    duration: int
    concealment: str | None = None

    def to_torch(self) -> torch.Tensor:
        """The picture as a tensor (3, H, W) uint8 on the CPU, contiguous, with memory of its
        own.
        """
        import torch

        return torch.from_numpy(self.data.copy(order="C"))

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.shape[0] != 3 or self.data.dtype != np.uint8:
            raise ValueError(
                f"data must be (3, H, W) uint8, got shape {self.data.shape} {self.data.dtype}"
            )
        grid = covering_latents(*self.data.shape[1:])
        if self.provenance.shape != grid or self.provenance.dtype != np.uint8:
            raise ValueError(
                f"provenance must be {grid} uint8, got shape {self.provenance.shape}"
                f" {self.provenance.dtype}"
            )
