"""Judging coded frames by their decoded pictures, with LPIPS, lost structure and squared error, for
``aiming``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from ..decoded import QUANTISER_STEPS
from ..judges import SMALLEST_SIDE
from ..judges.lpips import LpipsSqueeze
from ..judges.structure import lost_structure
from ..models.network_errors import network_errors
from ..models.runtime import AutoencoderRuntime
from ..networks.placement import placed
from ..restoration.diffusion import DiffusionRestoration
from ..training.losses import (
    ENOUGH_LPIPS,
    ENOUGH_SQUARED_ERROR,
    grey_level_error,
    squared_error_with_blocks,
)
from .aiming import CodedVersion, Look
from .picture_tiles import Tile, largest_tile, tiles_of
from .torch_decoder import one_thread, source_tensor

# How far an aim goes from the source's latents at most, in quantiser steps, root mean square.
# Measured on the dev clips: in many small rounds keyframes gain by going further; frames between
# are coarse and made of copies, and further would cost more bits than it is worth.
KEYFRAME_REACH, REACH = 0.20, 0.08
# Squared error, LPIPS, lost structure: weights of their logarithms, and what is so little that it
# is not worth more bits.  Structure, which has no trained eyes, keeps what is done for LPIPS from
# being done for LPIPS alone.
_WEIGHTS, _ENOUGH = (1.0, 1.0, 0.5), (ENOUGH_SQUARED_ERROR, ENOUGH_LPIPS, 0.01)


class PerceptualJudge:
    """A ``PictureJudge`` that decodes as a decoder will, restoration included, and sees with LPIPS.

    What counts is the log of the squared error (that of 8×8 means counted half again) + the log of
    LPIPS + half the log of the structure lost, of the picture as a whole; of pictures too small for
    LPIPS or for windows the rest.  For the gradient, restored latents move with the decoded ones:
    what a restoration adds is taken as given.  It is shown the frame's prediction for the frames
    around.
    """

    def __init__(
        self,
        runtime: AutoencoderRuntime,
        header: SequenceHeader,
        perceptual: LpipsSqueeze,
        restoration: DiffusionRestoration | None = None,
    ) -> None:
        self._runtime, self._restoration, self._device = runtime, restoration, runtime.device
        self._perceptual = placed(perceptual, runtime.device)
        self._block = header.block_latents
        self.tiles = tiles_of(
            header.latent_height, header.latent_width, largest_tile(runtime.bytes_per_latent)
        )
        self._padded = header.padded_height, header.padded_width
        self._size = header.height, header.width

    def look(self, aim: np.ndarray, coded: CodedVersion, picture: np.ndarray, rounds: int) -> Look:
        """As the protocol says: a part of the reach against the gradient."""
        reach = KEYFRAME_REACH if coded.prediction is None else REACH
        far = np.float32(reach * step_latent(coded.frame.quantiser) / rounds)
        return Look(aim - far * self.gradient(coded, picture) * coded.sent)

    def cost(self, coded: CodedVersion, picture: np.ndarray) -> float | None:
        """It does not say."""
        return None

    def gradient(self, coded: CodedVersion, picture: np.ndarray) -> np.ndarray:
        """A coded frame and its source (H, W, 3) uint8 → (C, h, w) float32: how much worse the
        decoded picture gets per quantiser step of each latent, scaled to a mean square of 1; all
        zero if it cannot get better.
        """
        latents = self._restored(coded) / np.float32(UNITS_PER_LATENT)
        steps = QUANTISER_STEPS[coded.quantisers]
        source = source_tensor(picture, *self._padded, self._device)
        with (
            network_errors(f"to judge pictures of {self._size[1]}×{self._size[0]}", self._device),
            one_thread(),
        ):
            gradient = self._gradient(latents, steps, source)
        gradient *= np.float32(step_latent(coded.frame.quantiser))
        size = np.sqrt(np.mean(np.square(gradient, dtype=np.float64)))
        return (
            gradient / np.float32(size)
            if size > 0 and np.isfinite(size)
            else np.zeros_like(gradient)
        )

    def _restored(self, coded: CodedVersion) -> np.ndarray:
        """Latents (C, h, w) as the autoencoder's decoder gets them, in units of the stream."""
        latents = coded.frame.latents
        if self._restoration is None:
            return latents.astype(np.float32)
        # in place of the frames before and after, which are not coded yet
        shown = latents if coded.prediction is None else coded.prediction.astype(np.int16)
        mask = to_positions(coded.frame.fields.modes == Mode.GENERATE, self._block)
        restored: npt.NDArray[np.float32] = self._restoration.restore_latents(
            np.stack([latents, shown, shown])[None], mask[None], coded.quantisers[None]
        )[0]
        return restored

    def _gradient(self, latents: np.ndarray, steps: np.ndarray, source: torch.Tensor) -> np.ndarray:
        """(C, h, w) float32, per scaled latent.

        A logarithm's gradient is that of its sum over the tiles, divided by the sum.
        """
        of_picture = np.zeros(len(_WEIGHTS))
        if len(self.tiles) > 1:
            with torch.no_grad():
                for tile in self.tiles:
                    of_picture += [
                        float(part)
                        for part in self._measures(tile, self._inputs(latents, steps, tile), source)
                    ]
        gradient = np.zeros_like(latents)
        for tile in self.tiles:
            z, step = self._inputs(latents, steps, tile)
            parts = self._measures(tile, (z.requires_grad_(True), step), source)
            sums = of_picture if len(self.tiles) > 1 else [float(part.detach()) for part in parts]
            loss = torch.zeros_like(parts[0])
            for weight, part, total, enough in zip(_WEIGHTS, parts, sums, _ENOUGH, strict=True):
                loss = loss + weight * part / (total + enough)
            (of_tile,) = torch.autograd.grad(loss, z)
            gradient[:, tile.outer[0], tile.outer[1]] += of_tile[0].cpu().numpy()
        return gradient

    def _inputs(
        self, latents: np.ndarray, steps: np.ndarray, tile: Tile
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = tile.outer
        z, step = latents[None, :, rows, columns], steps[None, rows, columns]
        return self._on_device(z), self._on_device(step)

    def _on_device(self, array: npt.NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _measures(
        self, tile: Tile, inputs: tuple[torch.Tensor, torch.Tensor], source: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """The tile's share of the picture's squared error, in 8-bit units, of its LPIPS, and of the
        structure it lost.
        """
        decoded, original = tile.cut(self._runtime.pictures(*inputs)), source[..., *tile.pixels()]
        share = original[0, 0].numel() / source[0, 0].numel()
        squared = squared_error_with_blocks(grey_level_error(decoded, original))[0]
        too_small = min(original.shape[2:]) < SMALLEST_SIDE
        lpips = torch.zeros_like(squared) if too_small else self._perceptual(decoded, original)[0]
        return share * squared, share * lpips, share * lost_structure(decoded, original)[0]
