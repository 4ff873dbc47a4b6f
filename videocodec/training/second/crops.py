"""Random crops for training: frames as they are, photographs as video would have them, and text and
graphics drawn on the spot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..pictures import mirrored
from .graphics import draw_graphics
from .pack import PackedPictures

# Shrinking kernels that video has passed through somewhere, from soft to sharp.
_KERNELS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_SHRUNK_SHARE = 0.4
_AS_FILMED_SHARE = 0.75  # of photographs: the others stay sharp, with all their colour
_BLURRED_SHARE, _BLUR = 0.7, (0.35, 1.1)  # of these; px
_SUBSAMPLED_GRAPHICS_SHARE = 0.7


@dataclass(frozen=True)
class Mixture:
    """Shares of what crops are of; what is left are photographs."""

    frames: float = 0.6
    graphics: float = 0.05


def make_crop(
    pictures: PackedPictures, side: int, mixture: Mixture, rng: np.random.Generator
) -> np.ndarray:
    """One crop, RGB uint8 (side, side, 3)."""
    choice = rng.random()
    if choice < mixture.graphics:
        crop = draw_graphics(side, rng)
        return subsampled(crop) if rng.random() < _SUBSAMPLED_GRAPHICS_SHARE else crop
    if pictures.frames and (choice < mixture.graphics + mixture.frames or not pictures.photographs):
        crop = cut_square(_one_of(pictures.frames, rng), side, rng)
    else:
        crop = cut_square(_one_of(pictures.photographs, rng), side, rng)
        if rng.random() < _AS_FILMED_SHARE:
            crop = as_filmed(crop, rng)
    return mirrored(crop, rng)


def as_filmed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photograph as video has it: blurred a little, colour at half resolution."""
    if rng.random() < _BLURRED_SHARE:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(*_BLUR)))
    return subsampled(picture)


def subsampled(picture: np.ndarray) -> np.ndarray:
    """RGB uint8 through 4:2:0 and back."""
    planes = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2YCrCb)
    height, width = planes.shape[:2]
    for channel in (1, 2):
        half = cv2.resize(
            planes[..., channel], (width // 2, height // 2), interpolation=cv2.INTER_AREA
        )
        planes[..., channel] = cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)


def _one_of(pictures: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    return pictures[int(rng.integers(len(pictures)))]


def cut_square(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """side×side px; now and then of the picture shrunk by one of several kernels, and always if it
    would be too small otherwise: then it is enlarged.
    """
    shorter = min(picture.shape[:2])
    factor = side / shorter if shorter < side else 1.0
    if shorter > side and rng.random() < _SHRUNK_SHARE:
        factor = rng.uniform(side / shorter, 1.0)
    if factor != 1.0:
        size = [max(side, round(length * factor)) for length in picture.shape[1::-1]]
        kernel = cv2.INTER_CUBIC if factor > 1 else _KERNELS[int(rng.integers(len(_KERNELS)))]
        picture = cv2.resize(picture, size, interpolation=kernel)
    y, x = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    return picture[y : y + side, x : x + side]
