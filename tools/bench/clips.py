"""Whole clips through encode, verify and decode: contracts checked, bytes and distortion printed as
a table.

    python -m tools.bench.clips --clips DIR --lpips FILE [--crf 20 32 44] [--max-frames N]
        [--only NAME …] [--results]

For every clip and crf, through files as a user would: frame count, size, timestamps and sound of
the decoded mp4 against the source; ``verify``; bytes, kbit/s, bytes of a keyframe and of an inter
frame; PSNR and lpips-squeeze (every sixth frame); frames per second of both directions.  Ends with
exit status 1 if a contract is broken: wrong count, size, timestamps or sound, a failed verify, or
bytes that do not fall and distortion that does not rise with crf.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import torch

import videocodec
from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from tools.bench.markdown import Cell, Table
from tools.bench.options import add_clips, add_lpips, bench_parser, clip_paths, parse
from tools.bench.quality import psnr, quality
from tools.bench.results import Report
from videocodec.decoder.frames import decode_frames
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle

THREADS = 2
LPIPS_EVERY = 6  # frames
COLUMNS = {
    "clip": "{}",
    "crf": "{}",
    "frames": "{}",
    "kbit/s": "{:.1f}",
    "keyframes": "{}",
    "bytes keyframe": "{:.0f}",
    "bytes inter": "{:.0f}",
    "inter / key": "{:.1f} %",
    "PSNR dB": "{:.2f}",
    "lpips-squeeze": "{:.3f}",
    "encode fps": "{:.1f}",
    "decode fps": "{:.1f}",
}


def timestamps(path: Path, limit: int | None) -> tuple[list[float], tuple[int, int]]:
    """Presentation times of the video frames in seconds, and width and height."""
    with VideoSource(path, max_frames=limit) as source:
        times = [float(frame.pts * source.time_base) for frame in source]
        return times, (source.width, source.height)


def sound(path: Path) -> list[tuple[bytes, float]]:
    """Every audio packet with its time in seconds."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [
            (bytes(p), round(float(p.pts * p.time_base), 6))
            for p in container.demux(container.streams.audio[0])
            if p.size and p.pts is not None
        ]


def frame_bytes(path: Path) -> tuple[float, float]:
    """Mean bytes of a keyframe and of an inter frame."""
    keyframes, inter, inter_frames = [], 0, 0
    for sample in StreamReader(path).units():
        unit = AccessUnit.parse(sample.data)
        if unit.is_keyframe:
            keyframes.append(len(sample.data))
        else:
            inter, inter_frames = inter + len(sample.data), inter_frames + unit.frame_count
    return float(np.mean(keyframes)), inter / max(1, inter_frames)


def distortion(
    path: Path, coded: Path, limit: int | None, perceptual: LpipsSqueeze
) -> tuple[float, float]:
    """Mean PSNR of all frames and lpips-squeeze of every sixth."""
    decibels, distances = [], []
    with VideoSource(path, max_frames=limit) as source:
        decoded = decode_frames(coded, device="cpu", threads=THREADS)
        for original, frame in zip(source, decoded, strict=False):
            picture = frame.data.transpose(1, 2, 0)
            if frame.index % LPIPS_EVERY == 0:
                decibel, distance = quality(picture, original.rgb, perceptual)
                decibels.append(decibel)
                distances.append(distance)
            else:
                decibels.append(psnr(picture, original.rgb))
    return float(np.mean(decibels)), float(np.mean(distances))


def broken_contracts(
    path: Path, coded: Path, decoded: Path, limit: int | None, frames: int
) -> list[str]:
    """What differs between the source and what was decoded of it.  frames: those that ``verify``
    found in the coded file.
    """
    differences = []
    times, size = timestamps(path, limit)
    out_times, out_size = timestamps(decoded, None)
    if len(out_times) != len(times) or frames != len(times):
        differences.append(f"{len(out_times)} frames instead of {len(times)}")
    elif max(abs(a - b) for a, b in zip(out_times, times, strict=True)) > 1e-6:
        differences.append("timestamps differ")
    if out_size != size:
        differences.append(f"size {out_size} instead of {size}")
    if limit is None and not sound(path) == sound(coded) == sound(decoded):
        differences.append("sound differs")
    return differences


def measure(
    path: Path, crf: int, limit: int | None, perceptual: LpipsSqueeze, folder: Path
) -> tuple[list[Cell], tuple[int, float, float], list[str]]:
    """The row of a clip at a crf; its bytes, PSNR and lpips; and what is wrong with it."""
    coded, decoded = folder / f"{crf}.mp4", folder / f"{crf}.decoded.mp4"
    report = videocodec.encode(
        path, coded, crf=crf, max_frames=limit, device="cpu", threads=THREADS, model="embedded"
    )
    checked = videocodec.verify(coded)
    back = videocodec.decode(coded, decoded, device="cpu", threads=THREADS)
    wrong = [*checked.problems, *broken_contracts(path, coded, decoded, limit, checked.frames)]
    key, inter = frame_bytes(coded)
    decibel, distance = distortion(path, coded, limit, perceptual)
    row: list[Cell] = [path.stem, crf, report.frames]
    row += [report.video_bitrate_bps / 1000, report.keyframes]
    row += [key, inter, 100 * inter / key, decibel, distance]
    row += [report.frames / report.encode_seconds, back.frames / back.decode_seconds]
    return (
        row,
        (report.video_bytes, decibel, distance),
        [f"{path.stem} crf {crf}: {one}" for one in wrong],
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("clips", __doc__)
    add_clips(cli)
    add_lpips(cli)
    cli.add_argument("--crf", type=int, nargs="+", default=[20, 32, 44])
    cli.add_argument("--max-frames", type=int)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    torch.set_num_threads(THREADS)
    perceptual = LpipsSqueeze(args.lpips)
    paths, broken = clip_paths(args), []
    report = Report(args, models=[ModelBundle.find("embedded")], clips=paths)
    table = Table(list(COLUMNS), list(COLUMNS.values()))
    for path in paths:
        points = []
        with tempfile.TemporaryDirectory() as folder:
            for crf in args.crf:
                row, point, wrong = measure(path, crf, args.max_frames, perceptual, Path(folder))
                print(table.add(*row), file=sys.stderr, flush=True)
                points.append(point)
                broken += wrong
        for finer, coarser in pairwise(points):
            if not (finer[0] > coarser[0] and finer[1] > coarser[1] and finer[2] < coarser[2]):
                broken.append(
                    f"{path.stem}: bytes or distortion not monotonic in crf: {finer} then {coarser}"
                )
    report.table("clips", table)
    report.note("\n".join(broken) if broken else "All contracts hold.")
    report.save()
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
