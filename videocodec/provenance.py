"""Where every part of a picture comes from: sent, predicted from other frames, made up, or put in
for what was lost.  No torch.
"""

from __future__ import annotations

import numpy as np

from bitstream.sequence_header import PIXELS_PER_LATENT, SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions

from .scaling import magnified_map

PROVENANCE_NAMES = ("transmitted", "predicted", "generated", "concealed")

PROVENANCE = {
    Mode.SKIP: "predicted",
    Mode.RESIDUAL: "transmitted",
    Mode.GENERATE: "generated",
    Mode.INTRA: "transmitted",
}
_INDEX_OF_MODE = np.array(
    [PROVENANCE_NAMES.index(PROVENANCE[mode]) for mode in sorted(PROVENANCE)], dtype=np.uint8
)


def covering_latents(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the latents that cover a picture of that many pixels."""
    return -(-height // PIXELS_PER_LATENT), -(-width // PIXELS_PER_LATENT)


def provenance_map(
    modes: np.ndarray, header: SequenceHeader, shown: SequenceHeader | None = None
) -> np.ndarray:
    """Block modes (bh, bw) of a frame → (ceil(height / 8), ceil(width / 8)) uint8, an index into
    ``PROVENANCE_NAMES`` for each latent that covers some of the visible picture.

    shown: the header with the size of the picture that the map is for, if that is another than the
    coded one: each 8 px of it come from where their middle is in the coded picture.
    """
    rows, columns = covering_latents(header.height, header.width)
    coded = to_positions(_INDEX_OF_MODE[modes], header.block_latents)[:rows, :columns]
    if shown is not None:
        sizes = ((each.width, each.height) for each in (header, shown))
        coded = magnified_map(coded, PIXELS_PER_LATENT, *sizes)
    return np.ascontiguousarray(coded)


def concealed_map(header: SequenceHeader) -> np.ndarray:
    """The map of a frame that stands in for a lost one."""
    return np.full(
        covering_latents(header.height, header.width), PROVENANCE_NAMES.index("concealed"), np.uint8
    )


def generated_map(header: SequenceHeader) -> np.ndarray:
    """The map of a frame that was never sent: made up all over."""
    return np.full(
        covering_latents(header.height, header.width), PROVENANCE_NAMES.index("generated"), np.uint8
    )


def shares(counts: np.ndarray) -> dict[str, float]:
    """How many latents there are of each kind (4,) → the share of each by its name, 0..1, together
    1; ``ValueError`` if there are none.
    """
    total = int(np.sum(counts))
    if total == 0:
        raise ValueError("there are no latents to take shares of")
    return {name: int(count) / total for name, count in zip(PROVENANCE_NAMES, counts, strict=True)}


class ProvenanceCount:
    """Adds up latents over the frames of a video."""

    def __init__(self) -> None:
        self._counts: dict[str, np.ndarray] = {}

    def add(self, kind: str, provenance: np.ndarray) -> None:
        """A frame of that kind ("keyframe", "inter" or "concealed") and its map (h, w)."""
        counts = np.bincount(provenance.ravel(), minlength=len(PROVENANCE_NAMES))
        self._counts[kind] = self._counts.get(kind, 0) + counts

    def total(self) -> dict[str, float]:
        """Shares over all frames."""
        return shares(np.sum(list(self._counts.values()), axis=0))

    def by_kind(self) -> dict[str, dict[str, float]]:
        """Shares over the frames of each kind that there is."""
        return {kind: shares(counts) for kind, counts in self._counts.items()}
