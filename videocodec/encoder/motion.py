"""Motion search in pixels: dense optical flow, one vector per block."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from bitstream.formats import format_of
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.prediction import VECTOR_LIMIT

from ..optical_flow import DenseFlow, warped
from .block_matching import BlockMatcher, MatchedLuma
from .coarse_matching import FAR, NEAR

Luma = npt.NDArray[np.uint8]

_NOVELTY_AREA = 176 * 144
_FLOW_AREA = 512 * 288  # larger pictures are searched at reduced size
_SMALLEST_REDUCED_SIDE = 16  # px
_RECENT = 4  # pictures whose parts for matching are kept
_SAMPLED = 4  # px of flow, of which one counts where blocks are matched
_NOISE = 2  # grey levels that are in every camera's picture and say nothing


class MotionEstimator(Protocol):
    """Finds where the blocks of a frame come from, in the luma that it makes of pictures.

    ``MotionSearch`` is the one that the encoder has; planners and the group encoder take any.
    """

    @property
    def fraction_bits(self) -> int:
        """Of vectors, beyond whole pixels."""

    def luma(self, rgb: npt.NDArray[np.uint8]) -> Luma:
        """(H, W, 3) RGB → (H, W) uint8 luma, padded to whole blocks."""

    def novelty(self, current: Luma, reference: Luma) -> float:
        """How much of a frame is not in another even with motion: 0 for a still, 0.1 to 2.7 for
        motion, 3 and more for another scene.
        """

    def vectors(self, current: Luma, reference: Luma) -> npt.NDArray[np.int64]:
        """(bh, bw, 2) vectors in pixels, or in as fine a part of one as ``fraction_bits`` says, as
        (dy, dx): the block at x comes from x + vector.
        """

    def refined(
        self, current: Luma, reference: Luma, vectors: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The same from vectors that are near."""


class MotionSearch:
    """Motion by dense optical flow, the median over each block; of formats with parts of a pixel
    matched from there.
    """

    def __init__(
        self,
        block_pixels: int,
        blocks_high: int,
        blocks_wide: int,
        flow_preset: int,
        fraction_bits: int = 0,
        *,
        near: bool = False,
    ) -> None:
        """near: of ``Effort``."""
        self.fraction_bits = fraction_bits
        self._block, self._grid = block_pixels, (blocks_high, blocks_wide)
        self._flow_preset, self._own = flow_preset, threading.local()
        self._recent: deque[tuple[Luma, MatchedLuma]] = deque(maxlen=_RECENT)
        self._lock = threading.Lock()
        self._matcher = None
        if fraction_bits:
            self._matcher = BlockMatcher(block_pixels, NEAR if near else FAR)

    @property
    def _flow(self) -> DenseFlow:
        """The thread's own: OpenCV's keeps what it is working on."""
        if not hasattr(self._own, "flow"):
            self._own.flow = DenseFlow(self._flow_preset)
        flow: DenseFlow = self._own.flow
        return flow

    def _matched(self, luma: Luma) -> MatchedLuma:
        """What is made of a picture is made once for the pairs that follow each other."""
        with self._lock:
            for known, made in self._recent:
                if known is luma:
                    return made
            made = MatchedLuma(luma, self._block)
            self._recent.append((luma, made))
            return made

    @classmethod
    def for_header(
        cls, header: SequenceHeader, flow_preset: int, *, near: bool = False
    ) -> MotionSearch:
        """For the pictures of a stream; ``flow_preset``: of ``DenseFlow``."""
        bits = format_of(header.format_version).vector_fraction_bits
        grid = header.block_rows, header.block_columns
        return cls(header.block_size, *grid, flow_preset, bits, near=near)

    def luma(self, rgb: npt.NDArray[np.uint8]) -> Luma:
        """(H, W) uint8 luma, padded to whole blocks."""
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        height, width = (side * self._block for side in self._grid)
        padded = cv2.copyMakeBorder(
            gray, 0, height - gray.shape[0], 0, width - gray.shape[1], cv2.BORDER_REPLICATE
        )
        return np.asarray(padded, np.uint8)

    def novelty(self, current: Luma, reference: Luma) -> float:
        """How much of ``current`` (padded luma) is not in ``reference`` even with motion: error of
        the picture warped along the flow, as a share of the error of local means.  0 for a still,
        0.1 to 2.7 for motion, 3 and more for another scene.
        """
        factor = max(1, int(np.sqrt(current.size / _NOVELTY_AREA)))
        small, before = _reduced(current, reference, factor)
        moved = warped(before, self._flow(small, before))
        means = cv2.blur(small, (5, 5))
        error = np.maximum(cv2.absdiff(small, moved).astype(np.float32) - _NOISE, 0).sum()
        alone = np.maximum(cv2.absdiff(small, means).astype(np.float32) - _NOISE, 0).sum()
        return float(error / (alone + 0.5 * small.size))

    def vectors(self, current: Luma, reference: Luma) -> npt.NDArray[np.int64]:
        """Padded luma of two frames → (bh, bw, 2) int64 vectors as (dy, dx), in pixels or as fine a
        part of one as ``fraction_bits`` says: block at x comes from x + vector.
        """
        flow = self._median_flow(current, reference)
        if self._matcher is None:
            units = np.rint(flow * (1 << self.fraction_bits))
        else:
            now, before = self._matched(current), self._matched(reference)
            units = self._matcher(now, before, flow)
        vectors: npt.NDArray[np.int64] = np.clip(units, -VECTOR_LIMIT, VECTOR_LIMIT).astype(
            np.int64
        )
        return vectors

    def refined(
        self, current: Luma, reference: Luma, vectors: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The same from vectors that are near, which takes a third of the time."""
        if self._matcher is None:
            return self.vectors(current, reference)
        flow = vectors.astype(np.float32) / np.float32(1 << self.fraction_bits)
        units = self._matcher.near(self._matched(current), self._matched(reference), flow)
        found: npt.NDArray[np.int64] = np.clip(units, -VECTOR_LIMIT, VECTOR_LIMIT)
        return found

    def _median_flow(self, current: Luma, reference: Luma) -> npt.NDArray[np.float32]:
        """(bh, bw, 2) px as (dy, dx)."""
        height, width = current.shape
        factor = 1
        while height * width > _FLOW_AREA * factor * factor * 2:
            factor += 1
        if factor > 1:
            current, reference = _reduced(current, reference, factor)
        flow = self._flow(current, reference)
        if factor == 1 and self._matcher is not None:  # flow is smooth: blocks are matched from it
            flow = flow[::_SAMPLED, ::_SAMPLED]
        flow = flow * np.array(
            [width / current.shape[1], height / current.shape[0]], dtype=np.float32
        )
        if factor > 1:
            small = (width // 4, height // 4)
            flow = np.asarray(cv2.resize(flow, small, interpolation=cv2.INTER_LINEAR), np.float32)
        bh, bw = self._grid
        down, across = flow.shape[0] // bh, flow.shape[1] // bw
        tiles = flow.reshape(bh, down, bw, across, 2).transpose(0, 2, 4, 1, 3)
        median: npt.NDArray[np.float32] = _medians(tiles.reshape(bh, bw, 2, -1))[..., ::-1]
        return np.ascontiguousarray(median)


def _medians(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of the last axis; the mean of the middle two of an even number."""
    count = samples.shape[-1]
    if count == 4:
        inner = samples.sum(-1) - samples.min(-1) - samples.max(-1)
        return np.asarray(inner * np.float32(0.5), np.float32)
    middle = (count - 1) // 2, count // 2
    samples.partition(middle, axis=-1)
    return np.asarray(samples[..., middle].mean(-1), np.float32)


def _reduced(current: Luma, reference: Luma, factor: int) -> tuple[Luma, Luma]:
    """Both pictures at 1 / factor of their sides, but not below 16 px."""
    size = tuple(max(_SMALLEST_REDUCED_SIDE, side // factor) for side in current.shape[::-1])
    return (
        np.asarray(cv2.resize(current, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(reference, size, interpolation=cv2.INTER_AREA), np.uint8),
    )
