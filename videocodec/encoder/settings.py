"""Encoder settings: what the user chooses, and what a preset stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from bitstream.group_structure import MAX_FRAMES
from bitstream.v1.quantiser import CRF_OFFSET, QUANTISER_COUNT

from ..checks import check_whole_number
from ..errors import SettingsError
from ..guard import GuardLimit
from ..presets import PRESETS, Preset
from ..regions import Region

MAX_CRF = 63
DEFAULT_CRF = 28
DEFAULT_GOP_SIZE, MAX_GOP_SIZE = 250, 65535  # frames
# Quantiser indices by which temporal layers are coarser: in version 1, and in version 2 in groups
# of up to 8 frames and of more (docs/decisions/032).
_FIRST_OFFSETS = (0, 5, 9, 12, 14)
_SHORT_OFFSETS, _LONG_OFFSETS, _SHORT_GROUP = (0, 9, 13, 15), (0, 7, 12, 16, 18), 8
USUAL_KEYFRAME_OFFSET = 8  # where nothing is known of the frames after it

# What pictures are aimed at beside the bits (``tuning``); perceptual: by weights that a caller
# brings (``judging``); none: at the latents of the source.
Tune = Literal["none", "balanced", "psnr", "ssim", "perceptual"]
TUNES: tuple[Tune, ...] = get_args(Tune)


def checked_tune(tune: Tune | None, *, brings_weights: bool) -> Tune | None:
    """What a caller asked for, beside weights or without.  Raises ``SettingsError`` for a tune that
    lacks weights, and for weights that a tune would not look through.
    """
    if tune == "perceptual" and not brings_weights:
        raise SettingsError("tune perceptual needs weights to look through: give --perceptual FILE")
    if brings_weights and tune not in (None, "perceptual"):
        raise SettingsError(f"tune {tune} and perceptual weights exclude each other: give one")
    return "perceptual" if brings_weights else tune


@dataclass(frozen=True)
class Looks:
    """How often a judge of pictures looks at what becomes of keyframes, and of the frames
    between.
    """

    keyframes: int = 0
    others: int = 0


@dataclass(frozen=True)
class BlockTools:
    """What decisions about blocks may use.

    merged_blocks: squares of blocks may move as one.
    merged_vectors: the vectors of neighbours and of the frame before are tried.
    refinements: rounds in which vectors are moved by a pixel where that makes the latents cheaper,
    0 to trust the search on pixels.
    derived: motion that both references show is tried, in formats that have it.
    trials: what levels are worth is found by coding all of them, else it is estimated; in format
    version 2.
    bare_heights: frames that no other refers to carry motion alone, and so up to this height in the
    hierarchy; in format version 2.
    shown_heights: such frames up to this height move as their references show, everywhere, and
    nobody searches.
    matched_first: motion that is the same everywhere is tried only in blocks whose pixels match
    about as by any other.
    """

    merged_blocks: bool = True
    merged_vectors: bool = True
    refinements: int = 0
    derived: bool = True
    trials: bool = True
    bare_heights: int = 0
    shown_heights: int = 0
    matched_first: bool = False


@dataclass(frozen=True)
class Effort:
    """What a preset spends.

    flow_preset: of DIS, 0 ultrafast, 1 fast, 2 medium.
    near: blocks that move otherwise than most are not looked for far away.
    hierarchical: groups may be hierarchical.
    importance: it is propagated backwards.
    blocks: what decisions about blocks may use.
    restores: the restoration is run to see what may be left to it.
    looks: of a judge with weights from outside, if there is one.
    tuned_looks: of the encoder's own (``tuning``), whose last one only asks what an aim costs: one
    alone changes nothing.
    """

    flow_preset: int
    hierarchical: bool
    importance: bool
    blocks: BlockTools
    restores: bool = False
    looks: Looks = Looks(8)
    tuned_looks: Looks = Looks()
    near: bool = False


_QUICK_LOOKS = Looks(4)
_BARE = BlockTools(merged_vectors=False, bare_heights=1)
_SHOWN = replace(_BARE, derived=False, shown_heights=1, matched_first=True)
_ESTIMATED = replace(_SHOWN, trials=False)


def _quick(blocks: BlockTools, *, importance: bool = True) -> Effort:
    """A preset that looks for motion near by."""
    return Effort(0, hierarchical=True, importance=importance, blocks=blocks, near=True)


def _slow(refinements: int, looks: int) -> Effort:
    """A preset that runs the restoration."""
    return Effort(
        2,
        hierarchical=True,
        importance=True,
        blocks=BlockTools(refinements=refinements),
        restores=True,
        looks=Looks(8, looks),
        tuned_looks=Looks(8, looks if looks > 1 else 0),
    )


_EFFORTS = {
    "ultrafast": _quick(replace(_ESTIMATED, bare_heights=3), importance=False),
    "superfast": _quick(replace(_ESTIMATED, bare_heights=2)),
    "veryfast": _quick(_SHOWN),
    "faster": Effort(1, hierarchical=True, importance=True, blocks=_BARE),
    "fast": Effort(1, hierarchical=True, importance=True, blocks=BlockTools()),
    "medium": Effort(
        1,
        hierarchical=True,
        importance=True,
        blocks=BlockTools(refinements=1),
        looks=Looks(8, 1),
        tuned_looks=Looks(5),
    ),
    "slow": _slow(refinements=2, looks=1),
    "slower": _slow(refinements=4, looks=2),
    "veryslow": _slow(refinements=8, looks=3),
    "placebo": _slow(refinements=16, looks=4),
}


@dataclass(frozen=True)
class EncoderSettings:
    """Checked settings.

    crf 0..63, lower is better: the quantiser step doubles every 12.
    gop_size: longest distance of keyframes in frames, 1..65535.
    preset: which ``effort`` to spend.
    group_size: frames that wait at most before they are coded, 1..16.
    lagrangian: bits against squared error, both in units of the step.
    keyframe_offset: quantiser indices by which a keyframe is finer, since all frames up to the next
    one live on it; None to let the importance of the keyframe say.
    layer_offsets: quantiser indices by which the temporal layers of a hierarchical group are
    coarser, which fewer frames live on; None for what ``layer_offset`` says.
    generation: what share of its error a restoration is trusted to leave in a block that is marked
    for it to make up, 0..1; at 1, the only honest value without such a restoration, none is marked.
    None: none is marked either, unless the model has a UNet and the preset runs it to find out.
    tune: what pictures are aimed at; None for what ``tune_for`` says.
    guard: what every square of every frame must have (``GuardLimit.parse``); None for no guard.
    regions: of the coded pictures that are to be finer or coarser.
    effort_override: what to spend whatever the preset says, for experiments; None for the effort of
    the preset.
    """

    crf: int = DEFAULT_CRF
    gop_size: int = DEFAULT_GOP_SIZE
    preset: Preset = "medium"
    group_size: int = MAX_FRAMES
    lagrangian: float = 0.10
    keyframe_offset: int | None = None
    layer_offsets: tuple[int, ...] | None = None
    generation: float | None = None
    tune: Tune | None = None
    guard: str | None = None
    regions: tuple[Region, ...] = ()
    effort_override: Effort | None = None

    def __post_init__(self) -> None:
        check_whole_number("crf", self.crf, 0, MAX_CRF)
        check_whole_number("gop_size", self.gop_size, 1, MAX_GOP_SIZE)
        check_whole_number("group_size", self.group_size, 1, MAX_FRAMES)
        if self.preset not in PRESETS:
            raise SettingsError(f"preset must be one of {', '.join(PRESETS)}, got {self.preset!r}")
        if self.generation is not None and not 0 <= self.generation <= 1:
            raise SettingsError(f"generation must be 0..1, got {self.generation!r}")
        if self.tune is not None and self.tune not in TUNES:
            raise SettingsError(f"tune must be one of {', '.join(TUNES)}, got {self.tune!r}")
        if self.guard is not None:
            GuardLimit.parse(self.guard)

    @property
    def effort(self) -> Effort:
        """What the encoder spends: the override, or what the preset stands for.

        Derived, never stored: ``dataclasses.replace(settings, preset=…)`` then changes it too.
        """
        return _EFFORTS[self.preset] if self.effort_override is None else self.effort_override

    def tune_for(self, format_version: int) -> Tune:
        """What pictures are aimed at in a stream of that format, where no weights are brought:
        unless it is said, ``balanced`` from version 2 and preset medium on, and ``none`` else.
        """
        if self.tune is not None:
            return self.tune
        return "balanced" if format_version > 1 and self.effort.tuned_looks.keyframes else "none"

    @property
    def tuned_looks(self) -> Looks:
        """Of the encoder's own judge; a few at keyframes where a quick preset was told a tune."""
        looks = self.effort.tuned_looks
        return looks if looks.keyframes else _QUICK_LOOKS

    def layer_offset(self, layer: int, frames: int, format_version: int) -> int:
        """Quantiser indices by which a frame is coarser, by its temporal layer from 0 on, in a
        hierarchical group of so many frames.

        Where they are not given, those of version 2 are larger, and rise sooner in short groups:
        their motion is the picture's, so that what an anchor shows comes through.
        """
        offsets = self.layer_offsets
        if offsets is None:
            is_short = frames <= _SHORT_GROUP
            later = _SHORT_OFFSETS if is_short else _LONG_OFFSETS
            offsets = _FIRST_OFFSETS if format_version == 1 else later
        return offsets[min(layer, len(offsets) - 1)]

    def bare_heights(self, format_version: int) -> int:
        """As ``BlockTools`` has it, where nobody asks for squares that are finer than others."""
        if format_version == 1 or self.guard is not None or self.regions:
            return 0
        return self.effort.blocks.bare_heights

    @property
    def inter_quantiser(self) -> int:
        """Quantiser index of the frames between."""
        return min(QUANTISER_COUNT - 1, self.crf + CRF_OFFSET)
