"""What a network for twice the size learns from: pictures, and what decoders show of them at half
the size, worked out once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from bitstream.sequence_header import PIXELS_PER_LATENT

from ...decoded import quantisers_of
from ...models.post_filter import PostFilter
from ...networks.second.codec import SecondCodec
from ...scaling import shrunk
from ..pictures import mirrored, to_tensor
from ..randomness import Randomness
from .crops import cut_square, subsampled
from .graphics import draw_graphics
from .pack import PackedPictures

SIDE = 256  # px of a picture; it is coded at half of it
STEP_RANGE = (0.25, 5.0)  # of quantiser steps
_STREAM = 1 << 30  # of random numbers, apart from those of the steps
_BATCH = 8
_FRAMES, _GRAPHICS = 0.35, 0.1  # shares; what is left are photographs
_SUBSAMPLED = 0.5  # of the targets: colour at half resolution, as video has it
_SUBSAMPLED_SMALL = 0.8  # of what is coded
_SOFT = (0.5, 1.0)  # px of the small picture: a Gaussian's deviation
_CODED_TWICE = 0.4  # of the batches: most frames of a video are made of decoded ones


@dataclass(frozen=True)
class Examples:
    """Pictures (n, 3, 2H, 2W) uint8, and what decoders show of them at half the size.

    coded: (n, 3, H, W) uint8, the decoded pictures, filtered where there is a post-filter.
    steps: (n,) float32, of the quantiser.
    """

    targets: torch.Tensor
    coded: torch.Tensor
    steps: torch.Tensor

    def __len__(self) -> int:
        return len(self.steps)

    def chosen(self, numbers: torch.Tensor) -> Examples:
        """Some of them."""
        return Examples(*(getattr(self, name)[numbers] for name in self.__dataclass_fields__))


def make_examples(
    codec: SecondCodec,
    pictures: PackedPictures,
    count: int,
    randomness: Randomness,
    post_filter: PostFilter | None = None,
) -> Examples:
    """Crops of a pack at random, by random kernels and quantiser steps, through a post-filter."""
    low, high = (math.log(limit) for limit in STEP_RANGE)
    targets, small, steps = [], [], []
    for number in range(count):
        rng = randomness.numpy(_STREAM, number)
        target = _target(pictures, rng)
        targets.append(target)
        small.append(halved(target, rng))
        steps.append(math.exp(rng.uniform(low, high)))
    twice = [randomness.numpy(_STREAM, n, 1).random() < _CODED_TWICE for n in range(count)]
    return coded_examples(codec, targets, small, steps, twice=twice, post_filter=post_filter)


@torch.no_grad()
def coded_examples(
    codec: SecondCodec,
    targets: Sequence[np.ndarray],
    small: Sequence[np.ndarray],
    steps: Sequence[float],
    *,
    twice: Sequence[bool] | None = None,
    post_filter: PostFilter | None = None,
) -> Examples:
    """Of pictures, RGB uint8 (2H, 2W, 3), and the same at half the size, all alike large.

    twice: which of them are coded, decoded and coded again; None for no one.  post_filter: what
    decoded pictures go through; None for nothing.
    """
    coded = []
    all_steps = torch.tensor(list(steps), dtype=torch.float32)
    again = torch.tensor([False] * len(small) if twice is None else list(twice))
    for first in range(0, len(small), _BATCH):
        part = slice(first, first + _BATCH)
        made = _decoded(codec, to_tensor(list(small[part])), all_steps[part])
        if again[part].any():
            second = _decoded(codec, made, all_steps[part])
            made = torch.where(again[part, None, None, None], second, made)
        shown = made.add(1).mul(127.5).round().byte()
        coded.append(
            shown if post_filter is None else _filtered(post_filter, shown, all_steps[part])
        )
    stacked = torch.from_numpy(np.stack(targets)).permute(0, 3, 1, 2).contiguous()
    return Examples(stacked, torch.cat(coded), all_steps)


def _decoded(codec: SecondCodec, pictures: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], coded and decoded."""
    latents, _ = codec.coded(pictures, steps)
    made: torch.Tensor = codec.decoder(latents, torch.log2(steps)).clamp(-1, 1)
    return made


def _filtered(post_filter: PostFilter, decoded: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Decoded pictures (B, 3, H, W) uint8 through a post-filter."""
    positions = tuple(-(-side // PIXELS_PER_LATENT) for side in decoded.shape[2:])
    filtered = [
        post_filter.picture(picture, quantisers_of(np.full(positions, step, np.float32)))
        for picture, step in zip(decoded.permute(0, 2, 3, 1).numpy(), steps.numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(filtered)).permute(0, 3, 1, 2).contiguous()


def halved(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture at half its size, RGB uint8, by one of the kernels that cameras and programs
    have, and mostly with colour at half resolution.
    """
    kind = rng.random()
    height, width = (side // 2 for side in picture.shape[:2])
    small: np.ndarray
    if kind < 0.35:
        small = shrunk(picture, (width, height))
    elif kind < 0.6:
        small = _bicubic(picture, height, width)
    elif kind < 0.85:
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    else:
        blurred = cv2.GaussianBlur(picture, (0, 0), 2 * float(rng.uniform(*_SOFT)))
        small = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_AREA)
    return subsampled(small) if rng.random() < _SUBSAMPLED_SMALL else small


def _bicubic(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    small = F.interpolate(planes, (height, width), mode="bicubic", antialias=True)
    made: np.ndarray = small[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    return made


def _target(pictures: PackedPictures, rng: np.random.Generator) -> np.ndarray:
    """One picture, RGB uint8 (SIDE, SIDE, 3), as sharp as there is."""
    choice = rng.random()
    if choice < _GRAPHICS:
        picture = draw_graphics(SIDE, rng)
    else:
        kinds = [pictures.photographs, pictures.frames]
        if choice < _GRAPHICS + _FRAMES:
            kinds.reverse()
        chosen = kinds[0] or kinds[1]
        picture = cut_square(chosen[int(rng.integers(len(chosen)))], SIDE, rng)
    picture = mirrored(picture, rng)
    return subsampled(picture) if rng.random() < _SUBSAMPLED else np.ascontiguousarray(picture)
