"""Clips in format version 2, beside other tables for the same networks: real bytes,
through a file, its check and its decoding.

    python -m tools.bench.inter_v2 --weights FILE --clips DIR --tables FIRST OTHER...

Tables are files of either version; BD-rates of the others are against the first.  Bytes are whole
access units.
"""

from __future__ import annotations

import math
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bitstream.access_unit import AccessUnit
from bitstream.container.reader import StreamReader
from bitstream.container.writer import StreamWriter
from bitstream.formats import load_tables
from bitstream.latent_decoder import LatentDecoder
from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.picture_figures import PictureFigures
from tools.bench.results import Report
from tools.train.inter_v2 import codec_of, pictures_of
from videocodec.encoder.clip_coder import ClipCoder
from videocodec.encoder.settings import EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.ladder.curves import Curve, bd_rate
from videocodec.networks.second.autoencoder import SecondShape

_MEASURED_EVERY = 4  # frames
_TIMES = ("encoding s", "latents frames/s")


def through_a_file(units: Sequence[AccessUnit]) -> list[AccessUnit]:
    """The units as they come out of an MP4 file that they were written to."""
    header = units[0].header
    assert header is not None  # a keyframe comes first
    with TemporaryDirectory() as folder:
        path = Path(folder) / "coded.mp4"
        with StreamWriter(path, header.time_base) as writer:
            for unit in units:
                writer.write(unit.to_bytes(), unit.first_pts, sum(unit.durations))
            writer.commit()
        with StreamReader(path) as reader:
            return [AccessUnit.parse(sample.data) for sample in reader.units()]


def latents_per_second(coder: ClipCoder, units: Sequence[AccessUnit]) -> float:
    """Frames per second of processor time, keyframe included."""
    decoder, before = LatentDecoder(coder.tables), time.process_time()
    frames = sum(len(decoder.decode(unit)) for unit in units)
    return frames / (time.process_time() - before)


def measured(
    coder: ClipCoder, pictures: list[np.ndarray], crf: int, figures: PictureFigures
) -> list[float]:
    """kbit/s at 25 frames per second, the figures, and the columns ``_TIMES``."""
    height, width = pictures[0].shape[:2]
    frames, before = coder.prepared(pictures), time.process_time()
    units = coder.code(frames, (width, height), EncoderSettings(crf=crf))
    spent = time.process_time() - before
    read = through_a_file(units)
    size = sum(len(unit.to_bytes()) for unit in read)
    per_frame = [
        figures(decoded, pictures[index])
        for index, decoded in enumerate(coder.decode(read))
        if index % _MEASURED_EVERY == 0
    ]
    rate = size * 8 / len(pictures) * 25 / 1000
    return [rate, *np.mean(per_frame, axis=0).tolist(), spent, latents_per_second(coder, read)]


def deltas(
    rows: list[list[float]], reference: list[list[float]], measures: Sequence[str]
) -> list[float]:
    """BD-rate in percent by every measure; not a number where curves do not overlap."""
    out = []
    for index, measure in enumerate(measures, 1):
        sign = -1 if measure.startswith("lpips") else 1
        tested, other = (
            Curve.of((row[0], sign * row[index]) for row in points) for points in (rows, reference)
        )
        value = bd_rate(tested, other).value
        out.append(math.nan if value is None else value)
    return out


def parser() -> ArgumentParser:
    """The command line."""
    cli = bench_parser("inter_v2", __doc__)
    add_clips(cli)
    cli.add_argument("--weights", type=Path, required=True, help="safetensors of a training")
    cli.add_argument("--tables", type=Path, nargs="+", required=True, help="the first is beaten")
    cli.add_argument("--channels", type=int, default=SecondShape.channels)
    cli.add_argument("--frames", type=int, default=17)
    cli.add_argument("--crf", type=int, nargs="+", default=[32, 44, 56])
    cli.add_argument("--lpips", type=Path, help="SqueezeNet weights of LPIPS as safetensors")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    figures = PictureFigures(LpipsSqueeze(args.lpips) if args.lpips else None)
    codec, clips = codec_of(args.weights, args.channels), clip_paths(args)
    coders = {path.stem: ClipCoder(codec, load_tables(path)) for path in args.tables}
    table = Table(
        ["clip", "tables", "crf", "kbit/s", *figures.names, *_TIMES],
        ["{}", "{}", "{}", "{:.1f}", *figures.formats, "{:.1f}", "{:.0f}"],
    )
    delta = Table(
        ["clip", "tables", *figures.names, "mean"],
        ["{}", "{}", *["{:+.1f} %"] * (1 + len(figures.names))],
    )
    report, gained = Report(args, clips=clips), dict[str, list[list[float]]]()
    for clip in clips:
        pictures, rows = pictures_of(clip, args.frames), dict[str, list[list[float]]]()
        for name, coder in coders.items():
            for crf in args.crf:
                row = measured(coder, pictures, crf, figures)
                rows.setdefault(name, []).append(row)
                print(table.add(clip.stem, name, crf, *row), file=sys.stderr, flush=True)
        first, *others = coders
        for name in others:
            changes = deltas(rows[name], rows[first], figures.names)
            gained.setdefault(name, []).append(changes)
            print(
                delta.add(clip.stem, name, *changes, float(np.mean(changes))),
                file=sys.stderr,
                flush=True,
            )
    for name, all_found in gained.items():
        means = np.nanmean(all_found, axis=0).tolist()
        delta.add("mean", name, *means, float(np.mean(means)))
    report.table("figures", table, f"{args.frames} frames of every clip")
    if gained:
        report.table("BD-rate", delta, f"BD-rate against {next(iter(coders))}")
    report.save()


if __name__ == "__main__":
    main()
