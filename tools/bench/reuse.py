"""What it saves that pictures are made again only where they changed.

    python -m tools.bench.reuse akiyo.lv.mp4 bus.lv.mp4 [--results]

Frames of latent-video files, decoded in order: how many of their positions go through the network,
and the processor time of a picture with reuse and without, in turns, so that a slower minute meets
both.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.decoder.frames import PictureDecoder
from videocodec.decoder.latents import LatentStream


def measure(clip: Path, count: int, threads: int) -> tuple[float, float, float, float]:
    """Of the first ``count`` frames after the keyframe: shares of positions made and of frames that
    are wholly the one before, and milliseconds of processor time a frame without reuse and with it.
    """
    stream = LatentStream(clip)
    whole = PictureDecoder(stream, "cpu", threads)
    whole.reuse = None
    renewing = PictureDecoder(stream, "cpu", threads)
    if renewing.reuse is None:
        raise SystemExit(f"{clip}: nobody knows how far the autoencoder of its model sees")
    seconds, same, pictures = [0.0, 0.0], 0, 0
    frames = list(itertools.islice(stream.frames(), count + 1))
    for decoder in (whole, renewing):
        decoder.pictures(frames, range(1))
    made, shown = renewing.reuse.positions_made, renewing.reuse.positions
    for place in range(1, len(frames)):
        before = renewing.reuse.positions_made
        for which, decoder in enumerate((whole, renewing)):
            begin = time.process_time()
            decoder.pictures(frames, range(place, place + 1))
            seconds[which] += time.process_time() - begin
        same += renewing.reuse.positions_made == before
        pictures += 1
    share = (renewing.reuse.positions_made - made) / (renewing.reuse.positions - shown)
    whole_ms, renewed_ms = (1000 * each / pictures for each in seconds)
    return share, same / pictures, whole_ms, renewed_ms


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("reuse", __doc__)
    made.add_argument("clips", type=Path, nargs="+", help="latent-video files")
    made.add_argument("--frames", type=int, default=64, metavar="N", help="of each (64)")
    made.add_argument("--threads", type=int, default=1, metavar="N")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    report = Report(args, clips=args.clips)
    table = Table(
        ["clip", "positions made", "frames like the one before", "ms whole", "ms", "times as fast"],
        ["{}", "{:.2f}", "{:.2f}", "{:.1f}", "{:.1f}", "{:.2f}"],
    )
    for clip in args.clips:
        made, same, whole, renewed = measure(clip, args.frames, args.threads)
        table.add(clip.name, made, same, whole, renewed, whole / renewed)
    report.table("reuse", table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
