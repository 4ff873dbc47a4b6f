"""Noise taken out of source latents before they are coded: blocks that stand still are averaged over neighbouring frames.

Camera noise in a frame that others are predicted from is paid for twice: its levels, and the residuals that undo it in the
frames after.  The idea is that of motion-compensated temporal filtering in the reference encoders of HEVC and VVC (Wennersten et
al., "Encoder-only GOP-based temporal filter", JVET-O0549), here for blocks without motion alone: their latents need no resampling.
"""

from __future__ import annotations

import cv2
import numpy as np

_REACH = 2  # frames to either side
_STILL = 2.0  # grey levels of mean difference at which a block no longer counts as still


def still_average(latents: list[np.ndarray], luma: list[np.ndarray], index: int, block_pixels: int) -> np.ndarray:
    """The latents (C, h, w) of frame ``index`` of a run of frames, still blocks averaged with up to two frames on either side.

    ``luma`` (H, W) uint8 of the same frames.  A neighbour counts the less the more a block differs from it in luma, and not at
    all from 2 grey levels of mean difference on.
    """
    height, width = luma[index].shape
    grid = width // block_pixels, height // block_pixels
    total, weights = latents[index].astype(np.float32).copy(), np.ones(latents[index].shape[1:], dtype=np.float32)
    for other in range(max(0, index - _REACH), min(len(latents), index + _REACH + 1)):
        if other == index:
            continue
        difference = cv2.resize(cv2.absdiff(luma[index], luma[other]).astype(np.float32), grid, interpolation=cv2.INTER_AREA)
        weight = np.clip(1 - difference / _STILL, 0, 1).reshape(grid[1], grid[0])
        weight = weight.repeat(weights.shape[0] // grid[1], 0).repeat(weights.shape[1] // grid[0], 1)
        total += weight * latents[other]
        weights += weight
    return total / weights
