"""Whole clips through encode, verify and decode: contracts checked, bytes and distortion printed as
a table.

    python -m tools.bench.clips --clips DIR --lpips FILE [--crf 20 32 44] [--max-frames N] [--only
    NAME …]

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
from pathlib import Path

import av
import numpy as np
import torch

import videocodec
from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader
from tools.bench.keyframes import quality
from videocodec.decoder.frames import decode_frames
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.media.source import VideoSource

THREADS = 2


def timestamps(path: Path, limit: int | None) -> tuple[list[float], tuple[int, int]]:
    """Presentation times of the video frames in seconds, and the frame size."""
    with VideoSource(path, max_frames=limit) as source:
        return [float(frame.pts * source.time_base) for frame in source], (
            source.width,
            source.height,
        )


def sound(path: Path) -> list[tuple[bytes, float]]:
    """Every audio packet with its time in seconds."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [
            (bytes(p), round(float(p.pts * p.time_base), 6))
            for p in container.demux(container.streams.audio[0])
            if p.size
        ]


def frame_bytes(path: Path) -> tuple[float, float]:
    """Mean bytes of a keyframe and of an inter frame."""
    keys, inter, inter_frames = [], 0, 0
    for sample in StreamReader(path).units():
        unit = AccessUnit.parse(sample.data)
        if unit.is_keyframe:
            keys.append(len(sample.data))
        else:
            inter, inter_frames = inter + len(sample.data), inter_frames + unit.frame_count
    return float(np.mean(keys)), inter / max(1, inter_frames)


def measure(
    path: Path, coded: Path, limit: int | None, perceptual: LpipsSqueeze
) -> tuple[float, float]:
    """Mean PSNR of all frames and lpips-squeeze of every sixth."""
    psnr, lpips = [], []
    with VideoSource(path, max_frames=limit) as source:
        for original, frame in zip(source, decode_frames(coded, device="cpu", threads=THREADS)):
            decoded = frame.data.transpose(1, 2, 0)
            if frame.index % 6 == 0:
                both = quality(decoded, original.rgb, perceptual)
                psnr.append(both[0])
                lpips.append(both[1])
            else:
                psnr.append(
                    float(
                        10
                        * np.log10(
                            255**2 / np.mean((decoded.astype(np.float64) - original.rgb) ** 2)
                        )
                    )
                )
    return float(np.mean(psnr)), float(np.mean(lpips))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--crf", type=int, nargs="+", default=[20, 32, 44])
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--only", nargs="+", help="names of clips, without suffix")
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    perceptual = LpipsSqueeze(args.lpips)
    broken: list[str] = []
    columns = [
        "clip",
        "crf",
        "frames",
        "kbit/s",
        "keyframes",
        "bytes keyframe",
        "bytes inter",
        "inter / key",
        "PSNR dB",
        "lpips-squeeze",
    ]
    columns += ["encode fps", "decode fps"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for path in sorted(
        f
        for f in args.clips.iterdir()
        if f.suffix in {".mp4", ".mkv"} and (not args.only or f.stem in args.only)
    ):
        times, size = timestamps(path, args.max_frames)
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            for crf in args.crf:
                coded, decoded = Path(folder) / f"{crf}.mp4", Path(folder) / f"{crf}.decoded.mp4"
                report = videocodec.encode(
                    path, coded, crf=crf, max_frames=args.max_frames, device="cpu", threads=THREADS
                )
                checked = videocodec.verify(coded)
                back = videocodec.decode(coded, decoded, device="cpu", threads=THREADS)
                out_times, out_size = timestamps(decoded, None)
                name = f"{path.stem} crf {crf}"
                broken += [f"{name}: {problem}" for problem in checked.problems]
                if len(out_times) != len(times) or checked.frames != len(times):
                    broken.append(f"{name}: {len(out_times)} frames instead of {len(times)}")
                elif max(abs(a - b) for a, b in zip(out_times, times)) > 1e-6:
                    broken.append(f"{name}: timestamps differ")
                if out_size != size:
                    broken.append(f"{name}: size {out_size} instead of {size}")
                if args.max_frames is None and not sound(path) == sound(coded) == sound(decoded):
                    broken.append(f"{name}: sound differs")
                key, inter = frame_bytes(coded)
                psnr, lpips = measure(path, coded, args.max_frames, perceptual)
                rows.append((report.video_bytes, psnr, lpips))
                figures = [
                    path.stem,
                    crf,
                    report.frames,
                    f"{report.video_bitrate_bps / 1000:.1f}",
                    report.keyframes,
                    f"{key:.0f}",
                    f"{inter:.0f}",
                ]
                figures += [f"{100 * inter / key:.1f} %", f"{psnr:.2f}", f"{lpips:.3f}"]
                figures += [
                    f"{report.frames / report.encode_seconds:.1f}",
                    f"{back.frames / back.decode_seconds:.1f}",
                ]
                print(f"| {' | '.join(map(str, figures))} |", flush=True)
        for finer, coarser in zip(rows, rows[1:]):
            if not (finer[0] > coarser[0] and finer[1] > coarser[1] and finer[2] < coarser[2]):
                broken.append(
                    f"{path.stem}: bytes or distortion not monotonic in crf: {finer} then {coarser}"
                )
    print("\n" + ("\n".join(broken) if broken else "all contracts hold"))
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
