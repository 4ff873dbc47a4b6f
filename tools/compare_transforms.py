"""Would inter residuals cost fewer bits as transform coefficients than as they are?  Ideal bits at
equal squared error.

    python tools/compare_transforms.py --clips DIR [--crf 26 38] [--max-frames 33] [--only NAME …]
    [--multipliers 0.71 1 1.41]
                                       [--rounding 0.35]

The encoder codes the clips; of every inter frame we keep (source latents - prediction) / step and
which positions have a coded residual.  These residuals are then quantised and coded anew, all in
the same way: as they are ("direct"), after a 2×2 Haar, 4×4 or 8×8 DCT over the latent grid
(orthonormal, in floating point: an integer approximation would do no better), after a rotation
across channels (the principal axes of the residuals of other clips), or, on whole tiles, both.
Haar is the DCT of size 2.

Quantiser: uniform with a dead zone, steps of some multiples of the encoder's.  Code: magnitude and
sign under adaptive counts. The context of a magnitude is a bucket of its expected size, a weighted
sum of magnitudes coded before: left and above in the same channel and subband, at the same place
and around it in earlier channels, lower frequencies of the same tile.  That of a sign is a bucket
of the expected value, a weighted sum of signed levels left, above and in earlier channels.  Weights
and the counts to start from are fitted for each representation, step and crf on the other half of
the clips; so is the rotation.  The code length is that of the adaptive counts, so learning them is
paid for.

Percent: bits against direct coding of the same positions, as the mean over the squared errors that
both reach, interpolated in the logarithms.  Three sets of positions:

- whole tiles: tiles of the transform's size, aligned to the grid, all of whose positions are
residual; the rest is left out on both
  sides, and the table of shares says how much that is.  This asks what a transform is worth where it fits.
- touched tiles: tiles with at least one residual position and none that is intra.  The transform
codes the whole tile, direct coding
  the residual positions alone, and the error counts all positions on both sides.  This asks what an encoder would gain that
  keeps its decisions.
- padded tiles: the same tiles, but the transform finds zeros at positions that are not residual,
and what it leaves there is
  neither counted nor shown, as a decoder that knows the modes would do.

Clips that have too few of these positions, or that have learnt from too few, get a dash and are
left out of "all".

Below the shares are two figures that depend on no coder: the correlation of residuals beside or
below each other, and what a rotation would gain at high rates if residuals were Gaussian.

What this cannot tell: the encoder's decisions (which blocks have a residual, vectors, steps) were
made for direct coding, and a codec with a transform would decide otherwise, and might choose its
transform per block; levels are not chosen by rate and distortion; contexts are a dozen weights and
not a network, which sees the prediction and the frame before too.  The row "codec" says how far off
that is: bits of the codec's own tables for all residual positions, rate-distortion optimised, at
the same squared error.  Errors are squared errors of latents, all channels alike.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bitstream.block_fields import BlockFields, Mode  # noqa: E402
from bitstream.frame_coder import FrameCoder, LatentFrame, to_positions  # noqa: E402
from bitstream.level_syntax import PassContext  # noqa: E402
from tools.markdown import table  # noqa: E402
from tools.transform_coding import (
    Sample,
    coded_bits,
    principal_axes,
    quantise,
    restore,
    transform,
)  # noqa: E402
from videocodec.encoder.group_encoder import EncoderFrame, GroupEncoder  # noqa: E402
from videocodec.encoder.motion import MotionSearch  # noqa: E402
from videocodec.encoder.pipeline import sequence_header  # noqa: E402
from videocodec.encoder.quantisation import RateDistortionQuantiser  # noqa: E402
from videocodec.encoder.settings import EncoderSettings  # noqa: E402
from videocodec.media.source import VideoSource  # noqa: E402
from videocodec.models.bundle import ModelBundle  # noqa: E402
from videocodec.models.runtime import AutoencoderRuntime  # noqa: E402

FEWEST = 4000  # coefficients below which a clip's figure would say nothing
FEWEST_TAUGHT = 40000  # the same of what weights and counts are fitted to


@dataclass
class Residuals:
    """Inter frames of one clip: targets (F, C, h, w) in steps, masks (F, h, w), and what the codec
    made of the residual positions.
    """

    targets: np.ndarray
    residual: np.ndarray
    intra: np.ndarray
    bits: float
    error: float


@dataclass
class Harvest:
    """A place for frame coders to leave what they were given."""

    targets: list[np.ndarray] = field(default_factory=list)
    residual: list[np.ndarray] = field(default_factory=list)
    intra: list[np.ndarray] = field(default_factory=list)
    bits: float = 0.0
    error: float = 0.0

    def new_coder(self, *args: object) -> FrameCoder:
        coder = HarvestingCoder(*args)
        coder.harvest = self
        return coder


class HarvestingCoder(FrameCoder):
    """A frame coder that keeps targets and masks, and what residual positions cost under the
    codec's tables.
    """

    harvest: Harvest

    def code_inter(
        self,
        io,
        quantiser: int,
        entry,
        references,
        fields: BlockFields,
        choose: RateDistortionQuantiser,
    ) -> LatentFrame:  # noqa: ANN001, D102
        target = choose._target
        residual, intra = (
            to_positions(fields.modes == mode, self.block) for mode in (Mode.RESIDUAL, Mode.INTRA)
        )
        self.harvest.targets.append(target.astype(np.float32))
        self.harvest.residual.append(residual)
        self.harvest.intra.append(intra)

        def record(part: PassContext) -> np.ndarray:
            levels = choose(part)
            counted = residual[part.rows, part.columns]
            self.harvest.bits += float(
                part.bits(levels.ravel()).reshape(levels.shape)[counted].sum()
            )
            wanted = target[part.first : part.first + part.own, part.rows, part.columns].T
            self.harvest.error += float(np.square(wanted - levels)[counted].sum())
            return levels

        return super().code_inter(io, quantiser, entry, references, fields, record)


def harvest_clip(
    path: Path, crfs: list[int], max_frames: int, bundle: ModelBundle, runtime: AutoencoderRuntime
) -> dict[int, Residuals]:
    """Residuals of a clip at every crf."""
    settings = EncoderSettings()
    with VideoSource(path, max_frames=max_frames) as source:
        header = sequence_header(source, bundle, settings)
        block = 1 << header.block_log2
        grid = (header.latent_height // block, header.latent_width // block)
        search = MotionSearch(
            block << header.latent_stride_log2, *grid, settings.effort.flow_preset
        )
        frames = []
        for frame in source:
            latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
            frames.append(EncoderFrame(latents, search.luma(frame.rgb), frame.pts, frame.duration))
    found = {}
    for crf in crfs:
        harvest = Harvest()
        encoder = GroupEncoder(
            bundle.tables, header, EncoderSettings(crf=crf), search, new_coder=harvest.new_coder
        )
        for frame in frames:
            encoder.push(frame)
        encoder.finish()
        masks = np.stack(harvest.residual), np.stack(harvest.intra)
        found[crf] = Residuals(np.stack(harvest.targets), *masks, harvest.bits, harvest.error)
    return found


def percent_at_equal_error(
    bits: Iterable[float],
    errors: Iterable[float],
    of_bits: Iterable[float],
    of_errors: Iterable[float],
) -> float:
    """Bits against ``of_bits`` in percent, the mean over the errors that both reach; not a number
    if there are none.
    """
    curves = []
    for rates, found in ((bits, errors), (of_bits, of_errors)):
        order = np.argsort(list(found))
        curves.append(
            (
                np.log(np.maximum(list(found), 1e-9))[order],
                np.log(np.maximum(list(rates), 1e-9))[order],
            )
        )
    low, high = max(c[0][0] for c in curves), min(c[0][-1] for c in curves)
    if low >= high:
        return float("nan")
    at = np.linspace(low, high, 101)
    return float(100 * np.expm1(np.mean(np.interp(at, *curves[0]) - np.interp(at, *curves[1]))))


def tile_mask(mask: np.ndarray, size: int, whole: bool) -> np.ndarray:
    """(F, h, w) → (F, h // size, w // size): tiles whose positions are all, or else any, in the
    mask.
    """
    count, height, width = mask.shape
    rows, columns = height // size, width // size
    tiles = mask[:, : rows * size, : columns * size].reshape(count, rows, size, columns, size)
    return tiles.all((2, 4)) if whole else tiles.any((2, 4))


def tiles_of(clip: Residuals, size: int, whole: bool) -> np.ndarray:
    """The tiles that are compared, (F, h // size, w // size)."""
    if whole:
        return tile_mask(clip.residual, size, whole=True)
    return tile_mask(clip.residual, size, whole=False) & ~tile_mask(clip.intra, size, whole=False)


def spread(tiles: np.ndarray, size: int) -> np.ndarray:
    """A mask of tiles as one of positions."""
    return tiles.repeat(size, 1).repeat(size, 2)


@dataclass(frozen=True)
class Trial:
    """One representation on one set of positions: that of the tiles of ``tile`` latents, "whole",
    "touched" or "padded".
    """

    size: int
    rotated: bool
    tile: int
    which: str


Curves = dict[int, tuple[list[float], list[float]]]  # clip → bits and errors by multiplier


def measure(
    clips: list[Residuals], trial: Trial, multipliers: list[float], rounding: float
) -> Curves:
    """Bits and squared errors of every clip, each coded after the other half of the clips."""
    halves = [[i for i in range(len(clips)) if i % 2 == half] for half in (0, 1)]
    curves: Curves = {i: ([], []) for i in range(len(clips))}
    for tested, taught in zip(halves, halves[::-1]):
        axes = principal_axes(
            clips[i].targets.transpose(0, 2, 3, 1)[clips[i].residual] for i in taught
        )
        values, masks, counted, left = [], [], [], []
        for clip in clips:
            tiles = tiles_of(clip, trial.tile, trial.which == "whole")
            height, width = (n * trial.tile for n in tiles.shape[1:])
            area, targets = spread(tiles, trial.tile), clip.targets[:, :, :height, :width]
            residual = area & clip.residual[:, :height, :width]
            mask, beside = tiles, 0.0
            if trial.size == 1:
                mask = residual
                if trial.which == "touched":
                    beside = float(
                        np.square(targets.transpose(0, 2, 3, 1)[area & ~residual]).sum(
                            dtype=np.float64
                        )
                    )
            elif trial.which == "padded":
                targets = targets * residual[:, None]
            if trial.rotated:
                targets = np.einsum(
                    "dc,fcyx->fdyx", axes.astype(np.float32), targets, optimize=True
                )
            values.append(transform(targets, trial.size) * mask[:, None, None])
            masks.append(mask)
            counted.append(residual if trial.which == "padded" else area)
            left.append(beside)
        for multiplier in multipliers:
            samples = [Sample(quantise(v, multiplier, rounding), m) for v, m in zip(values, masks)]
            bits = coded_bits(samples, taught, trial.size)
            for i in tested:
                error = restore(
                    values[i] - np.float32(multiplier) * samples[i].levels.astype(np.float32),
                    trial.size,
                )
                curves[i][0].append(bits[i])
                curves[i][1].append(
                    float(np.square(error).sum(1)[counted[i]].sum(dtype=np.float64)) + left[i]
                )
    return curves


def summed(curves: Curves, which: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Bits and errors of some clips together."""
    chosen = [curves[i] for i in which]
    return tuple(np.sum([c[k] for c in chosen], axis=0) for k in (0, 1))


def groups(enough: list[bool]) -> list[list[int]]:
    """The columns of a table: every clip, then all that have enough to say something."""
    return [
        *([i] if good else [] for i, good in enumerate(enough)),
        [i for i, good in enumerate(enough) if good],
    ]


def percents(curves: Curves, direct: Curves, enough: list[bool]) -> list[str]:
    """A row of the table."""
    figures = [
        percent_at_equal_error(*summed(curves, w), *summed(direct, w)) if w else np.nan
        for w in groups(enough)
    ]
    return ["–" if np.isnan(figure) else f"{figure:+.1f} %" for figure in figures]


def named(size: int, rotated: bool) -> str:
    """What a row is called."""
    parts = [
        *(["rotation"] if rotated else []),
        *([{2: "2×2 Haar"}.get(size, f"{size}×{size} DCT")] if size > 1 else []),
    ]
    return " + ".join(parts)


def report(
    names: list[str], clips: list[Residuals], crf: int, multipliers: list[float], rounding: float
) -> None:
    """The tables of one crf."""
    channels = clips[0].targets.shape[1]
    for which, tile_sizes in (("whole", (1, 2, 4, 8)), ("touched", (4, 8)), ("padded", (4, 8))):
        rows = []
        for tile in tile_sizes:
            known = [
                int(tiles_of(clip, tile, which == "whole").sum()) * tile * tile * channels
                for clip in clips
            ]
            enough = [
                n >= FEWEST and sum(known[(i + 1) % 2 :: 2]) >= FEWEST_TAUGHT
                for i, n in enumerate(known)
            ]
            direct = measure(clips, Trial(1, False, tile, which), multipliers, rounding)
            if tile == 1:
                points = {i: ([clip.bits], [clip.error]) for i, clip in enumerate(clips)}
                rows.append(["codec, for scale", *against_points(points, direct, enough)])
            for rotated in (
                (True,) if tile == 1 else (False, True) if which == "whole" else (False,)
            ):
                curves = measure(clips, Trial(tile, rotated, tile, which), multipliers, rounding)
                rows.append([named(tile, rotated), *percents(curves, direct, enough)])
        print(f"\ncrf {crf}, {which} tiles, bits against direct coding at equal squared error\n")
        table(["", *names, "all"], rows)
    print(
        f"\ncrf {crf}, share of the residual positions in the tiles compared, and residual"
        " positions per touched position\n"
    )
    rows = []
    for tile in (2, 4, 8):
        for whole in (True, False):
            held = [
                int((spread(t, tile) & cut(c.residual, t, tile)).sum())
                for c in clips
                for t in [tiles_of(c, tile, whole)]
            ]
            area = [int(tiles_of(c, tile, whole).sum()) * tile * tile for c in clips]
            below = area if not whole else [int(c.residual.sum()) for c in clips]
            what = "share in whole tiles" if whole else "residual per touched position"
            figures = [
                f"{100 * h / max(b, 1):.0f} %"
                for h, b in zip([*held, sum(held)], [*below, sum(below)])
            ]
            rows.append([f"{tile}×{tile}, {what}", *figures])
    counts = [int(c.residual.sum()) for c in clips]
    rows.append(["residual positions", *counts, sum(counts)])
    parts = [*([clip] for clip in clips), clips]
    rows.append(
        ["correlation of neighbours", *(f"{neighbour_correlation(part):.2f}" for part in parts)]
    )
    rows.append(
        ["coding gain of a rotation, bits", *(f"{rotation_gain(part):.2f}" for part in parts)]
    )
    table(["", *names, "all"], rows)


def cut(mask: np.ndarray, tiles: np.ndarray, size: int) -> np.ndarray:
    """The part of a mask of positions that whole tiles cover."""
    return mask[:, : tiles.shape[1] * size, : tiles.shape[2] * size]


def against_points(points: Curves, direct: Curves, enough: list[bool]) -> list[str]:
    """Bits of single points against a curve at their errors, nothing outside it."""
    row = []
    for which in groups(enough):
        figure = np.nan
        if which:
            ((bits,), (error,)), (rates, errors) = summed(points, which), summed(direct, which)
            if errors.min() <= error <= errors.max():
                order = np.argsort(errors)
                figure = bits / np.exp(
                    np.interp(np.log(error), np.log(errors[order]), np.log(rates[order]))
                )
        row.append("–" if np.isnan(figure) else f"{100 * (figure - 1):+.1f} %")
    return row


def neighbour_correlation(clips: list[Residuals]) -> float:
    """Correlation of residuals beside or below each other, all channels."""
    product = energy = 0.0
    for clip in clips:
        values, mask = clip.targets.transpose(0, 2, 3, 1), clip.residual
        for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :, 1:], np.s_[:, :, :-1])):
            both = mask[one] & mask[other]
            a, b = values[one][both].astype(np.float64), values[other][both].astype(np.float64)
            product, energy = product + (a * b).sum(), energy + (a * a + b * b).sum() / 2
    return product / max(energy, 1e-9)


def rotation_gain(clips: list[Residuals]) -> float:
    """Bits per level that rotating to the axes of these very clips would save at high rates, were
    the residuals Gaussian.
    """
    samples = np.concatenate([c.targets.transpose(0, 2, 3, 1)[c.residual] for c in clips]).astype(
        np.float64
    )
    moment = samples.T @ samples / max(len(samples), 1) + 1e-6 * np.eye(samples.shape[1])
    return float((np.log2(np.diag(moment)) - np.log2(np.linalg.eigvalsh(moment))).mean() / 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[26, 38])
    parser.add_argument("--max-frames", type=int, default=33)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--multipliers", type=float, nargs="+", default=[0.71, 1.0, 1.41])
    parser.add_argument(
        "--rounding", type=float, default=0.35, help="0.5 rounds to the nearest level"
    )
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    paths = sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    )
    if len(paths) < 2:
        parser.error("two clips are needed at least: each is coded after what others taught")
    torch.set_num_threads(args.threads)
    bundle = ModelBundle.find("embedded")
    runtime = AutoencoderRuntime(bundle, "cpu", args.threads)
    found = {}
    for path in paths:
        found[path.stem] = harvest_clip(path, args.crf, args.max_frames, bundle, runtime)
        print(f"{path.stem} coded", file=sys.stderr, flush=True)
    for crf in args.crf:
        report(
            list(found), [one[crf] for one in found.values()], crf, args.multipliers, args.rounding
        )


if __name__ == "__main__":
    main()
