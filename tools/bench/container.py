"""Container overhead: bytes of an MP4 file beyond its access units, for 30 s at 20 kbit/s and for
shorter and longer clips.

    python -m tools.bench.container [--results]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report

FPS, GROUP, GOP_SECONDS, BYTES_PER_SECOND = 25, 16, 10, 2500


def overhead(folder: Path, seconds: int) -> tuple[int, int]:
    """Bytes of the access units, and bytes of the file beyond them."""
    header = SequenceHeader(
        format_version=1,
        width=512,
        height=288,
        time_base=Fraction(1, FPS),
        frame_rate=Fraction(FPS),
        latent_channels=16,
        crf=40,
        gop_size=250,
        preset=2,
        model_name="embedded",
        model_sha256="0" * 64,
    )
    path, unit_bytes, frame = folder / f"{seconds}.mp4", 0, 0
    with StreamWriter(path, header.time_base) as writer:
        while frame < seconds * FPS:
            place = frame % (GOP_SECONDS * FPS)
            count = min(GROUP, GOP_SECONDS * FPS - place, seconds * FPS - frame) if place else 1
            unit = AccessUnit(
                structure=Structure.HIERARCHY if place else Structure.KEYFRAME,
                header=None if place else header,
                first_pts=frame,
                durations=(1,) * count,
                quantisers=(40,) * count,
                latent_checksum=0,
                payload=bytes(BYTES_PER_SECOND * count // FPS // 4 * 4),
            )
            data = unit.to_bytes()
            writer.write(data, frame, count)
            unit_bytes, frame = unit_bytes + len(data), frame + count
        writer.commit()
    with StreamReader(path) as reader:
        return unit_bytes, reader.container_bytes - unit_bytes


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("container", __doc__)
    cli.add_argument("--seconds", type=int, nargs="+", default=[5, 10, 30, 120])
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    report = Report(args)
    table = Table(
        ["length", "bytes of access units", "bytes beyond them", "share"],
        ["{} s", "{}", "{}", "{:.2f} %"],
    )
    with tempfile.TemporaryDirectory() as folder:
        for seconds in args.seconds:
            inside, beyond = overhead(Path(folder), seconds)
            table.add(seconds, inside, beyond, 100 * beyond / inside)
    report.table("overhead", table, "At about 20 kbit/s")
    report.save()


if __name__ == "__main__":
    main()
