"""How near decoded pictures come to their source: PSNR, lpips-squeeze, flicker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from videocodec.decoder.frames import PictureDecoder
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.optical_flow import DenseFlow, warped

MEASURED_EVERY = 4  # frames


def psnr(decoded: np.ndarray, source: np.ndarray) -> float:
    """PSNR over RGB, dB, of (H, W, 3) uint8; 138 dB for equal pictures."""
    mse = np.mean((decoded.astype(np.float64) - source) ** 2)
    return float(10 * np.log10(255**2 / max(mse, 1e-9)))


def quality(
    decoded: np.ndarray, source: np.ndarray, perceptual: LpipsSqueeze
) -> tuple[float, float]:
    """PSNR over RGB in dB and lpips-squeeze, of (H, W, 3) uint8."""
    tensors = [
        torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in (decoded, source)
    ]
    with torch.inference_mode():
        return psnr(decoded, source), float(perceptual(*tensors))


@dataclass(frozen=True)
class Figures:
    """Means over frames: PSNR in dB, lpips-squeeze, flicker in grey levels."""

    psnr: float
    lpips: float
    flicker: float


def _grey(rgb: np.ndarray) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


class MotionDifference:
    """Mean absolute difference of two frames of a video along the motion of another, the source."""

    def __init__(self) -> None:
        self._flow = DenseFlow(1)

    def flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(H, W, 2) float32 px: how far from every pixel of ``second`` it is in ``first``, both
        RGB.
        """
        return self._flow(_grey(second), _grey(first))

    @staticmethod
    def of(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> float:
        """Grey levels."""
        return float(np.abs(second.astype(np.float32) - warped(first, flow)).mean())


def measure(
    decoder: PictureDecoder,
    source: list[np.ndarray],
    perceptual: LpipsSqueeze,
    only: set[int] | None = None,
) -> Figures:
    """Figures of a decode against the source.  PSNR and lpips are those of every fourth frame and
    the one after it, or of the frames with the indices ``only``.
    """
    motion, rows, flicker = MotionDifference(), [], []
    before: np.ndarray | None = None
    for frame in decoder.frames():
        picture, phase = (
            np.ascontiguousarray(frame.data.transpose(1, 2, 0)),
            frame.index % MEASURED_EVERY,
        )
        if (phase < 2) if only is None else (frame.index in only):
            rows.append(quality(picture, source[frame.index], perceptual))
        if phase == 1 and before is not None:
            pair = source[frame.index - 1], source[frame.index]
            flow = motion.flow(*pair)
            flicker.append(motion.of(before, picture, flow) - motion.of(*pair, flow))
        before = picture
    mean_psnr, lpips = np.mean(rows, axis=0)
    return Figures(float(mean_psnr), float(lpips), float(np.mean(flicker)))
