"""Decoded frames before the networks: exact latents, and what is known of them beside.

No torch.  The decoder makes them, restoration reads them, and the encoder keeps the same maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import FrameReference, walk_group
from bitstream.quantiser_maps import refined_map
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.quantiser import QUANTISER_COUNT, step_latent
from bitstream.v2.frame_coder import RefinedFrame

# Of every quantiser index, (128,) float32 in scaled latents: what maps of indices mean to networks.
QUANTISER_STEPS = np.array([step_latent(q) for q in range(QUANTISER_COUNT)], dtype=np.float32)
_BETWEEN_STEPS = (QUANTISER_STEPS[1:] + QUANTISER_STEPS[:-1]) / 2


class FrameKind(StrEnum):
    """Where a frame comes from: coded by itself, coded from others, put in the place of a lost one,
    or made up for a time between two coded ones.
    """

    KEYFRAME = "keyframe"
    INTER = "inter"
    CONCEALED = "concealed"
    INTERPOLATED = "interpolated"


@dataclass(frozen=True)
class DecodedLatents:
    """A frame's latents with what is known about them.

    latent: the exact frame.
    pts, duration: ticks of the header's time base.
    kind: where it comes from.
    byte_share: bytes of its access unit that it is responsible for (by code length).
    quantiser_map (h, w) uint8: the quantiser that last refined each position.
    index: 0.. in display order.
    references: index of the frames that it is predicted from, past and future, None where it has
    none.
    concealment: of a concealed one, how ("interpolated", "repeated", "grey").
    picture (8h, 8w, 3) uint8: of a reference whose exact picture the decoder made and was asked to
    keep; None else.  Nobody writes to it.
    """

    latent: LatentFrame
    pts: int
    duration: int
    kind: FrameKind
    byte_share: float
    quantiser_map: np.ndarray
    index: int
    references: tuple[int | None, int | None]
    concealment: str | None = None
    picture: npt.NDArray[np.uint8] | None = None


def step_maps(frames: list[DecodedLatents]) -> npt.NDArray[np.float32]:
    """The quantiser step of every position of some frames, (n, h, w) float32 in scaled latents."""
    steps: npt.NDArray[np.float32] = QUANTISER_STEPS[
        np.stack([frame.quantiser_map for frame in frames])
    ]
    return steps


def quantisers_of(steps: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The index whose step is nearest, of steps that lie between some too."""
    last = len(_BETWEEN_STEPS)
    return np.searchsorted(_BETWEEN_STEPS, steps).clip(0, last)


class QuantiserMaps:
    """Which quantiser last refined each position of each frame; copied positions bring theirs along
    (nearest position).

    The networks after the exact latents are told these: a block copied from a fine keyframe is as
    clean as the keyframe.  ``block``: latents a side of a block; ``fraction_bits``: of vectors.
    """

    def __init__(self, block: int, fraction_bits: int = 0) -> None:
        self._block, self._fraction_bits = block, fraction_bits
        self._anchor: np.ndarray | None = None

    def of(self, unit: AccessUnit, frames: tuple[LatentFrame, ...]) -> list[np.ndarray]:
        """(h, w) uint8 for every frame of a unit, in display order.

        Units come in order, from a keyframe on.
        """

        def refined(entry: FrameReference, references: tuple[np.ndarray, ...]) -> np.ndarray:
            return self.of_frame(frames[entry.display_index], *references)

        maps = walk_group(unit.references, self._anchor, refined)
        self._anchor = maps[-1]
        return maps

    def of_frame(
        self, frame: LatentFrame, past: np.ndarray | None = None, future: np.ndarray | None = None
    ) -> np.ndarray:
        """(h, w) uint8 of a frame, from those of its references."""
        if isinstance(frame, RefinedFrame):  # its coder has followed them, with local quantisers
            return frame.quantiser_map
        return refined_map(
            frame.fields, self._block, frame.quantiser, (past, future), self._fraction_bits
        )
