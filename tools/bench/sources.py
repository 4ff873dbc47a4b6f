"""What clips are measured on: names, sizes, lengths and hashes of a folder.

python -m tools.bench.sources --clips DIR [--results]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import av

from tools.bench.markdown import Table
from tools.bench.options import add_clips, bench_parser, clip_paths, parse
from tools.bench.results import Report


def described(path: Path) -> tuple[str, str, int, float]:
    """Codec, size, number of frames and frames per second of a clip."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frames = sum(1 for packet in container.demux(stream) if packet.size)
        assert stream.average_rate is not None  # FFmpeg knows one of every clip
        rate = float(stream.average_rate)
        return context.name, f"{context.width}×{context.height}", frames, rate


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("sources", __doc__)
    add_clips(cli)
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write."""
    args = parse(parser(), arguments)
    paths = clip_paths(args)
    report = Report(args, clips=paths)
    table = Table(["clip", "codec", "size", "frames", "fps"], ["{}"] * 4 + ["{:.2f}"])
    for path in paths:
        table.add(path.stem, *described(path))
    report.table("clips", table)
    report.save()


if __name__ == "__main__":
    main()
