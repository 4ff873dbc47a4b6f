"""Aims of the encoder's own, without weights from outside: squared error of luma and colour, and
structure.

What is coded is compared with the source as a picture, and the error's gradient says which latents
the picture wants.  Where many latents are rounded to nothing a plain descent adds up steps that
never show; so the aim goes a part of the way to where Newton's method would put the coded values,
with the curvature of each channel for all of its positions.  That is estimated by random
projections of the decoder's derivative (Hutchinson 1990): the mean square of what random signs in
the picture make in the latents is the diagonal of JᵀJ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent

from ..decoded import QUANTISER_STEPS
from ..judges.structure_scales import LUMA
from .aiming import CodedVersion, Look
from .crew import ALONE, Crew
from .float_decoder import DecoderWithGradient, Plane
from .picture_losses import GREY_LEVELS, Loss
from .picture_tiles import Tile, tiles_of
from .settings import Tune

_SHARE = 0.15  # of the way that a round goes; 0.3 swings, since neighbours move as well
_PROBE = 0.3  # deviation of the noise that structure is measured with, in steps
_TINY = 1e-30
_SHARED_FROM = (
    32  # latents a side: the margins of two tiles take more than they gain in smaller ones
)
# Small pictures say little with one random projection.
_ENOUGH_POSITIONS, _MOST_PROJECTIONS = 1000, 8
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
# Colour differences of red, green and blue, BT.601.
_COLOUR = ((-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))


class TunedJudge:
    """A ``PictureJudge`` for one of the tunes with weights above, on one chunk: curvatures are
    those of its first frame with a quantiser.
    """

    def __init__(
        self,
        decoder: DecoderWithGradient,
        header: SequenceHeader,
        tune: Tune,
        largest_tile: int,
        lagrangian: float,
        crew: Crew = ALONE,
    ) -> None:
        """largest_tile: positions a side; lagrangian: that of ``EncoderSettings``; crew: threads
        that share tiles.  Raises ``KeyError`` for tunes that are not its own.
        """
        self._decoder, weights, self._crew = decoder, _WEIGHTS[tune], crew
        self._lagrangian = lagrangian
        self._tiles = tiles_of(
            header.latent_height, header.latent_width, largest_tile, _SHARED_FROM
        )
        self._padded = header.padded_height, header.padded_width
        metric = weights.rgb * np.eye(3) + weights.luma * np.outer(LUMA, LUMA)
        metric += weights.colour * sum(np.outer(row, row) for row in _COLOUR)
        self._loss = Loss(metric.astype(np.float32), weights.structure)
        self._root = np.linalg.cholesky(metric).astype(np.float32)
        self._curvatures: dict[int, Plane] = {}

    def look(self, aim: np.ndarray, coded: CodedVersion, picture: np.ndarray, rounds: int) -> Look:
        """As the protocol says.  A bit costs what it costs in decisions: ``lagrangian`` of a
        squared step, in the channel of median curvature.

        A picture that does not depend on the latents, or is none, wants nothing.
        """
        latents, steps, source = self._seen(coded, picture)
        curvature = self._curvature(latents, steps, coded.frame.quantiser)

        def seen(tile: Tile) -> tuple[float, Plane]:
            decoded, back = self._decoder(latents[:, *tile.outer], steps[tile.outer])
            of_tile, by_pixel = self._loss(tile.cut(decoded), source[:, *tile.pixels()])
            around = np.zeros_like(decoded)
            tile.cut(around)[:] = by_pixel
            return of_tile, back(around)

        gradient, lost = np.zeros_like(latents), 0.0
        found = self._crew.map(seen, self._tiles)
        for tile, (of_tile, by_latent) in zip(self._tiles, found, strict=True):
            gradient[:, *tile.outer] += by_latent
            lost += of_tile
        if not (np.isfinite(lost) and np.isfinite(gradient).all() and (curvature > 0).all()):
            return Look(aim)
        wanted = latents - gradient / (2 * curvature)
        cost = lost + self._price(coded, curvature)
        return Look(aim + np.float32(_SHARE) * (wanted - aim) * coded.sent, cost)

    def cost(self, coded: CodedVersion, picture: np.ndarray) -> float | None:
        """As the protocol says."""
        latents, steps, source = self._seen(coded, picture)
        curvature = self._curvature(latents, steps, coded.frame.quantiser)

        def seen(tile: Tile) -> float:
            decoded = self._decoder(latents[:, *tile.outer], steps[tile.outer])[0]
            return self._loss(tile.cut(decoded), source[:, *tile.pixels()])[0]

        lost = sum(self._crew.map(seen, self._tiles))
        return lost + self._price(coded, curvature) if np.isfinite(lost) else None

    def _seen(self, coded: CodedVersion, picture: np.ndarray) -> tuple[Plane, Plane, Plane]:
        """Latents and steps of a coded frame, and its source (3, H, W) in [-1, 1], padded."""
        latents = coded.frame.latents.astype(np.float32) / np.float32(UNITS_PER_LATENT)
        missing = (whole - side for whole, side in zip(self._padded, picture.shape, strict=False))
        padded = np.pad(picture, (*((0, side) for side in missing), (0, 0)), mode="edge")
        source = padded.transpose(2, 0, 1).astype(np.float32) / GREY_LEVELS - 1
        return latents, QUANTISER_STEPS[coded.quantisers].astype(np.float32), source

    def _price(self, coded: CodedVersion, curvature: Plane) -> float:
        """Of a frame's bits."""
        frame = coded.frame
        bit = self._lagrangian * step_latent(frame.quantiser) ** 2 * float(np.median(curvature))
        return bit * (frame.level_bits + frame.block_bits)

    def _curvature(self, latents: Plane, steps: Plane, quantiser: int) -> Plane:
        """(C, 1, 1): what is lost with a square of a scaled latent, of the first tile."""
        if quantiser not in self._curvatures:
            outer = self._tiles[0].outer
            z, step = latents[:, *outer], steps[outer]
            decoded, found = self._projected(z, step)
            found = np.maximum(found, _LEAST_CURVATURE * np.median(found))
            deviations = 1 / np.maximum(found, _TINY) ** 0.5
            found *= self._structure_share(decoded, z, step, deviations)
            self._curvatures[quantiser] = found.astype(np.float32)[:, None, None]
        return self._curvatures[quantiser]

    def _projected(self, z: Plane, step: Plane) -> tuple[Plane, npt.NDArray[np.float64]]:
        """The picture, and the curvature of squared error, (C,)."""
        decoded, back = self._decoder(z, step)
        random, positions = np.random.default_rng(0), z.shape[1] * z.shape[2]
        count = min(_MOST_PROJECTIONS, -(-_ENOUGH_POSITIONS // positions))
        found = np.zeros(len(z))
        for _ in range(count):
            signs = random.integers(0, 2, decoded.shape).astype(np.float32) * 2 - 1
            projection = np.tensordot(self._root, signs, 1) * GREY_LEVELS
            found += np.square(back(projection).astype(np.float64)).sum((1, 2))
        return decoded, found / (count * positions)

    def _structure_share(
        self, decoded: Plane, z: Plane, step: Plane, deviations: npt.NDArray[np.float64]
    ) -> float:
        """By how much structure raises what noise costs; deviations (C,): of the noise, in
        proportion.
        """
        if not self._loss.structure:
            return 1.0
        size = (_PROBE * deviations / deviations.mean()).astype(np.float32)
        noise = np.random.default_rng(1).standard_normal(z.shape, np.float32) * size[:, None, None]
        after = self._decoder(z + step * noise, step)[0]
        squared = replace(self._loss, structure=0.0)(after, decoded)[0]
        return self._loss(after, decoded)[0] / squared if squared > 0 else 1.0
