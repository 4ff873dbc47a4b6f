"""Long clips and many at once: memory, file descriptors and threads over the time of an encode and
a decode, timestamps, eight decoders.

    python -m tools.bench.load [--size 512x288] [--seconds 1800] [--fps 25] [--preset superfast]
        [--every 30] [--decoders 8] [--keep DIR] [--results]

The clip is made on the spot: panned texture under a moving object, with uneven timestamps in ticks
of 1/90000 s.  Encoder and decoder are the real programs, looked at from outside through /proc
(Linux).  Exit status 1 if a timestamp of a frame is not the source's, or if one of several decoders
at once gives another picture than one alone.  A low frame rate makes a long clip of few frames: the
number of frames is what loads a codec, so do both, many small ones and few large ones.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bitstream.container import StreamReader
from tools.bench.load_watch import Sample, peaks, watched
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import ROOT, Report
from tools.bench.synthetic_clips import CLOCK, make_uneven_clip, uneven_ticks
from videocodec.decoder.index import StreamIndex

_ROWS = 12  # of a curve, at most


def curve(samples: list[Sample]) -> Table:
    """What a run held over its time."""
    places = np.linspace(0, len(samples) - 1, min(_ROWS, len(samples)))
    table = Table(
        ["seconds", "MiB resident", "MiB anonymous", "descriptors", "threads"],
        ["{:.0f}", "{:.0f}", "{:.0f}", "{}", "{}"],
    )
    for s in (samples[round(place)] for place in places):
        table.add(s.seconds, s.resident, s.anonymous, s.descriptors, s.threads)
    return table


def report_run(report: Report, name: str, action: str, samples: list[Sample], count: int) -> None:
    """Print and keep the curve of a run of so many frames."""
    seconds = samples[-1].seconds
    report.table(name, curve(samples), action)
    first, second = peaks(samples)
    report.note(
        f"{action}: {count} frames in {seconds:.0f} s, {count / seconds:.1f} frames per second;"
        f" highest {max(s.resident for s in samples):.0f} MiB; anonymous: {first:.0f} MiB at most"
        f" in the first half, {second:.0f} in the second."
    )


def packet_times(path: Path) -> list[Fraction]:
    """Presentation times of all packets of the video track, in seconds, sorted."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(
            packet.pts * packet.time_base
            for packet in container.demux(stream)
            if packet.pts is not None
        )


def stream_times(path: Path) -> list[Fraction]:
    """Presentation times of all frames of a latent-video file, by its access units."""
    index = StreamIndex(StreamReader(path))
    return [int(pts) * index.header.time_base for pts in index.pts]


def wrong_times(report: Report, name: str, actual: list[Fraction], expected: list[Fraction]) -> int:
    """How many frames have another time than the source's; says so."""
    wrong = abs(len(actual) - len(expected))
    wrong += sum(a != b for a, b in zip(actual, expected, strict=False))
    end = (
        f"the last at {float(actual[-1]):.6f} s of {float(expected[-1]):.6f}" if actual else "none"
    )
    report.note(f"Timestamps of {name}: {len(actual)} frames, {wrong} wrong, {end}.")
    return wrong


def hashes(coded: Path, span: str, count: int) -> list[str]:
    """SHA-256 of what each of ``count`` decoders at once gives."""
    command = [sys.executable, "-m", "videocodec", "decode", str(coded), "-", "--frames", span]
    with ExitStack() as opened, tempfile.TemporaryDirectory() as folder:
        # Into files: a pipe that waits to be read would let one decoder run after the other.
        running = []
        for number in range(count):
            file = opened.enter_context(open(Path(folder) / str(number), "w+b"))
            process = subprocess.Popen(command, cwd=ROOT, stdout=file, stdin=subprocess.DEVNULL)
            running.append((process, file))
        times = []
        for process, file in running:
            if process.wait():
                raise RuntimeError(f"a decoder ended with status {process.returncode}")
            file.seek(0)
            times.append(hashlib.file_digest(file, "sha256").hexdigest())
        return times


def decode_at_once(report: Report, coded: Path, decoders: int, frames: int, count: int) -> int:
    """How many of several decoders at once give something else than one alone; says so."""
    middle = count // 2
    span = f"{middle}:{min(middle + frames, count)}"
    (alone,), begin = hashes(coded, span, 1), time.monotonic()
    together = hashes(coded, span, decoders)
    different = sum(one != alone for one in together)
    report.note(
        f"{decoders} decoders at once, frames {span}, {time.monotonic() - begin:.0f} s:"
        f" {different} differ from one alone."
    )
    return different


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("load", __doc__)
    add = cli.add_argument
    add("--size", default="512x288", help="width x height (default: 512x288)")
    add("--seconds", type=float, default=1800, help="length of the clip (default: half an hour)")
    add("--fps", type=Fraction, default=Fraction(25), help="of the clip (default: 25)")
    add("--preset", default="superfast", help="of the encoder (default: superfast)")
    add("--crf", default="32")
    add(
        "--every",
        type=float,
        default=30,
        metavar="SECONDS",
        help="between two samples (default: 30)",
    )
    add("--decoders", type=int, default=8, help="how many decode at once in the end (0 for none)")
    add("--decoded-frames", type=int, default=60, help="how many frames each of them decodes")
    add("--keep", type=Path, metavar="DIR", help="folder for the files (default: temporary)")
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything → exit status."""
    args = parse(parser(), arguments)
    width, height = map(int, args.size.split("x"))
    count = round(args.seconds * args.fps)
    report = Report(args)
    with ExitStack() as opened:
        folder = args.keep or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="videocodec-load-"))
        )
        folder.mkdir(exist_ok=True)
        clip, coded, decoded = folder / "clip.mp4", folder / "clip.lv.mp4", folder / "decoded.mp4"
        make_uneven_clip(clip, width, height, count, args.fps)
        settings = ["--preset", args.preset, "--crf", args.crf, "--model", "embedded", "-y"]
        encode = ["encode", str(clip), str(coded), *settings]
        decode = ["decode", str(coded), str(decoded), "-y"]
        report_run(report, "encode", "Encoding", watched(encode, args.every), count)
        report_run(report, "decode", "Decoding", watched(decode, args.every), count)
        expected = [Fraction(uneven_ticks(index, args.fps), CLOCK) for index in range(count)]
        wrong = wrong_times(report, "the clip", packet_times(clip), expected)
        wrong += wrong_times(report, "the stream", stream_times(coded), expected)
        wrong += wrong_times(report, "the decoded video", packet_times(decoded), expected)
        if args.decoders:
            wrong += decode_at_once(report, coded, args.decoders, args.decoded_frames, count)
    report.save()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
