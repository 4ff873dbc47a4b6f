"""How much memory a decode takes at most, beside what ``videocodec info`` says beforehand.

    python -m tools.bench.memory clip.lv.mp4 [--sizes 1920x1080] [--model second] [--results]

Of the files that are named, and of streams of random decisions under a packaged model's tables: a
keyframe and a whole group of 16 frames in which every block goes its own way and most blocks carry
levels.  No real video asks for more.  Each is decoded by a process of its own, whose peak is the
system's figure for it (``VmHWM``, Linux).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bitstream.container import StreamWriter
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.tables import CodecTables
from tests.bitstream.synthetic import StreamMaker, UnitPlan, scattered_fields, synthetic_header
from tests.bitstream.synthetic.second_decisions import derived_fields
from tests.bitstream.synthetic.second_streams import SecondStreamMaker, second_header
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec import info
from videocodec.models.bundle import ModelBundle

_QUANTISER = 60
# the command, and then its own peak
_DECODE = """
import re, resource, sys
from videocodec.cli import main
status = main(["decode", *sys.argv[1:]])
times = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/status") as file:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", file.read())[0], times.ru_utime + times.ru_stime)
sys.exit(status)
"""


def _maker(width: int, height: int, bundle: ModelBundle) -> StreamMaker:
    """What makes random units of a stream under a model's tables."""
    tables = bundle.tables
    if isinstance(tables, CodecTables):
        header = replace(synthetic_header(width, height, 1), latent_channels=tables.latent_channels)
        return StreamMaker(tables, _of_model(header, bundle), 1, 10_000, scattered_fields)
    header = second_header(width, height, 0, tables.latent_channels)
    return SecondStreamMaker(tables, _of_model(header, bundle), 1, 10_000, derived_fields)


def _of_model(header: SequenceHeader, bundle: ModelBundle) -> SequenceHeader:
    return replace(header, model_name=bundle.name, model_sha256=bundle.sha256)


def make_clip(target: Path, width: int, height: int, group: int, bundle: ModelBundle) -> Path:
    """Write a stream of a keyframe and a group of so many frames."""
    plans = (
        UnitPlan(Structure.KEYFRAME, (_QUANTISER,)),
        UnitPlan(Structure.HIERARCHY, (_QUANTISER,) * group),
    )
    maker = _maker(width, height, bundle)
    with StreamWriter(target, maker.header.time_base) as writer:
        for unit in (maker.make(plan).unit for plan in plans):
            writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
        writer.commit()
    return target


def _random_clips(
    folder: Path, sizes: Sequence[str], group: int, bundle: ModelBundle
) -> Iterator[Path]:
    for size in sizes:
        width, height = map(int, size.split("x"))
        yield make_clip(folder / f"random {size}.lv.mp4", width, height, group, bundle)


def decode(clip: Path, target: Path, threads: int) -> tuple[float, float]:
    """Bytes at the peak and seconds of processor time of ``videocodec decode`` to H.264."""
    words = [str(clip), str(target), "-y", "--device", "cpu"]
    command = [sys.executable, "-c", _DECODE, *words, "--threads", str(threads)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"VmHWM:\s+(\d+) kB ([\d.]+)", ran.stdout)
    assert found is not None
    return int(found[1]) * 1024.0, float(found[2])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("memory", __doc__)
    made.add_argument("clips", type=Path, nargs="*", help="latent-video files")
    made.add_argument("--sizes", nargs="+", default=[], metavar="WxH", help="of random streams")
    made.add_argument("--group", type=int, default=16, metavar="N", help="frames of it (16)")
    made.add_argument("--model", default="embedded", metavar="NAME", help="of random streams")
    made.add_argument("--threads", type=int, default=2, metavar="N")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    bundle = ModelBundle.find(args.model)
    report = Report(args, models=[bundle], clips=args.clips)
    table = Table(
        ["stream", "pictures", "frames", "MB", "peak GB", "info says at most GB", "s of processor"],
        ["{}", "{}", "{}", "{:.2f}", "{:.2f}", "{:.2f}", "{:.0f}"],
    )
    with tempfile.TemporaryDirectory() as folder:
        for clip in (*args.clips, *_random_clips(Path(folder), args.sizes, args.group, bundle)):
            peak, seconds = decode(clip, Path(folder) / "decoded.mp4", args.threads)
            found = info(clip)
            bound = found.decoding_memory_bytes or 0
            table.add(
                clip.name,
                f"{found.width}x{found.height}",
                found.frames,
                clip.stat().st_size / 1e6,
                peak / 1e9,
                bound / 1e9,
                seconds,
            )
    report.table("peaks", table)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
