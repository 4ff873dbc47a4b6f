"""Make the README's picture: a frame of a bundled sample beside the same frame decoded, and decoded
from a file that was judged.

    python -m tools.pictures.decoded [--clip samples/portrait.mp4] [--crf 28] [--frame 120]
        [--model NAME] [--perceptual LPIPS] [--output docs/original-and-decoded.png]
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

import videocodec
from videocodec.media.source import VideoSource
from videocodec.models.default import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, default=ROOT / "samples" / "portrait.mp4")
    parser.add_argument("--crf", type=int, default=28)
    parser.add_argument("--frame", type=int, default=120)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument(
        "--perceptual", type=Path, help="weights, for a third picture, of a file encoded with them"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "original-and-decoded.png")
    args = parser.parse_args()
    with VideoSource(args.clip) as source:
        pictures = [next(islice(source, args.frame, None)).rgb]
    with tempfile.TemporaryDirectory() as folder:
        coded = Path(folder) / "coded.mp4"
        for perceptual in (None, args.perceptual)[: 1 + (args.perceptual is not None)]:
            report = videocodec.encode(
                args.clip,
                coded,
                crf=args.crf,
                perceptual=perceptual,
                model=args.model,
                overwrite=True,
            )
            pictures.append(
                next(islice(videocodec.decode_frames(coded), args.frame, None)).data.transpose(
                    1, 2, 0
                )
            )
            size = (
                f"{report.video_bytes} bytes for {report.duration_seconds:.1f} s at"
                f" {report.width}×{report.height}"
            )
            how = f"--crf {args.crf}{' --perceptual' * (perceptual is not None)}"
            print(
                f"{args.output}: frame {args.frame} at {how}, {report.video_bitrate_bps / 1000:.0f}"
                f" kbit/s, {size}"
            )
    cv2.imwrite(str(args.output), np.hstack(pictures)[..., ::-1])


if __name__ == "__main__":
    main()
