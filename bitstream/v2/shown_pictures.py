"""Pictures for showing, by the networks of the loop: the same bytes on every machine.

FORMAT-2.md, annex A.  What the decoder's network makes of a frame's latents and quantisers, samples
of 0..1020, is rounded to 8 bits.  References have such a picture anyway; the others can be given
one in the same way, as a whole or in parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..blas_threads import one_blas_thread
from . import compiled
from .loop_networks import LoopNetworks, LoopShape
from .moved_pictures import Picture

ShownPicture = npt.NDArray[np.uint8]  # (H, W, 3), RGB


def rounded(picture: Picture) -> ShownPicture:
    """A picture of the loop (3, H, W), 0..1020, in 8 bits, (H, W, 3)."""
    kernels = compiled.kernels()
    if kernels is not None:
        shown = np.empty((*picture.shape[1:], 3), dtype=np.uint8)
        kernels.rounded(np.require(picture, requirements=["C", "W"]), shown)
        return shown
    samples = (picture.transpose(1, 2, 0) + 2) >> 2  # halves up; the largest is 255
    return np.ascontiguousarray(samples.astype(np.uint8))


def shown_picture(
    networks: LoopNetworks,
    latents: npt.NDArray[np.integer[Any]],
    quantisers: npt.NDArray[np.integer[Any]],
) -> ShownPicture:
    """The picture (8h, 8w, 3) of latents (C, h, w) in latent units, within ±32767, and the
    quantiser of every position (h, w), 0..127.
    """
    with one_blas_thread():
        return rounded(networks.picture(latents.astype(np.int32), quantisers))


def reach(shape: LoopShape) -> int:
    """How many positions around one its pixels depend on.

    Every convolution adds what it sees to each side; those at half the resolution see pairs of
    positions, those at twice the resolution half ones.
    """
    stem, body = 1, 2 * 2
    low = 2 * (2 * shape.decoder_blocks) + 1
    fine_and_head = 1
    return stem + low + body + fine_and_head
