"""Make the README's picture: a frame of a bundled sample beside the same frame decoded.

python tools/make_picture.py [--clip samples/portrait.mp4] [--crf 28] [--frame 120] [--output docs/original-and-decoded.png]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import videocodec  # noqa: E402
from videocodec.media.source import VideoSource  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=ROOT / "samples" / "portrait.mp4")
    parser.add_argument("--crf", type=int, default=28)
    parser.add_argument("--frame", type=int, default=120)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "original-and-decoded.png")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        coded = Path(folder) / "coded.mp4"
        report = videocodec.encode(args.clip, coded, crf=args.crf)
        decoded = next(islice(videocodec.decode_frames(coded), args.frame, None)).data.transpose(1, 2, 0)
    with VideoSource(args.clip) as source:
        original = next(islice(source, args.frame, None)).rgb
    cv2.imwrite(str(args.output), np.hstack([original, decoded])[..., ::-1])
    size = f"{report.video_bytes} bytes for {report.duration_seconds:.1f} s at {report.width}×{report.height}"
    print(f"{args.output}: frame {args.frame} at --crf {args.crf}, {report.video_bitrate_bps / 1000:.0f} kbit/s, {size}")


if __name__ == "__main__":
    main()
