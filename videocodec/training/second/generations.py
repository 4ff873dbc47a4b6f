"""Pictures that were decoded, moved, and are encoded again, as the loop of version 2 has them.

A block that moves is predicted from the encoder's latents of a decoded picture.  What the networks
lose on this way there and back is lost again in every frame that moves (docs/decisions/017), so
that training asks for little of it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from ...networks.second.codec import SecondCodec

GENERATIONS = 4  # at most, after the first
SHARE = 2  # one of so many pictures of a batch goes on
_STRIDE = 8  # px a latent: what a move costs of either side
SMALLEST_CROP = 64 + GENERATIONS * _STRIDE  # px: what the loss looks at is 64 px a side or more
# Half a pixel, between the fourth and the fifth sample, in 64ths (bitstream/v2/moved_pictures.py).
_HALF = (-1, 4, -11, 40, 40, -11, 4, -1)
_BEFORE, _AFTER = 3, 4  # samples that the filter needs around the first of a pair


def moved(pictures: torch.Tensor, offset: tuple[int, int]) -> torch.Tensor:
    """Pictures (B, C, H, W) seen from ``offset``, down and across in half pixels below 16 →
    (B, C, H - 8, W - 8).
    """
    for axis, halves in zip((2, 3), offset, strict=True):
        pictures = _moved_along(pictures, axis, halves)
    return pictures


def _moved_along(pictures: torch.Tensor, axis: int, halves: int) -> torch.Tensor:
    length, (whole, half) = pictures.shape[axis] - _STRIDE, divmod(halves, 2)
    if not half:
        return pictures.narrow(axis, whole, length)
    pad = [0, 0, _BEFORE, _AFTER] if axis == 2 else [_BEFORE, _AFTER, 0, 0]
    padded = F.pad(pictures, pad, mode="replicate")
    taps = (w / 64 * padded.narrow(axis, whole + i, length) for i, w in enumerate(_HALF))
    return torch.stack(list(taps)).sum(0)


def later_generation(
    codec: SecondCodec,
    decoded: torch.Tensor,
    pictures: torch.Tensor,
    step: torch.Tensor,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move decoded pictures (B, 3, H, W), encode and decode them without a quantiser, one to
    ``GENERATIONS`` times → what they have become, and the source's ``pictures`` moved likewise.

    step: quantiser steps (B,) of the first generation, which the decoder is still told.
    The gradient is of the last time, and, where that is the only one, of the first generation too.
    """
    count = int(rng.integers(1, GENERATIONS + 1))
    seen = decoded if count == 1 else decoded.detach()
    for index in range(count):
        offset = (int(rng.integers(2 * _STRIDE)), int(rng.integers(2 * _STRIDE)))
        seen, pictures = moved(seen, offset), moved(pictures, offset)
        with torch.set_grad_enabled(torch.is_grad_enabled() and index == count - 1):
            latents = codec.encoder(seen.clamp(-1, 1)).float()
            seen = codec.decoder(latents, torch.log2(step)).float()
    return seen, pictures
