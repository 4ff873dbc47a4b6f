"""What drawn clips have in common: cameras, layers, textures and noise.

Every frame is drawn at ``OVERSAMPLING`` times its size; whoever writes it reduces it by area.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

OVERSAMPLING = 2
Picture = npt.NDArray[np.floating[Any]]
SEED = 2


def smooth(t: float) -> float:
    """Eases 0..1 in and out, so that a camera starts and stops without a jerk."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def camera_view(
    picture: Picture,
    centre: tuple[float, float],
    width: float,
    angle: float,
    size: tuple[int, int],
) -> Picture:
    """What a camera sees of `picture` (H, W, 3): `width` picture pixels across, turned by `angle`
    degrees, as `size` (w, h).
    """
    out_w, out_h = size
    matrix = cv2.getRotationMatrix2D(centre, angle, out_w / width)
    matrix[:, 2] += np.array((out_w / 2 - centre[0], out_h / 2 - centre[1]))
    seen = cv2.warpAffine(
        picture, matrix, (out_w, out_h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(seen, picture.dtype)


def moved(right: float, down: float) -> npt.NDArray[np.float32]:
    """The matrix (2, 3) that moves a picture by so many px."""
    return np.array([[1, 0, right], [0, 1, down]], np.float32)


def over(frame: Picture, layer: Picture, alpha: Picture) -> Picture:
    """`layer` (H, W, 3) laid over `frame` where `alpha` (H, W) in 0..1 says so; all float32."""
    laid: Picture = frame + (layer - frame) * alpha[:, :, None]
    return laid


def tinted(
    grey: npt.NDArray[np.uint8], colour: tuple[float, float, float], contrast: float = 1.0
) -> Picture:
    """A grey texture (H, W) uint8 as float32 (H, W, 3) of mean `colour` (RGB 0..255)."""
    relative = 1 + contrast * (grey.astype(np.float32) / grey.mean() - 1)
    return np.asarray(np.clip(relative[:, :, None] * np.array(colour, np.float32), 0, 255))


def clouds(size: tuple[int, int], rng: np.random.Generator) -> Picture:
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
    scaled: Picture = (total - total.min()) / (total.max() - total.min())
    return scaled
