"""What each tool of inter coding is worth: bytes at equal lpips-squeeze and equal PSNR with and
without it.

    python -m tools.bench.inter --clips DIR --lpips FILE [--crf 26 35 44 53] [--max-frames 65]
        [--only NAME …] [--jobs 2] [--results]

First the tools are added one after another, from a past-only coder with the median of a flow for
vectors, a threshold for modes and one quantiser for all frames, up to the whole encoder; then some
are taken out of the whole encoder.  Bytes are whole access units, keyframes included, summed over
the clips; lpips-squeeze and PSNR (RGB) are those of every fifth frame, which over 80 frames meets
every temporal layer of a group, as means over the clips of the means of their frames.  BD-rate is
Bjøntegaard's over these sums (Akima).  The last table says where the bytes of inter frames go.
Latents are encoded once per clip; a process codes one clip.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.access_unit import AccessUnit
from bitstream.latent_decoder import LatentDecoder
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.tables import BLOCK_TABLES
from tools.bench.inter_coders import Coder, code, coders
from tools.bench.markdown import Cell, Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import quality
from tools.bench.results import Report
from videocodec.decoded import QUANTISER_STEPS, QuantiserMaps
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime

MEASURED_EVERY = 5  # frames
PERCENT = "{:+.1f} %"
_FIGURES = ("lpips", "PSNR")
PARTS = (*BLOCK_TABLES, "residual levels")


@dataclass(frozen=True)
class Coded:
    """A clip by one coder at one crf: bytes of all access units, mean PSNR in dB and lpips, and
    bytes of inter frames by what they say.
    """

    size: float
    psnr: float
    lpips: float
    spent: dict[str, float]


ByCoder = dict[tuple[str, int], Coded]  # of one clip, by the coder's name and crf


def latents_of(
    path: Path, max_frames: int, runtime: AutoencoderRuntime
) -> tuple[SequenceHeader, list[EncoderFrame], list[np.ndarray]]:
    """A clip's header, its frames ready to be coded, and its pictures."""
    with VideoSource(path, max_frames=max_frames) as source:
        header = sequence_header(source, runtime.bundle, EncoderSettings())
        search = MotionSearch.for_header(header, flow_preset=0)
        clip, pictures = [], []
        for frame in source:
            latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
            clip.append(EncoderFrame(latents, search.luma(frame.rgb), frame.pts, frame.duration))
            pictures.append(frame.rgb)
    return header, clip, pictures


def distortion(
    units: Sequence[AccessUnit],
    header: SequenceHeader,
    pictures: Sequence[np.ndarray],
    runtime: AutoencoderRuntime,
    perceptual: LpipsSqueeze,
) -> tuple[float, float]:
    """Mean PSNR and lpips of every fifth frame."""
    decoder, maps = LatentDecoder(runtime.bundle.tables), QuantiserMaps(header.block_latents)
    index, figures = 0, []
    for unit in units:
        frames = decoder.decode(unit)
        for frame, quantisers in zip(frames, maps.of(unit, frames), strict=True):
            if index % MEASURED_EVERY == 0:
                steps = QUANTISER_STEPS[quantisers][None]
                picture = runtime.decode(frame.latents[None], steps, header.height, header.width)[0]
                figures.append(quality(picture, pictures[index], perceptual))
            index += 1
    psnr, lpips = np.mean(figures, axis=0)
    return float(psnr), float(lpips)


def measure_clip(
    path: Path, max_frames: int, chosen: list[Coder], crfs: list[int], lpips: Path
) -> ByCoder:
    """One clip by every coder at every crf."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    bundle = ModelBundle.find("embedded")
    runtime, perceptual = AutoencoderRuntime(bundle, "cpu", 1), LpipsSqueeze(lpips)
    header, clip, pictures = latents_of(path, max_frames, runtime)
    results = {}
    for coder in chosen:
        for crf in crfs:
            units, spent = code(clip, header, bundle, coder, crf)
            figures = distortion(units, header, pictures, runtime, perceptual)
            size = spent["inter"] + spent["keyframes"]
            results[coder.name, crf] = Coded(size, *figures, spent)
    print(f"{path.stem} done", file=sys.stderr, flush=True)
    return results


def curves(
    results: Mapping[str, ByCoder], coder: Coder, crfs: Sequence[int]
) -> tuple[Curve, Curve]:
    """Bytes of all clips against their mean lpips, and against their mean PSNR."""
    by_lpips, by_psnr = [], []
    for crf in crfs:
        row = [clip[coder.name, crf] for clip in results.values()]
        size = sum(coded.size for coded in row)
        by_lpips.append((size, -float(np.mean([coded.lpips for coded in row]))))
        by_psnr.append((size, float(np.mean([coded.psnr for coded in row]))))
    return Curve.of(by_lpips), Curve.of(by_psnr)


def deltas(tested: tuple[Curve, Curve], reference: tuple[Curve, Curve]) -> list[Cell]:
    """BD-rates by lpips and by PSNR, in percent, or why there is none."""
    rows = [
        bd_rate(tested_curve, other) for tested_curve, other in zip(tested, reference, strict=True)
    ]
    return [delta.reason if delta.value is None else delta.value for delta in rows]


def added_one_by_one(
    results: Mapping[str, ByCoder], added: Sequence[Coder], crfs: Sequence[int]
) -> Table:
    """BD-rate of every row against the first and against the one before."""
    heads = [f"{figure}, against {row}" for row in ("first", "row before") for figure in _FIGURES]
    table = Table(["tool", *heads], ["{}", *[PERCENT] * 4])
    first = before = curves(results, added[0], crfs)
    for coder in added:
        now = curves(results, coder, crfs)
        table.add(coder.name, *deltas(now, first), *deltas(now, before))
        before = now
    return table


def shares(results: Mapping[str, ByCoder], coder: Coder, crfs: Sequence[int]) -> Table:
    """Where the bytes of inter frames go, in percent."""
    heads = [*PARTS, "intra levels, escapes, headers", "motion and modes"]
    table = Table(["crf", "bytes inter", *heads], ["{}", "{:.0f}", *["{:.1f} %"] * len(heads)])
    for crf in crfs:
        spent = [clip[coder.name, crf].spent for clip in results.values()]
        inter = sum(one["inter"] for one in spent)
        parts = [100 * sum(one.get(part, 0.0) for one in spent) / inter for part in PARTS]
        table.add(crf, inter, *parts, 100 - sum(parts), sum(parts[: len(BLOCK_TABLES)]))
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("inter", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--crf", type=int, nargs="+", default=[26, 35, 44, 53])
    cli.add_argument("--max-frames", type=int, default=65)
    cli.add_argument("--jobs", type=int, default=2)
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    added, without = coders()
    paths = clip_paths(args)
    report = Report(args, models=[ModelBundle.find("embedded")], clips=paths)
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        shared = args.max_frames, added + without, args.crf, args.lpips
        jobs = {path.stem: pool.submit(measure_clip, path, *shared) for path in paths}
        results = {name: job.result() for name, job in jobs.items()}
    report.table(
        "added",
        added_one_by_one(results, added, args.crf),
        "Tools added one by one, BD-rate against the first row and against the row before",
    )
    whole = curves(results, added[-1], args.crf)
    table = Table(["coder", *_FIGURES], ["{}", PERCENT, PERCENT])
    for coder in without:
        table.add(coder.name, *deltas(curves(results, coder, args.crf), whole))
    report.table("without", table, "Tools taken out of the whole encoder, BD-rate against it")
    table = Table(["clip", *_FIGURES], ["{}", PERCENT, PERCENT])
    for name, clip in results.items():
        last, first = (curves({name: clip}, added[place], args.crf) for place in (-1, 0))
        table.add(name, *deltas(last, first))
    report.table("clips", table, "The whole encoder against the first row, clip by clip")
    table = shares(results, added[-1], args.crf)
    report.table("shares", table, "Where the bytes of inter frames go, whole encoder, all clips")
    report.save()


if __name__ == "__main__":
    main()
