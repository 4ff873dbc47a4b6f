"""What bounds inter frames of format version 2: motion compensation of latents beside that of
pictures, which networks in the loop would make possible.

    python -m tools.bench.motion_bounds --clips DIR --weights FILE --filters FILE [--crf 44]

Frame 0 of every clip is the reference: its latents rounded at the crf's step.  A later frame's
latents are predicted from it by every predictor, and the table has the squared error, in squared
steps per position (mean over the latents' positions, sum over channels).  "networks" predictors
decode the reference, move its pixels, and encode what comes out, as format version 2 does since it
was measured.  ``--filters`` are of the same weights; the bundle ``second`` had some until commit
9c4c727.  Vectors are found by the least absolute difference of luma between the sources, up to 15
px, then in quarters; their bits are not counted.  Pixels between pixels are cubic.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.prediction import ReferenceFrame
from bitstream.v1.quantiser import CRF_OFFSET, UNITS_PER_LATENT, clamp_latents, step_latent
from bitstream.v1.tables import read_tensors
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report
from tools.train.inter_v2 import codec_of, pictures_of
from videocodec.encoder.conditional_quantiser import DEAD_ZONE
from videocodec.networks.second.codec import SecondCodec

_REACH = 15  # px
_LATENT = 8  # px a side
_SIDE = 16  # px that sides of pictures are multiples of
_WHITE = 127.5  # grey levels to either side of 0
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of RGB, BT.601
PREDICTORS = (
    "nothing",
    "same place",
    "filters, 16 px",
    "filters, 8 px",
    "networks, 16 px",
    "networks, quarters, 16 px",
    "networks, 8 px",
    "networks, quarters, 8 px",
    "networks, overlapped, 16 px",
    "networks, overlapped, 8 px",
)
_TODAY = PREDICTORS.index("filters, 16 px")
Picture = npt.NDArray[np.float32]


def vectors_of(source: Picture, reference: Picture, block: int, quarters: bool) -> np.ndarray:
    """Vectors (bh, bw, 2) float32 in px as (dy, dx) of blocks of luma (H, W)."""
    height, width = source.shape
    best = np.full((height // block, width // block), np.inf)
    vectors = np.zeros((*best.shape, 2), dtype=np.float32)

    def consider(offset: tuple[float, float], base: npt.NDArray[np.float32]) -> None:
        shift = np.array(offset, dtype=np.float32)
        moved = moved_by(reference, base + shift, block)
        size = height // block, block, width // block, block
        cost = np.abs(source - moved).reshape(size).sum((1, 3))
        better = cost < best
        best[better] = cost[better]
        vectors[better] = (base + shift)[better]

    whole = sorted(
        ((y, x) for y in range(-_REACH, _REACH + 1) for x in range(-_REACH, _REACH + 1)),
        key=lambda offset: abs(offset[0]) + abs(offset[1]),  # of equals the shortest
    )
    for offset in whole:
        consider(offset, np.zeros_like(vectors))
    if quarters:
        base = vectors.copy()
        for step in range(49):
            consider(((step // 7 - 3) / 4, (step % 7 - 3) / 4), base)
    return vectors


def moved_by(picture: Picture, vectors: np.ndarray, block: int) -> Picture:
    """Motion compensation of (H, W) or (H, W, 3); edges repeat."""
    rows, columns = np.indices(picture.shape[:2], dtype=np.float32)
    dy, dx = np.kron(vectors.transpose(2, 0, 1), np.ones((1, block, block), np.float32))
    way = cv2.INTER_NEAREST if (vectors == np.rint(vectors)).all() else cv2.INTER_CUBIC
    moved = cv2.remap(picture, columns + dx, rows + dy, way, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.float32)


def overlapped(picture: Picture, vectors: np.ndarray, block: int) -> Picture:
    """The same in overlapped blocks, bilinear windows of twice the side (as in H.263, annex F)."""
    height, width = picture.shape[:2]
    distance = (np.arange(block) + 0.5) / block - 0.5  # from a block's middle
    total = np.zeros_like(picture)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            padded = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
            of_neighbour = padded[1 + down :, 1 + across :][: len(vectors), : vectors.shape[1]]
            weights = np.outer(
                *(np.maximum(0, 1 - np.abs(distance - direction)) for direction in (down, across))
            )
            tiled = np.tile(weights.astype(np.float32), (height // block, width // block))
            moved = moved_by(picture, of_neighbour, block)
            total += moved * (tiled[..., None] if picture.ndim == 3 else tiled)
    return total


class Bounds:
    """Predictions of latents by networks and phase filters, at one quantiser.

    Latents are (C, h, w) float in steps, pictures RGB (H, W, 3) float, 0..255.
    """

    def __init__(self, codec: SecondCodec, filters: np.ndarray, quantiser: int) -> None:
        self._codec, self._filters, self._step = codec, filters, step_latent(quantiser)

    @torch.inference_mode()
    def encoded(self, picture: Picture) -> np.ndarray:
        """Latents of a picture."""
        pictures = torch.from_numpy(picture).permute(2, 0, 1)[None] / _WHITE - 1
        latents: np.ndarray = self._codec.encoder(pictures)[0].numpy() / self._step
        return latents

    @torch.inference_mode()
    def decoded(self, latents: np.ndarray) -> Picture:
        """The picture of latents, not rounded."""
        scaled = torch.from_numpy((latents * self._step).astype(np.float32))[None]
        picture = self._codec.decoder(scaled, torch.log2(torch.tensor([self._step])))[0]
        grey: Picture = ((picture + 1) * _WHITE).permute(1, 2, 0).contiguous().numpy()
        return grey

    def filtered(self, latents: np.ndarray, vectors: np.ndarray, block: int) -> np.ndarray:
        """Moved by phase filters, whole pixels."""
        unit = self._step * UNITS_PER_LATENT
        frame = ReferenceFrame(clamp_latents(np.rint(latents * unit)))
        side = block // _LATENT
        by_position = vectors.repeat(side, axis=0).repeat(side, axis=1).astype(np.int64)
        rows, columns = (one.ravel() for one in np.indices(latents.shape[1:]))
        predicted = frame.predict(self._filters, rows, columns, by_position.reshape(-1, 2))
        return predicted.T.reshape(latents.shape) / unit

    def errors(self, picture: Picture, reference: Picture) -> list[float]:
        """Squared error per position by every one of ``PREDICTORS``."""
        target, sharp = self.encoded(picture), self.encoded(reference)
        sent = np.sign(sharp) * np.floor(np.abs(sharp) + 0.5 - DEAD_ZONE)
        decoded, source, before = self.decoded(sent), picture @ _LUMA, reference @ _LUMA
        predictions = [np.zeros_like(sent), sent]
        vectors = {
            (block, quarters): vectors_of(source, before, block, quarters)
            for block in (16, 8)
            for quarters in (False, True)
        }
        predictions += [self.filtered(sent, vectors[block, False], block) for block in (16, 8)]
        for (block, _), field in vectors.items():
            predictions.append(self.encoded(moved_by(decoded, field, block)))
        for block in (16, 8):
            predictions.append(self.encoded(overlapped(decoded, vectors[block, True], block)))
        return [float(np.square(target - one).sum(0).mean()) for one in predictions]


def parser() -> ArgumentParser:
    """The command line."""
    cli = bench_parser("motion_bounds", __doc__)
    add_clips(cli)
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--filters", type=Path, required=True, help="tables with phase filters")
    cli.add_argument("--crf", type=int, default=44, help="of the reference")
    cli.add_argument("--distance", type=int, nargs="+", default=[1, 4], help="in frames")
    cli.add_argument("--side", type=int, default=352, help="px of a clip's middle, at most")
    return cli


def middle(picture: np.ndarray, most: int) -> Picture:
    """The middle of a picture, sides multiples of 16, as float32."""
    sides = [min(side, most) // _SIDE * _SIDE for side in picture.shape[:2]]
    top, left = ((side - kept) // 2 for side, kept in zip(picture.shape[:2], sides, strict=True))
    return picture[top : top + sides[0], left : left + sides[1]].astype(np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    clips, filters = clip_paths(args), read_tensors(args.filters).get("phase_filters")
    if filters is None:
        raise SystemExit(f"{args.filters}: no phase_filters in it")
    codec = codec_of(args.weights, filters.shape[-1])
    bounds = Bounds(codec, filters.astype(np.float64), args.crf + CRF_OFFSET)
    table = Table(["clip", "distance", *PREDICTORS], ["{}", "{}", *["{:.2f}"] * len(PREDICTORS)])
    ratios = []
    for clip in clips:
        pictures = [middle(one, args.side) for one in pictures_of(clip, max(args.distance) + 1)]
        for distance in args.distance:
            if distance >= len(pictures):
                continue
            by_bound = bounds.errors(pictures[distance], pictures[0])
            ratios.append(np.log(by_bound) - np.log(by_bound[_TODAY]))
            print(table.add(clip.stem, distance, *by_bound), file=sys.stderr, flush=True)
    ratio = np.exp(np.mean(ratios, axis=0)).tolist()
    table.add("geometric mean", "ratio", *ratio)
    report = Report(args, clips=clips)
    report.table("errors", table, f"Squared error of predictions in squared steps, crf {args.crf}")
    report.save()


if __name__ == "__main__":
    main()
