"""Rate control and parallel encoding through files, as a user would: bitrates hit, the gain of a
second process.

    python -m tools.bench.rate --clips DIR [--bitrate 10000 20000 40000 80000] [--max-frames N]
    [--only NAME …]
    python -m tools.bench.rate --jobs 2 [--seconds 60] [--size 512 288]

The first form encodes every clip at every bitrate (bits per second) and prints by how much the
video bytes miss the target, or what the encoder says where crf 0 to 63 cannot reach it; exit status
1 if a target within reach is missed by more than 3 %.  The second encodes the moving texture of
bench_speed.py with one process and with N, and compares bytes and time; exit status 1 if the bytes
differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import videocodec
from tools.bench.speed import make_clip

ALLOWED = 3.0  # percent


def rates(clips: list[Path], bitrates: list[int], max_frames: int | None) -> bool:
    """Whether all targets within reach were hit."""
    print(
        f"| clip | {' | '.join(f'{rate / 1000:g} kbit/s' for rate in bitrates)}"
        f" |\n|{'---|' * (len(bitrates) + 1)}"
    )
    hit = True
    for clip in clips:
        row = [clip.stem]
        for rate in bitrates:
            with tempfile.TemporaryDirectory() as folder:
                report = videocodec.encode(
                    clip,
                    Path(folder) / "coded.mp4",
                    bitrate=rate,
                    max_frames=max_frames,
                    device="cpu",
                )
            miss = 100 * (report.video_bitrate_bps / rate - 1)
            if report.warnings:
                row.append(
                    f"out of reach: {report.video_bitrate_bps / 1000:.1f} at crf {report.crf:g}"
                )
            else:
                row.append(f"{miss:+.2f} % (crf {report.crf:.1f}, {report.passes} passes)")
                hit &= abs(miss) <= ALLOWED
        print(f"| {' | '.join(row)} |", flush=True)
    return hit


def parallel(jobs: int, seconds: int, size: tuple[int, int]) -> bool:
    """Whether the bytes agree."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(clip, seconds, *size)
        files, times = [], []
        for count in (1, jobs):
            coded = Path(folder) / f"{count}.mp4"
            times.append(
                videocodec.encode(clip, coded, crf=32, jobs=count, device="cpu").encode_seconds
            )
            files.append(coded.read_bytes())
            print(
                f"{seconds} s of {size[0]}x{size[1]}, {count} jobs: {times[-1]:.1f} s", flush=True
            )
    same = files[0] == files[1]
    print(f"{times[0] / times[1]:.2f} times the speed, bytes {'identical' if same else 'DIFFER'}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--bitrate", type=int, nargs="+", default=[10_000, 20_000, 40_000, 80_000])
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--size", type=int, nargs=2, default=(512, 288))
    args = parser.parse_args()
    if (args.clips is None) == (args.jobs is None):
        parser.error("give either --clips or --jobs")
    if args.jobs is not None:
        sys.exit(not parallel(args.jobs, args.seconds, tuple(args.size)))
    paths = sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    )
    sys.exit(not rates(paths, args.bitrate, args.max_frames))


if __name__ == "__main__":
    main()
