"""Pictures in folders, and random crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ..errors import InputError

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_SHRUNK = 0.4  # share of crops whose picture is shrunk first


def picture_files(folders: Sequence[Path]) -> list[Path]:
    """Every picture file below the folders, sorted."""
    return sorted(
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix.lower() in PICTURE_SUFFIXES
    )


def load_pictures(folders: Sequence[Path], smallest: int, least: int) -> list[np.ndarray]:
    """Every picture below the folders as RGB uint8 (H, W, 3) with both sides at least ``smallest``
    px.

    Raises ``InputError`` for fewer than ``least``.
    """
    candidates = (cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) for file in picture_files(folders))
    pictures = [p for p in candidates if p is not None and min(p.shape[:2]) >= smallest]
    if len(pictures) < least:
        raise InputError(
            f"{', '.join(map(str, folders))}: {len(pictures)} pictures of {smallest} px or more,"
            f" need at least {least}: give a folder with more"
        )
    return pictures


def to_tensor(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """Pictures (H, W, 3) uint8 of one size → (B, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def centre_crop(picture: np.ndarray, side: int) -> np.ndarray:
    """The middle side×side px of a picture, or what there is of them."""
    y, x = (max(0, (size - side) // 2) for size in picture.shape[:2])
    return np.ascontiguousarray(picture[y : y + side, x : x + side])


def random_crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """side×side px of a picture, which now and then is shrunk first."""
    smallest = min(picture.shape[:2])
    if rng.random() < _SHRUNK and smallest > side:
        factor = rng.uniform(side / smallest, 1)
        size = [max(side, round(length * factor)) for length in picture.shape[1::-1]]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    y, x = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    return picture[y : y + side, x : x + side]


def mirrored(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture, every other time with left and right exchanged."""
    return picture[:, ::-1] if rng.random() < 0.5 else picture


def crop_batch(
    pictures: Sequence[np.ndarray], side: int, batch: int, rng: np.random.Generator
) -> torch.Tensor:
    """Random crops of random pictures, (B, 3, side, side) in [-1, 1]."""
    chosen = [pictures[int(rng.integers(len(pictures)))] for _ in range(batch)]
    return to_tensor([mirrored(random_crop(picture, side, rng), rng) for picture in chosen])
