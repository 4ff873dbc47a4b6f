"""What the loop's encoder makes of a small difference of pictures, about: the linear map by which
encoders price candidates for motion (``InterTables.search_map``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from bitstream.v2.inter_tables import SEARCH_INPUTS, SEARCH_SIDE
from bitstream.v2.loop_networks import LoopNetworks
from bitstream.v2.moved_pictures import FRACTION_BITS, Picture
from bitstream.v2.prediction import PictureReference, moved_picture

from ..encoder.motion import MotionSearch
from ..encoder.picture_search import loop_picture

_QUANTISERS = (40, 52, 64)
_RIDGE = 1e-3  # of the mean of the inputs' squares
_MARGIN = (SEARCH_SIDE - PIXELS_PER_LATENT) // 2


def fit_search_map(
    networks: LoopNetworks, pairs: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]
) -> npt.NDArray[np.float32]:
    """Least squares over pairs of pictures of a clip, RGB (H, W, 3), sides multiples of 8: what
    the second lacks when the first, coded, moves there → (C, 3·16²).
    """
    products = np.zeros((SEARCH_INPUTS, SEARCH_INPUTS))
    targets = np.zeros((SEARCH_INPUTS, networks.shape.channels))
    for index, (before, after) in enumerate(pairs):
        difference, latents = _lacking(networks, before, after, _QUANTISERS[index % 3])
        seen, wanted = _windows(difference), latents.reshape(len(latents), -1).T.astype(np.float64)
        weight = 1 / max(float(np.square(wanted).mean()), 1.0)  # every pair counts alike
        products += weight * seen.T @ seen
        targets += weight * seen.T @ wanted
    ridge = _RIDGE * np.trace(products) / SEARCH_INPUTS
    fitted = np.linalg.solve(products + ridge * np.eye(SEARCH_INPUTS), targets)
    return fitted.T.astype(np.float32)


def _lacking(
    networks: LoopNetworks,
    before: npt.NDArray[np.uint8],
    after: npt.NDArray[np.uint8],
    quantiser: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Source less prediction: of pictures (3, H, W), and of latents (C, h, w)."""
    height, width = before.shape[:2]
    grid = height // PIXELS_PER_LATENT, width // PIXELS_PER_LATENT
    unit = step_latent(quantiser) * UNITS_PER_LATENT
    sources = [loop_picture(one, height, width) for one in (before, after)]
    coded = np.rint(np.rint(networks.latents(sources[0]) / unit) * unit).astype(np.int32)
    reference = PictureReference(networks, coded, np.full(grid, quantiser, dtype=np.uint8))
    search = MotionSearch(PIXELS_PER_LATENT, *grid, flow_preset=1, fraction_bits=FRACTION_BITS)
    fields = BlockFields.blank(*grid, Mode.SKIP)
    fields.vectors[0] = search.vectors(search.luma(after), search.luma(before))
    moved: Picture = moved_picture(fields, (reference,), block=1)
    latents = networks.latents(sources[1]) - networks.latents(moved)
    return (sources[1] - moved).astype(np.float32), latents


def _windows(difference: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(3, H, W) → what lies around every position, (h·w, 3·16²)."""
    pad = (0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)
    size = SEARCH_SIDE, SEARCH_SIDE
    views = np.lib.stride_tricks.sliding_window_view(np.pad(difference, pad), size, axis=(1, 2))
    views = views[:, ::PIXELS_PER_LATENT, ::PIXELS_PER_LATENT].transpose(1, 2, 0, 3, 4)
    return views.reshape(-1, SEARCH_INPUTS).astype(np.float64)
