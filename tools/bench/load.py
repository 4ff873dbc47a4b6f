"""Long clips and many at once: memory, file descriptors and threads over the time of an encode and
a decode, timestamps, eight decoders.

    python -m tools.bench.load [--size 512x288] [--seconds 1800] [--fps 25] [--preset superfast]
    [--every 30] [--decoders 8] [--keep DIR]

The clip is made on the spot: panned and zoomed texture under a moving object, with uneven
timestamps in ticks of 1/90000 s.  Encoder and decoder are the real programs, looked at from outside
through /proc (Linux).  Exit status 1 if a timestamp of a frame is not the source's, or if one of
several decoders at once gives another picture than one alone.  A low frame rate makes a long clip
of few frames: the number of frames is what loads a codec, so do both, many small ones and few large
ones.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tools.bench.markdown import table

ROOT = Path(__file__).resolve().parents[2]

CLOCK = 90_000  # ticks a second of the clip
_ROWS = 12  # of a curve, at most


@dataclass(frozen=True)
class Sample:
    """What a process held at a time: seconds since its start, MiB resident and of them anonymous
    (the rest are files it has mapped), open file descriptors, threads.
    """

    seconds: float
    resident: float
    anonymous: float
    descriptors: int
    threads: int


def ticks(index: int, fps: Fraction) -> int:
    """When frame ``index`` of the clip is shown: up to a ninth of a frame late, so that no rule but
    the table gives it.
    """
    step = CLOCK / fps
    return round(index * step) + index * 7919 % 19 * int(step) // 171


def make_clip(path: Path, width: int, height: int, count: int, fps: Fraction) -> None:
    """A clip of ``count`` frames of moving texture."""
    rng = np.random.default_rng(7)
    side = 2 * max(width, height)
    layers = [
        cv2.resize(
            rng.uniform(0, 1, (2**i, 2**i, 3)).astype(np.float32),
            (side, side),
            interpolation=cv2.INTER_CUBIC,
        )
        for i in range(2, 7)
    ]
    texture = sum(layer / (1 + i) for i, layer in enumerate(layers))
    texture = np.clip((texture - texture.min()) / np.ptp(texture) * 255, 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(
            "libx264", rate=fps, options={"crf": "18", "preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, CLOCK)
        for index in range(count):
            angle = index / 40
            centre = side / 2 + side / 5 * np.array([np.sin(angle), np.cos(0.7 * angle)])
            picture = cv2.getRectSubPix(texture, (width, height), centre.tolist())
            place = (
                int(width * (0.5 + 0.35 * np.cos(2 * angle))),
                int(height * (0.5 + 0.3 * np.sin(3 * angle))),
            )
            cv2.circle(picture, place, height // 8, (40, 60, 200), -1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=5, dst_color_range=1
            )
            frame.pts, frame.time_base = ticks(index, fps), Fraction(1, CLOCK)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def look_at(pid: int, begin: float) -> Sample | None:
    """What a process holds now; None once it is gone."""
    try:
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        resident, anonymous = (int(status[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon"))
    except (OSError, KeyError):
        return None
    return Sample(
        time.monotonic() - begin, resident, anonymous, descriptors, int(status["Threads"])
    )


def watched(arguments: list[str], every: float) -> list[Sample]:
    """Run the program to its end → a sample every so many seconds.

    Raises ``RuntimeError`` if it fails.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "videocodec", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
        )
        begin, samples = time.monotonic(), []
        while process.poll() is None:
            if sample := look_at(process.pid, begin):
                samples.append(sample)
            try:
                process.wait(every)
            except subprocess.TimeoutExpired:
                pass
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"videocodec {' '.join(arguments)}: status {process.returncode}:"
                f" {errors.read().decode(errors='replace')[-2000:]}"
            )
    return samples


def peaks(samples: list[Sample]) -> tuple[float, float]:
    """Most anonymous MiB in the first and in the second half of a run.

    What leaks makes the latter larger; memory that goes up and down with every group of pictures
    does not, where a line fitted through few looks would rise or fall by chance.
    """
    middle = samples[-1].seconds / 2
    early, late = (
        [s.anonymous for s in samples if (s.seconds > middle) == is_late]
        for is_late in (False, True)
    )
    return max(early), max(late)


def report(what: str, samples: list[Sample], count: int) -> None:
    """Print the curve of a run."""
    seconds = samples[-1].seconds
    print(f"\n{what}: {count} frames in {seconds:.0f} s, {count / seconds:.1f} frames per second")
    chosen = [samples[round(i)] for i in np.linspace(0, len(samples) - 1, min(_ROWS, len(samples)))]
    rows = [
        (f"{s.seconds:.0f}", f"{s.resident:.0f}", f"{s.anonymous:.0f}", s.descriptors, s.threads)
        for s in chosen
    ]
    table(("seconds", "MiB resident", "MiB anonymous", "descriptors", "threads"), rows)
    first, second = peaks(samples)
    print(
        f"highest {max(s.resident for s in samples):.0f} MiB; anonymous: {first:.0f} in the first"
        f" half, {second:.0f} in the second",
        flush=True,
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
    from bitstream.container import StreamReader
    from videocodec.decoder.index import StreamIndex

    index = StreamIndex(StreamReader(path))
    return [int(pts) * index.header.time_base for pts in index.pts]


def wrong_times(name: str, found: list[Fraction], expected: list[Fraction]) -> int:
    """How many frames have another time than the source's, and print it."""
    wrong = abs(len(found) - len(expected)) + sum(a != b for a, b in zip(found, expected))
    end = f"the last at {float(found[-1]):.6f} s of {float(expected[-1]):.6f}" if found else "none"
    print(f"timestamps of {name}: {len(found)} frames, {wrong} wrong, {end}", flush=True)
    return wrong


def hashes(coded: Path, span: str, count: int) -> list[str]:
    """SHA-256 of what each of ``count`` decoders at once gives."""
    with ExitStack() as opened, tempfile.TemporaryDirectory() as folder:
        # Into files: a pipe that waits to be read would let one decoder run after the other.
        running = []
        for number in range(count):
            file = opened.enter_context(open(Path(folder) / str(number), "w+b"))
            command = [
                sys.executable,
                "-m",
                "videocodec",
                "decode",
                str(coded),
                "-",
                "--frames",
                span,
            ]
            running.append(
                (subprocess.Popen(command, cwd=ROOT, stdout=file, stdin=subprocess.DEVNULL), file)
            )
        found = []
        for process, file in running:
            if process.wait():
                raise RuntimeError(f"a decoder ended with status {process.returncode}")
            file.seek(0)
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
        return found


def main() -> int:
    """Run everything → exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="512x288", help="width x height (default: 512x288)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1800,
        help="length of the clip (default: 1800, half an hour)",
    )
    parser.add_argument(
        "--fps",
        type=Fraction,
        default=Fraction(25),
        help="frames per second of the clip (default: 25)",
    )
    parser.add_argument("--preset", default="superfast", help="of the encoder (default: superfast)")
    parser.add_argument("--crf", default="32")
    parser.add_argument(
        "--every",
        type=float,
        default=30,
        metavar="SECONDS",
        help="between two samples (default: 30)",
    )
    parser.add_argument(
        "--decoders",
        type=int,
        default=8,
        help="how many decode at once in the end (default: 8, 0 for none)",
    )
    parser.add_argument(
        "--decoded-frames",
        type=int,
        default=60,
        help="how many frames each of them decodes (default: 60)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="folder for the files (default: a temporary one)"
    )
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    count = round(args.seconds * args.fps)
    with ExitStack() as opened:
        folder = args.keep or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="videocodec-load-"))
        )
        folder.mkdir(exist_ok=True)
        clip, coded, decoded = folder / "clip.mp4", folder / "clip.lv.mp4", folder / "decoded.mp4"
        begin = time.monotonic()
        make_clip(clip, width, height, count, args.fps)
        print(
            f"clip: {count} frames of {width}x{height}, {args.seconds:g} s, made in"
            f" {time.monotonic() - begin:.0f} s",
            flush=True,
        )
        encoder = [
            "encode",
            str(clip),
            str(coded),
            "--preset",
            args.preset,
            "--crf",
            args.crf,
            "-y",
        ]
        report(f"encode --preset {args.preset}", watched(encoder, args.every), count)
        report("decode", watched(["decode", str(coded), str(decoded), "-y"], args.every), count)
        print()
        expected = [Fraction(ticks(index, args.fps), CLOCK) for index in range(count)]
        wrong = sum(
            wrong_times(name, found, expected)
            for name, found in (
                ("the clip", packet_times(clip)),
                ("the stream", stream_times(coded)),
                ("the decoded video", packet_times(decoded)),
            )
        )
        if args.decoders:
            middle = count // 2
            span = f"{middle}:{min(middle + args.decoded_frames, count)}"
            alone, begin = hashes(coded, span, 1), time.monotonic()
            together = hashes(coded, span, args.decoders)
            different = sum(one != alone[0] for one in together)
            seconds = time.monotonic() - begin
            print(
                f"{args.decoders} decoders at once, frames {span}, {seconds:.0f} s: {different}"
                f" differ from one alone ({alone[0][:16]})"
            )
            wrong += different
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
