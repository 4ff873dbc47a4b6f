"""Encoder settings: what the user chooses, and what a preset stands for."""

from __future__ import annotations

from dataclasses import dataclass

from bitstream.group_structure import MAX_FRAMES
from bitstream.v1.quantiser import CRF_OFFSET, QUANTISER_COUNT

from ..presets import PRESETS, Preset

MAX_CRF = 63
DEFAULT_CRF = 28
DEFAULT_GOP_SIZE = 250
USUAL_KEYFRAME_OFFSET = 8  # where nothing is known of the frames after it


@dataclass(frozen=True)
class Effort:
    """What a preset spends: flow_preset of DIS (0 ultrafast, 1 fast, 2 medium), whether groups are
    hierarchical, whether blocks are joined to larger units and may merge with neighbours, whether
    importance is propagated backwards, how many rounds vectors are refined on the cost of the
    latents, and whether the restoration is run to see what may be left to it. keyframe_looks,
    looks: how often a judge of pictures, if there is one, looks at keyframes and at the frames
    between.
    """

    flow_preset: int
    hierarchical: bool
    units: bool
    merges: bool
    importance: bool
    refinements: int
    restores: bool = False
    keyframe_looks: int = 8
    looks: int = 0


_EFFORTS = {
    "ultrafast": Effort(
        0, hierarchical=False, units=False, merges=False, importance=False, refinements=0
    ),
    "superfast": Effort(
        0, hierarchical=True, units=False, merges=False, importance=False, refinements=0
    ),
    "veryfast": Effort(
        0, hierarchical=True, units=True, merges=False, importance=True, refinements=0
    ),
    "faster": Effort(
        1, hierarchical=True, units=True, merges=False, importance=True, refinements=0
    ),
    "fast": Effort(1, hierarchical=True, units=True, merges=True, importance=True, refinements=0),
    "medium": Effort(
        1, hierarchical=True, units=True, merges=True, importance=True, refinements=1, looks=1
    ),
    "slow": Effort(
        2,
        hierarchical=True,
        units=True,
        merges=True,
        importance=True,
        refinements=2,
        restores=True,
        looks=1,
    ),
    "slower": Effort(
        2,
        hierarchical=True,
        units=True,
        merges=True,
        importance=True,
        refinements=4,
        restores=True,
        looks=2,
    ),
    "veryslow": Effort(
        2,
        hierarchical=True,
        units=True,
        merges=True,
        importance=True,
        refinements=8,
        restores=True,
        looks=3,
    ),
    "placebo": Effort(
        2,
        hierarchical=True,
        units=True,
        merges=True,
        importance=True,
        refinements=16,
        restores=True,
        looks=4,
    ),
}


@dataclass(frozen=True)
class EncoderSettings:
    """Checked settings.

    crf 0..63, lower is better: the quantiser step doubles every 12.  gop_size: longest distance of
    keyframes in frames, 1..65535.  group_size: frames that wait at most before they are coded,
    1..16.  lagrangian: bits against squared error, both in units of the step.  keyframe_offset:
    quantiser indices by which a keyframe is finer, since all frames of its group live on it, None
    to let the importance of the keyframe say; level_offsets: how much coarser the levels of a
    hierarchical group are, which fewer frames live on. generation: what share of its error a
    restoration is trusted to leave in a block that is marked for it to make up, 0..1; at 1, the
    only honest value without such a restoration, none is marked.  None: none is marked either,
    unless the model has a UNet and the preset runs it to find out.  effort_override: what to spend
    whatever the preset says, for experiments; None for the effort of the preset.
    """

    crf: int = DEFAULT_CRF
    gop_size: int = DEFAULT_GOP_SIZE
    preset: Preset = "medium"
    group_size: int = MAX_FRAMES
    lagrangian: float = 0.10
    keyframe_offset: int | None = None
    level_offsets: tuple[int, ...] = (0, 5, 9, 12, 14)
    generation: float | None = None
    effort_override: Effort | None = None

    def __post_init__(self) -> None:
        if (
            isinstance(self.crf, bool)
            or not isinstance(self.crf, int)
            or not 0 <= self.crf <= MAX_CRF
        ):
            raise ValueError(f"crf must be a whole number 0..{MAX_CRF}, got {self.crf!r}")
        if (
            isinstance(self.gop_size, bool)
            or not isinstance(self.gop_size, int)
            or not 1 <= self.gop_size <= 65535
        ):
            raise ValueError(f"gop_size must be 1..65535 frames, got {self.gop_size!r}")
        if not 1 <= self.group_size <= MAX_FRAMES:
            raise ValueError(f"group_size must be 1..{MAX_FRAMES} frames, got {self.group_size}")
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {self.preset!r}")
        if self.generation is not None and not 0 <= self.generation <= 1:
            raise ValueError(f"generation must be 0..1, got {self.generation!r}")

    @property
    def effort(self) -> Effort:
        """What the encoder spends: the override, or what the preset stands for.

        Derived, never stored: ``dataclasses.replace(settings, preset=…)`` then changes it too.
        """
        return _EFFORTS[self.preset] if self.effort_override is None else self.effort_override

    def level_offset(self, level: int) -> int:
        """Quantiser indices by which a frame of a hierarchical group is coarser, by its level from
        0 on.
        """
        return self.level_offsets[min(level, len(self.level_offsets) - 1)]

    @property
    def inter_quantiser(self) -> int:
        """Quantiser index of the frames between."""
        return min(QUANTISER_COUNT - 1, self.crf + CRF_OFFSET)
