"""Several frames as one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from ..decoder.frame import Frame


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """Pictures of n frames, all of one size.

    data (n, 3, H, W) uint8 RGB; pts_seconds, duration_seconds (n,) float64; indices (n,) int64,
    numbers of the frames in display order. Iterating gives the pictures (3, H, W).
    """

    data: np.ndarray
    pts_seconds: np.ndarray
    duration_seconds: np.ndarray
    indices: np.ndarray

    def __post_init__(self) -> None:
        if self.data.ndim != 4 or self.data.shape[1] != 3 or self.data.dtype != np.uint8:
            raise ValueError(
                f"data must be (n, 3, H, W) uint8, got shape {self.data.shape} {self.data.dtype}"
            )
        for name in ("pts_seconds", "duration_seconds", "indices"):
            if getattr(self, name).shape != self.data.shape[:1]:
                raise ValueError(
                    f"{name} must have shape {self.data.shape[:1]}, got shape"
                    f" {getattr(self, name).shape}"
                )

    @classmethod
    def of(cls, frames: Sequence[Frame], height: int, width: int) -> FrameBatch:
        """A copy of the pictures of frames (``videocodec.Frame``), of which there may be none."""
        data = (
            np.stack([frame.data for frame in frames])
            if frames
            else np.empty((0, 3, height, width), np.uint8)
        )
        times = np.array(
            [(frame.pts_seconds, frame.duration_seconds) for frame in frames], dtype=np.float64
        ).reshape(-1, 2)
        return cls(
            data,
            times[:, 0],
            times[:, 1],
            np.array([frame.index for frame in frames], dtype=np.int64),
        )

    def to_torch(self) -> torch.Tensor:
        """The pictures as a tensor (n, 3, H, W) uint8 on the CPU, contiguous, with memory of its
        own.
        """
        import torch

        return torch.from_numpy(self.data.copy(order="C"))

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.data)
