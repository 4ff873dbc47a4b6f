"""How far a decoded picture is from its original: PSNR of RGB, and SSIM of luma by FFmpeg's
``ssim`` filter.
"""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np

BEST_PSNR = 100.0  # dB, what equal pictures count as
_SMALLEST = 8  # px a side, of the windows that FFmpeg compares
_TICK = Fraction(1, 25)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Of two pictures (H, W, 3) uint8 RGB, all channels together, dB, at most ``BEST_PSNR``."""
    _check(first, second)
    error = float(np.mean(np.square(first.astype(np.float32) - second)))
    return BEST_PSNR if error == 0 else min(BEST_PSNR, float(10 * np.log10(255**2 / error)))


def ssim(first: np.ndarray, second: np.ndarray) -> float | None:
    """Structural similarity (Wang et al. 2004) of the luma of two pictures (H, W, 3) uint8 RGB, up
    to 1; None below 8 px a side.

    Luma is BT.601's, 0..255 (full range).  FFmpeg compares windows of 8 × 8 px, 4 px apart, without
    a Gaussian weight.
    """
    _check(first, second)
    height, width = first.shape[:2]
    if min(height, width) < _SMALLEST:
        return None
    graph = av.filter.Graph()
    inputs = [
        graph.add_buffer(width=width, height=height, format=av.VideoFormat("gray"), time_base=_TICK)
        for _ in range(2)
    ]
    compare, output = graph.add("ssim"), graph.add("buffersink")
    for number, source in enumerate(inputs):
        source.link_to(compare, 0, number)
    compare.link_to(output)
    graph.configure()
    for source, rgb in zip(inputs, (first, second), strict=True):
        luma = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
        frame = av.VideoFrame.from_ndarray(np.asarray(luma, np.uint8), format="gray")
        frame.pts, frame.time_base = 0, _TICK
        source.push(frame)
    for source in inputs:
        source.push(None)
    return float(output.pull().metadata["lavfi.ssim.All"])


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if (
        first.shape != second.shape
        or first.ndim != 3
        or first.dtype != np.uint8
        or second.dtype != np.uint8
    ):
        raise ValueError(
            f"pictures must be of one shape (H, W, 3) and uint8, got {first.shape} {first.dtype}"
            f" and {second.shape} {second.dtype}"
        )
