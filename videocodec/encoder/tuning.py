"""Aims of the encoder's own, without weights from outside: squared error of luma and colour, and
structure.

What is coded is compared with the source as a picture, and the error's gradient says which latents
the picture wants.  Where many latents are rounded to nothing a plain descent adds up steps that
never show; so the aim goes a part of the way to where Newton's method would put the coded values,
with the curvature of each channel for all of its positions.  That is estimated by one random
projection of the decoder's derivative (Hutchinson 1990): the mean square of what random signs in
the picture make in the latents is the diagonal of JᵀJ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from ..decoded import QUANTISER_STEPS
from ..judges.structure import lost_structure
from ..models.network_errors import network_errors
from ..training.losses import GREY_LEVELS
from .aiming import CodedVersion, Look
from .picture_tiles import Tile, one_thread, source_tensor, tiles_of
from .settings import Tune

# Scaled latents (1, C, h, w) and the step of every position (1, h, w) → pictures (1, 3, 8h, 8w).
Pictures = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_SHARE = 0.15  # of the way that a round goes; 0.3 swings, since neighbours move as well
_PROBE = 0.3  # deviation of the noise that structure is measured with, in steps
_TINY = 1e-30
_LEAST_CURVATURE = 0.02  # of the channels' median: what the picture hardly shows is not chased


@dataclass(frozen=True)
class TuneWeights:
    """What a squared grey level counts in luma, in each of both colour differences and in each of
    red, green and blue; and the structure that is lost (``judges.structure``), as so many squared
    grey levels a pixel.
    """

    luma: float
    colour: float
    rgb: float
    structure: float


# Squared errors are weighted as in training.
_WEIGHTS: dict[Tune, TuneWeights] = {
    "balanced": TuneWeights(0.75, 0.5, 0.05, 130.0),
    "psnr": TuneWeights(0.75, 0.5, 0.05, 0.0),
    "ssim": TuneWeights(0.75, 0.5, 0.05, 400.0),
}
# Luma and colour differences of red, green and blue, BT.601.
_LUMA = (0.299, 0.587, 0.114)
_COLOUR = ((-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))


class TunedJudge:
    """A ``PictureJudge`` for one of the tunes with weights above, on one chunk: curvatures are
    those of its first frame with a quantiser.
    """

    def __init__(
        self,
        pictures: Pictures,
        header: SequenceHeader,
        tune: Tune,
        device: torch.device,
        largest_tile: int,
        lagrangian: float,
    ) -> None:
        """largest_tile: positions a side (``picture_tiles.largest_tile``); lagrangian: that of
        ``EncoderSettings``.  Raises ``KeyError`` for tunes that are not its own.
        """
        self._pictures, self._weights, self._device = pictures, _WEIGHTS[tune], device
        self._lagrangian = lagrangian
        self._tiles = tiles_of(header.latent_height, header.latent_width, largest_tile)
        self._padded = header.padded_height, header.padded_width
        self._task = f"to judge pictures of {header.width}×{header.height}"
        metric = self._weights.rgb * np.eye(3) + self._weights.luma * np.outer(_LUMA, _LUMA)
        metric += self._weights.colour * sum(np.outer(row, row) for row in _COLOUR)
        self._metric = _on(device, metric)  # an error e counts eᵀ·metric·e
        self._root = _on(device, np.linalg.cholesky(metric))
        self._curvatures: dict[int, npt.NDArray[np.float32]] = {}

    def look(self, aim: np.ndarray, coded: CodedVersion, picture: np.ndarray, rounds: int) -> Look:
        """As the protocol says.  A bit costs what it costs in decisions: ``lagrangian`` of a
        squared step, in the channel of median curvature.

        A picture that does not depend on the latents, or is none, wants nothing.
        """
        latents, steps, source = self._seen(coded, picture)
        with network_errors(self._task, self._device), one_thread():
            curvature = self._curvature(latents, steps, coded.frame.quantiser)
            lost, gradient = self._gradient(latents, steps, source)
        if not (np.isfinite(lost) and np.isfinite(gradient).all() and (curvature > 0).all()):
            return Look(aim)
        wanted = latents - gradient / (2 * curvature)
        cost = lost + self._price(coded, curvature)
        return Look(aim + np.float32(_SHARE) * (wanted - aim) * coded.sent, cost)

    def cost(self, coded: CodedVersion, picture: np.ndarray) -> float | None:
        """As the protocol says."""
        latents, steps, source = self._seen(coded, picture)
        lost = 0.0
        with network_errors(self._task, self._device), one_thread():
            curvature = self._curvature(latents, steps, coded.frame.quantiser)
            with torch.no_grad():
                for tile in self._tiles:
                    decoded = tile.cut(self._pictures(*self._inputs(latents, steps, tile)))
                    lost += float(self._lost(decoded, source[..., *tile.pixels()]))
        return lost + self._price(coded, curvature) if np.isfinite(lost) else None

    def _seen(
        self, coded: CodedVersion, picture: np.ndarray
    ) -> tuple[npt.NDArray[np.float32], np.ndarray, torch.Tensor]:
        """Latents and steps of a coded frame, and its source."""
        latents = coded.frame.latents.astype(np.float32) / np.float32(UNITS_PER_LATENT)
        source = source_tensor(picture, *self._padded, self._device)
        return latents, QUANTISER_STEPS[coded.quantisers], source

    def _price(self, coded: CodedVersion, curvature: npt.NDArray[np.float32]) -> float:
        """Of a frame's bits."""
        frame = coded.frame
        bit = self._lagrangian * step_latent(frame.quantiser) ** 2 * float(np.median(curvature))
        return bit * (frame.level_bits + frame.block_bits)

    def _gradient(
        self, latents: npt.NDArray[np.float32], steps: np.ndarray, source: torch.Tensor
    ) -> tuple[float, npt.NDArray[np.float32]]:
        """What is lost, in squared grey levels, and its gradient (C, h, w) per scaled latent."""
        gradient, total = np.zeros_like(latents), 0.0
        for tile in self._tiles:
            z, step = self._inputs(latents, steps, tile)
            decoded = tile.cut(self._pictures(z.requires_grad_(True), step))
            lost = self._lost(decoded, source[..., *tile.pixels()])
            (of_tile,) = torch.autograd.grad(lost, z)
            gradient[:, tile.outer[0], tile.outer[1]] += of_tile[0].cpu().numpy()
            total += float(lost.detach())
        return total, gradient

    def _curvature(
        self, latents: npt.NDArray[np.float32], steps: np.ndarray, quantiser: int
    ) -> npt.NDArray[np.float32]:
        """(C, 1, 1): what is lost with a square of a scaled latent, of the first tile."""
        if quantiser not in self._curvatures:
            z, step = self._inputs(latents, steps, self._tiles[0])
            found = self._projected(z, step)
            found = np.maximum(found, _LEAST_CURVATURE * np.median(found))
            found *= self._structure_share(z, step, 1 / np.maximum(found, _TINY) ** 0.5)
            self._curvatures[quantiser] = found.astype(np.float32)[:, None, None]
        return self._curvatures[quantiser]

    def _projected(self, z: torch.Tensor, step: torch.Tensor) -> npt.NDArray[np.float64]:
        """Of squared error, (C,)."""
        z = z.detach().requires_grad_(True)
        decoded = self._pictures(z, step)
        random = torch.Generator().manual_seed(0)
        signs = torch.randint(0, 2, decoded.shape, generator=random).float() * 2 - 1
        projection = torch.einsum("ij,bjhw->bihw", self._root, signs.to(self._device))
        # Of a number: where gradients are handed in, PyTorch imports SymPy.
        (back,) = torch.autograd.grad((decoded * (projection * GREY_LEVELS)).sum(), z)
        found: npt.NDArray[np.float64] = back[0].double().square().mean((1, 2)).cpu().numpy()
        return found

    def _structure_share(
        self, z: torch.Tensor, step: torch.Tensor, deviations: npt.NDArray[np.float64]
    ) -> float:
        """By how much structure raises what noise costs; deviations (C,): of the noise, in
        proportion.
        """
        if not self._weights.structure:
            return 1.0
        random = torch.Generator().manual_seed(1)
        size = _on(self._device, _PROBE * deviations / deviations.mean())
        noise = torch.randn(z.shape, generator=random).to(self._device) * size[:, None, None]
        with torch.no_grad():
            before, after = self._pictures(z, step), self._pictures(z + step * noise, step)
            squared = float(self._squared(after, before))
            return float(self._lost(after, before)) / squared if squared > 0 else 1.0

    def _inputs(
        self, latents: np.ndarray, steps: np.ndarray, tile: Tile
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = tile.outer
        return _on(self._device, latents[None, :, rows, columns]), _on(
            self._device, steps[None, rows, columns]
        )

    def _squared(self, decoded: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        error = (decoded - source) * GREY_LEVELS
        return torch.einsum("bihw,ij,bjhw->", error, self._metric, error)

    def _lost(self, decoded: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """The sum over the pixels."""
        lost, weight = self._squared(decoded, source), self._weights.structure
        if weight:
            pixels = source.shape[2] * source.shape[3]
            lost = lost + weight * pixels * lost_structure(decoded, source).sum()
        return lost


def _on(device: torch.device, array: npt.NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)
