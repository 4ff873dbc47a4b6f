"""What users choose about restoration.  No torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import check_whole_number


@dataclass(frozen=True)
class RestorationSettings:
    """As of ``videocodec.decode``.

    steps: denoising steps from a frame's timestep down, 1...
    seed: of the noise in generated blocks, 0...
    restore: whether there is any restoration, by a UNet or by a post-filter.
    """

    steps: int = 1
    seed: int = 0
    restore: bool = True

    def __post_init__(self) -> None:
        check_whole_number("steps", self.steps, 1)
        check_whole_number("seed", self.seed, 0)
