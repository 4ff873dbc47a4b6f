"""What becomes of every file of a folder, beside what PyAV says of it: frames, times, packets of
sound, size and rotation.

    python -m tools.bench.sweep FOLDER [--results]   # the files that are there
    python -m tools.bench.sweep FOLDER --make        # makes small files of every kind there first

Nothing is encoded: frames are read as an encode reads them, and sound is copied beside access units
of nothing.  HDR is tone-mapped and alpha flattened.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from bitstream.container import StreamWriter
from tools.bench.markdown import Table
from tools.bench.oddities import make
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.errors import LatentVideoError
from videocodec.media.copying import copied_from
from videocodec.media.options import SourceOptions
from videocodec.media.source import VideoSource

_OPTIONS = SourceOptions(strict=False, to_sdr=True, background=(0, 0, 0))
_COLUMNS = ["file", "frames", "times", "packets of sound", "size", "rotation", "what is said"]


@dataclass(frozen=True)
class Facts:
    """Of a file.

    times: seconds of every frame, None where one has none.  sound: packets.
    size: width, height in px.  rotation: degrees.  said: what is unusual, or why it is refused.
    """

    times: tuple[Fraction | None, ...] = ()
    sound: int = 0
    size: tuple[int, int] = (0, 0)
    rotation: int = 0
    said: str = ""


def by_pyav(path: Path) -> Facts:
    """What PyAV finds when it decodes the best video track, past packets that do not decode."""
    times: list[Fraction | None] = []
    sound, size, rotation = 0, (0, 0), 0
    try:
        with av.open(os.fspath(path), metadata_errors="replace") as container:
            best = container.streams.best("video")
            for packet in container.demux():
                sound += packet.stream.type == "audio" and packet.size > 0
                if best is None or packet.stream.index != best.index:
                    continue
                try:
                    frames = packet.decode()
                except (EOFError, av.FFmpegError):
                    continue
                for frame in frames:
                    assert isinstance(frame, av.VideoFrame)
                    if not times:
                        size, rotation = (frame.width, frame.height), frame.rotation
                    timed = frame.pts is not None and frame.time_base is not None
                    times.append(
                        Fraction(frame.pts or 0) * (frame.time_base or 0) if timed else None
                    )
    except av.FFmpegError as error:
        return Facts(tuple(times), sound, size, rotation, f"{error.strerror}")
    return Facts(tuple(times), sound, size, rotation)


def by_videocodec(path: Path) -> Facts:
    """What an encode would take of it."""
    try:
        with VideoSource(path, options=_OPTIONS) as source, tempfile.TemporaryDirectory() as folder:
            target, times = Path(folder) / "copy.mp4", []
            with StreamWriter(
                target, source.time_base, copy_from=copied_from(source), copy_may_end=True
            ) as writer:
                for frame in source:
                    times.append(frame.pts * source.time_base)
                    writer.write(b"\0", frame.pts, frame.duration)
                writer.commit()
                said = [*source.notes, *source.losses, *writer.problems, *writer.skipped_tracks]
            size = source.width, source.height
            return Facts(
                tuple(times), _sound_packets(target), size, source.rotation, "; ".join(said)
            )
    except LatentVideoError as error:
        reason = str(error).removeprefix(f"{path}").removeprefix(": ").strip()
        return Facts(said=f"refused: {reason}".replace(str(path), path.name))


def _sound_packets(path: Path) -> int:
    with av.open(os.fspath(path)) as container:
        streams = list(container.streams.audio)
        return sum(packet.size > 0 for packet in container.demux(streams)) if streams else 0


def compared(ours: object, theirs: object) -> str:
    """One value where both agree, else both."""
    return f"{ours}" if ours == theirs else f"{ours} (PyAV {theirs})"


def times_compared(ours: Sequence[Fraction | None], theirs: Sequence[Fraction | None]) -> str:
    """Whether the times of frames are the same, or how far they lie apart at most."""
    if len(ours) != len(theirs):
        return "–"
    apart = [
        abs(one - other)
        for one, other in zip(ours, theirs, strict=True)
        if one is not None and other is not None
    ]
    if len(apart) < len(ours):
        return "made up" if ours else "–"
    most = max(apart, default=Fraction(0))
    return "same" if not most else f"up to {float(most):.3f} s apart"


def row(path: Path) -> list[str]:
    """The line of a file."""
    ours, theirs = by_videocodec(path), by_pyav(path)
    if not ours.times:
        return [path.name, compared(0, len(theirs.times)), "–", "–", "–", "–", ours.said]
    return [
        path.name,
        compared(len(ours.times), len(theirs.times)),
        times_compared(ours.times, theirs.times),
        compared(ours.sound, theirs.sound),
        compared("×".join(map(str, ours.size)), "×".join(map(str, theirs.size))),
        compared(ours.rotation, theirs.rotation),
        ours.said,
    ]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("sweep", __doc__)
    cli.add_argument("folder", type=Path, metavar="FOLDER", help="every file of it is tried")
    cli.add_argument("--make", action="store_true", help="make small files of every kind first")
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, and print a line for every file."""
    args = parse(parser(), arguments)
    report = Report(args)
    if args.make:
        make(args.folder)
    table = Table(_COLUMNS, ["{}"] * len(_COLUMNS))
    for path in sorted(path for path in args.folder.iterdir() if path.is_file()):
        values = row(path)
        print(" | ".join(values), flush=True)
        table.add(*values)
    report.table("files", table, "Beside PyAV")
    report.save()


if __name__ == "__main__":
    main()
