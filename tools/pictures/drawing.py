"""What drawn clips have in common: cameras, layers, textures and noise.

Every frame is drawn at ``OVERSAMPLING`` times its size; whoever writes it reduces it by area.
"""

from __future__ import annotations

import cv2
import numpy as np

OVERSAMPLING = 2
SEED = 2


def smooth(t: float) -> float:
    """Eases 0..1 in and out, so that a camera starts and stops without a jerk."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def camera_view(
    picture: np.ndarray,
    centre: tuple[float, float],
    width: float,
    angle: float,
    size: tuple[int, int],
) -> np.ndarray:
    """What a camera sees of `picture` (H, W, 3): `width` picture pixels across, turned by `angle`
    degrees, as `size` (w, h).
    """
    out_w, out_h = size
    matrix = cv2.getRotationMatrix2D(centre, angle, out_w / width)
    matrix[:, 2] += (out_w / 2 - centre[0], out_h / 2 - centre[1])
    return cv2.warpAffine(
        picture, matrix, (out_w, out_h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def over(frame: np.ndarray, layer: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`layer` (H, W, 3) laid over `frame` where `alpha` (H, W) in 0..1 says so; all float32."""
    return frame + (layer - frame) * alpha[:, :, None]


def tinted(
    grey: np.ndarray, colour: tuple[float, float, float], contrast: float = 1.0
) -> np.ndarray:
    """A grey texture (H, W) uint8 as float32 (H, W, 3) of mean `colour` (RGB 0..255)."""
    relative = 1 + contrast * (grey.astype(np.float32) / grey.mean() - 1)
    return np.clip(relative[:, :, None] * np.float32(colour), 0, 255)


def clouds(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of several octaves, float32 (h, w), about 0..1."""
    w, h = size
    total = np.zeros((h, w), np.float32)
    for octave in range(2, 7):
        cells = 2**octave
        total += (
            cv2.resize(
                rng.random((cells // 2 + 1, cells)).astype(np.float32),
                (w, h),
                interpolation=cv2.INTER_CUBIC,
            )
            / cells
            * 2
        )
    return (total - total.min()) / (total.max() - total.min())
