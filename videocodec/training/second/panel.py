"""Figures of the second autoencoder on pictures held out, for every quantiser step: bits are those
that the rate model expects, pictures are quantised as in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import nn

from ...judges.structure import ms_ssim
from ...networks.post_filter import PostFilterNetwork
from ..losses import grey_level_error, squared_error
from ..pictures import centre_crop, to_tensor
from .losses import Judge, colour_planes

STEPS = (0.3, 0.6, 1.2, 2.0, 2.8, 4.0)
SIDE = 192  # px of a centre crop
_BATCH = 8
_WHITE = 255.0
_HEAD = ("step", "bits per pixel", "luma, dB", "colour, dB", "lpips-squeeze", "MS-SSIM")


@dataclass(frozen=True)
class Figures:
    """Means over pictures at one quantiser step.

    bpp: bits per pixel, estimated.
    luma, colour: PSNR in dB, means of the pictures' own.
    lpips: with SqueezeNet.
    ms_ssim: of luma.
    """

    step: float
    bpp: float
    luma: float
    colour: float
    lpips: float
    ms_ssim: float


def validation_crops(pictures: Sequence[np.ndarray]) -> torch.Tensor | None:
    """Centres of those that are large enough, (B, 3, SIDE, SIDE) in [-1, 1]; None for none."""
    large = [centre_crop(p, SIDE) for p in pictures if min(p.shape[:2]) >= SIDE]
    return to_tensor(large) if large else None


@torch.no_grad()
def validate(
    codec: nn.Module,
    pictures: torch.Tensor,
    lpips: Judge,
    steps: Sequence[float] = STEPS,
    post_filter: PostFilterNetwork | None = None,
) -> list[Figures]:
    """Figures of pictures (B, 3, H, W) in [-1, 1], a row per quantiser step; post_filter: through
    which decoded ones are seen.
    """
    rows = []
    for value in steps:
        parts = []
        for batch in pictures.split(_BATCH):
            step = torch.full((len(batch),), value, device=batch.device)
            decoded, bpp = codec(batch, step)
            if post_filter is not None:
                decoded = post_filter.at_one_step(decoded, step).float()
            decoded = decoded.clamp(-1, 1)
            luma, colour = colour_planes(grey_level_error(decoded, batch))
            judged = [_psnr(luma), _psnr(colour), lpips(decoded, batch), ms_ssim(decoded, batch)]
            parts.append(torch.stack([bpp, *judged], 1))
        rows.append(Figures(value, *(round(float(v), 4) for v in torch.cat(parts).mean(0))))
    return rows


def as_rows(figures: Sequence[Figures]) -> list[list[float]]:
    """For JSON: lists in the order of the fields."""
    return [list(astuple(row)) for row in figures]


def as_markdown(titles_and_figures: Sequence[tuple[str, Sequence[Figures]]]) -> str:
    """Tables for people, one after the other."""
    parts = []
    for title, figures in titles_and_figures:
        parts += [title, "", f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|"]
        for r in figures:
            cells = f"{r.step} | {r.bpp:.3f} | {r.luma:.2f} | {r.colour:.2f} | {r.lpips:.4f}"
            parts.append(f"| {cells} | {r.ms_ssim:.4f} |")
        parts.append("")
    return "\n".join(parts)


def _psnr(error: torch.Tensor) -> torch.Tensor:
    """(B,) dB."""
    return 10 * torch.log10(_WHITE**2 / squared_error(error).clamp_min(1e-6))
