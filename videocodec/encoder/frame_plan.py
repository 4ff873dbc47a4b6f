"""A frame to code, and how it is to be coded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitstream.group_structure import FrameReference

from .aiming import CodedVersion


@dataclass(frozen=True)
class EncoderFrame:
    """A frame to code.

    latents (C, h, w) float32: scaled; empty as long as nobody has made them.
    luma (H, W) uint8: padded to whole blocks.  pts, duration: ticks.
    picture (H, W, 3) uint8: only where pictures are judged.
    certainty (C, h, w) float32: what errors count by the encoder network (``certainty``), None for
    all alike.
    """

    latents: np.ndarray
    luma: np.ndarray
    pts: int
    duration: int
    picture: np.ndarray | None = None
    certainty: np.ndarray | None = None


@dataclass(frozen=True)
class CodedReference:
    """A coded frame as a reference of the format's version.  quantisers (h, w) uint8: what last
    refined each position.  source (H, W, 3) uint8: what it is of, where that is known.
    """

    frame: Any
    quantisers: np.ndarray
    source: np.ndarray | None = None

    @classmethod
    def of(
        cls, coder: Any, coded: CodedVersion, source: np.ndarray | None = None
    ) -> CodedReference:
        """The frame as others refer to it; ``coder``: that of the frame."""
        return cls(coder.reference(coded.frame), coded.quantisers, source)


@dataclass(frozen=True)
class FramePlan:
    """How a frame is to be coded.

    quantiser: index of its step.
    classes (bh, bw): what errors count (``importance.WEIGHTS``).
    entry: the frame in its access unit.
    references: the past and perhaps a future one, each with candidate fields (bh, bw, 2) of the
    vectors to it; none for a keyframe.
    is_leaf: no other frame refers to it.  is_bare: it carries motion alone, whatever its latents.
    is_shown: all of that motion is what its references show, where that will do.
    search: candidate fields of such a frame, for each reference, where it will not.
    picture (3, H, W) int16: the source as the loop sees it, for versions that move pictures.
    offsets (rows, columns) int64: quantiser indices by which squares of 64 px are coarser, for
    versions that can say so.
    certainty: that of the frame, once it is coded.
    """

    quantiser: int
    classes: np.ndarray
    entry: FrameReference
    references: tuple[tuple[CodedReference, list[np.ndarray]], ...] = ()
    is_leaf: bool = False
    is_bare: bool = False
    is_shown: bool = False
    search: Callable[[], list[list[np.ndarray]]] | None = None
    picture: np.ndarray | None = None
    offsets: np.ndarray | None = None
    certainty: np.ndarray | None = None
