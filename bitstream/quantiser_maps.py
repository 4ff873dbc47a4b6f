"""Which quantiser last refined each position of a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .sequence_header import PIXELS_PER_LATENT
from .v1.block_fields import BlockFields, Direction
from .v1.frame_coder import to_positions

_UNREFINED = 255  # no quantiser index
Map = npt.NDArray[np.uint8]


def refined_map(
    fields: BlockFields,
    block: int,
    quantiser: int | Map,
    references: tuple[Map | None, Map | None],
    fraction_bits: int = 0,
) -> Map:
    """(h, w) uint8 of a frame, from those of its past and future reference, None where it has none.

    A coded block is refined by the frame's own quantiser, or that of every position (h, w); another
    brings along what its vector points to, at the nearest position.  block: latents a side;
    fraction_bits: of vectors, beyond pixels.
    """
    copied = ~to_positions(fields.coded, block)
    height, width = copied.shape
    brought = np.full((height, width), _UNREFINED, dtype=np.uint8)
    unit = PIXELS_PER_LATENT << fraction_bits
    for index, unused in ((0, Direction.FUTURE), (1, Direction.PAST)):
        reference = references[index]
        if reference is None:
            continue
        uses = copied & to_positions(fields.directions != unused, block)
        rows, columns = np.nonzero(uses)
        vectors = to_positions(fields.vectors[index], block)[uses]
        moved = (vectors + unit // 2) // unit
        source = reference[
            np.clip(rows + moved[:, 0], 0, height - 1),
            np.clip(columns + moved[:, 1], 0, width - 1),
        ]
        # An average is at least as clean as the cleaner of the two.
        brought[uses] = np.minimum(brought[uses], source)
    return np.where(brought < _UNREFINED, brought, np.asarray(quantiser, dtype=np.uint8))
