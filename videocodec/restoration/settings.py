"""What users choose about restoration.  No torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingsError


@dataclass(frozen=True)
class RestorationSettings:
    """As of ``videocodec.decode``.

    steps: denoising steps from a frame's timestep down, 1...
    seed: of the noise in generated blocks, 0...
    restore: whether there is any restoration.
    """

    steps: int = 1
    seed: int = 0
    restore: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"steps must be at least 1, got {self.steps}")
        if self.seed < 0:
            raise SettingsError(f"seed must be at least 0, got {self.seed}")
