"""Motion search in pixels: dense inverse search flow (Kroeger et al. 2016, OpenCV's DIS), one
vector per block.
"""

from __future__ import annotations

import cv2
import numpy as np

from bitstream.v1.prediction import VECTOR_LIMIT

_NOVELTY_AREA = 176 * 144
_FLOW_AREA = 512 * 288  # larger pictures are searched at reduced size
# on a picture that is wide and lower than this, DIS reads outside its pyramid and crashes
_FLOW_SIDE = 32


class MotionSearch:
    """Finds, for every block of a frame, where it comes from in a reference frame."""

    def __init__(
        self, block_pixels: int, blocks_high: int, blocks_wide: int, flow_preset: int
    ) -> None:
        self._block, self._grid = block_pixels, (blocks_high, blocks_wide)
        self._flow = cv2.DISOpticalFlow_create(flow_preset)

    def luma(self, rgb: np.ndarray) -> np.ndarray:
        """(H, W) uint8 luma, padded to whole blocks."""
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        height, width = (side * self._block for side in self._grid)
        return cv2.copyMakeBorder(
            gray, 0, height - gray.shape[0], 0, width - gray.shape[1], cv2.BORDER_REPLICATE
        )

    def novelty(self, current: np.ndarray, reference: np.ndarray) -> float:
        """How much of ``current`` (padded luma) is not in ``reference`` even with motion: error of
        the picture warped along the flow, as a share of the error of local means.  0 for a still,
        0.1 to 2.7 for motion, 3 and more for another scene.
        """
        factor = max(1, int(np.sqrt(current.size / _NOVELTY_AREA)))
        size = (max(16, current.shape[1] // factor), max(16, current.shape[0] // factor))
        small, before = (
            cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (current, reference)
        )
        flow = self._dense_flow(small, before)
        grid = (
            np.stack(
                np.meshgrid(
                    np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
                ),
                -1,
            )
            + flow
        )
        warped = cv2.remap(
            before, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        means = cv2.blur(small, (5, 5))
        # Two grey levels of noise are in every camera's picture and say nothing.
        error = np.maximum(cv2.absdiff(small, warped).astype(np.float32) - 2, 0).sum()
        alone = np.maximum(cv2.absdiff(small, means).astype(np.float32) - 2, 0).sum()
        return float(error / (alone + 0.5 * small.size))

    def vectors(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Padded luma of two frames → (bh, bw, 2) int64 vectors in pixels as (dy, dx): block at x
        comes from x + vector.
        """
        height, width = current.shape
        factor = 1
        while height * width > _FLOW_AREA * factor * factor * 2:
            factor += 1
        if factor > 1:
            size = (max(16, width // factor), max(16, height // factor))
            current, reference = (
                cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (current, reference)
            )
        flow = self._dense_flow(current, reference)
        flow = flow * np.array(
            [width / current.shape[1], height / current.shape[0]], dtype=np.float32
        )
        if factor > 1:
            flow = cv2.resize(flow, (width // 4, height // 4), interpolation=cv2.INTER_LINEAR)
        bh, bw = self._grid
        tiles = (
            flow.reshape(bh, flow.shape[0] // bh, bw, flow.shape[1] // bw, 2)
            .transpose(0, 2, 1, 3, 4)
            .reshape(bh, bw, -1, 2)
        )
        median = np.median(tiles, axis=2)[..., ::-1]
        return np.clip(np.rint(median), -VECTOR_LIMIT, VECTOR_LIMIT).astype(np.int64)

    def _dense_flow(self, current: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """(H, W, 2) float32 flow in pixels as (dx, dy), of pictures of any size."""
        missing = [max(0, _FLOW_SIDE - side) for side in current.shape]
        padded = (
            cv2.copyMakeBorder(p, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            for p in (current, reference)
        )
        return self._flow.calc(*padded, None)[: current.shape[0], : current.shape[1]]
