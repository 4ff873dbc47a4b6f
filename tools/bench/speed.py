"""Speed and memory on this machine: encode, decode and latent-only decode at 512×288, peak memory
of short and long encodes.

    python -m tools.bench.speed [--threads 2] [--crf 32] [--skip-memory]
    python -m tools.bench.speed --stages [--model BUNDLE] [--device cuda] [--size 512x288]
    python -m tools.bench.speed --compile [--model BUNDLE] [--device cuda] [--size 512x288]
    [--threads 1]

The clip is made on the spot: a textured picture panned and zoomed under a moving object, 25 fps.
Memory is the peak resident size of a fresh process, encoding 5 s and 30 s.  ``--stages`` says
instead how many frames a second are decoded once networks are loaded, restored and not, and what
share of the time each stage takes when nothing overlaps.  ``--compile`` says what ``torch.compile``
takes off the autoencoder's decoder, the largest of the stages, and how long compiling takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT, FPS = 512, 288, 25


def make_clip(path: Path, seconds: int, width: int = WIDTH, height: int = HEIGHT) -> None:
    """A clip of moving texture."""
    rng = np.random.default_rng(0)
    texture = sum(
        cv2.resize(
            rng.uniform(0, 1, (2**i, 2**i, 3)).astype(np.float32),
            (1024, 1024),
            interpolation=cv2.INTER_CUBIC,
        )
        / (1 + i)
        for i in range(2, 9)
    )
    texture = np.clip((texture - texture.min()) / np.ptp(texture) * 255, 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = (
            width,
            height,
            "yuv420p",
            Fraction(1, FPS),
        )
        for i in range(seconds * FPS):
            angle = i / 60
            x, y = 250 + 200 * np.sin(angle), 300 + 200 * np.cos(angle * 0.7)
            picture = cv2.getRectSubPix(texture, (width, height), (x + 256, y))
            cv2.circle(
                picture,
                (int(256 + 180 * np.cos(angle * 2)), int(144 + 80 * np.sin(angle * 3))),
                36,
                (40, 60, 200),
                -1,
            )
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            output.mux(
                stream.encode(frame.reformat(format="yuv420p", dst_colorspace=5, dst_color_range=1))
            )
        output.mux(stream.encode(None))


def latent_speed(coded: Path, model: str | None = None) -> float:
    """Frames per second from access units to latents with their checksum, the best of three passes;
    reading the file is not in it.
    """
    from bitstream.access_unit import AccessUnit
    from bitstream.latent_decoder import LatentDecoder
    from videocodec.decoder.latents import LatentStream

    stream = LatentStream(coded, model)
    tables, units = (
        stream.bundle.tables,
        [AccessUnit.parse(sample.data) for sample in stream.reader.units()],
    )
    best = float("inf")
    for _ in range(3):
        begin, decoder = time.perf_counter(), LatentDecoder(tables)
        for unit in units:
            decoder.decode(unit)
        best = min(best, time.perf_counter() - begin)
    return sum(unit.frame_count for unit in units) / best


def peak_memory(clip: Path, target: Path, threads: int) -> float:
    """Peak resident MiB of a process that encodes the clip."""
    program = (
        f"import resource, sys, videocodec;videocodec.encode({str(clip)!r}, {str(target)!r},"
        f" crf=32, threads={threads}, overwrite=True,"
        " device='cpu');print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    return float(done.stdout.split()[-1])


def stages(coded: Path, args: argparse.Namespace) -> None:
    """Print speed and milliseconds a frame of every stage."""
    from videocodec.decoder.frames import PictureDecoder
    from videocodec.decoder.latents import LatentStream
    from videocodec.restoration.neighbours import neighbours

    stream = LatentStream(coded, args.model)
    for restore in (True, False) if stream.bundle.has_unet else (False,):
        decoder = PictureDecoder(stream, args.device, args.threads, restore=restore)
        frames = decoder.frames()
        for _ in range(decoder.batch_size):
            next(frames)
        begin = time.perf_counter()
        count = sum(1 for _ in frames)
        print(
            f"decode {'with' if restore else 'without'} UNet:"
            f" {count / (time.perf_counter() - begin):.1f} fps, models loaded"
        )
    latents = list(stream.frames())
    size, block = decoder.batch_size, 1 << stream.header.block_log2
    batches = [range(first, first + size) for first in range(size, len(latents) - size, size)]

    def per_frame(work: Callable[[range], object]) -> float:
        begin = time.perf_counter()
        for batch in batches:
            work(batch)
        return 1000 * (time.perf_counter() - begin) / (size * len(batches))

    table = {"latents": 1000 / latent_speed(coded, args.model)}
    plain = per_frame(lambda batch: decoder.pictures(latents, batch))
    if stream.bundle.has_unet:
        table["neighbours"] = per_frame(
            lambda batch: [neighbours(stream.bundle.tables, latents, i, block) for i in batch]
        )
        restoring = PictureDecoder(stream, args.device, args.threads)
        restoring.pictures(latents, batches[0])
        table["UNet"] = (
            per_frame(lambda batch: restoring.pictures(latents, batch))
            - plain
            - table["neighbours"]
        )
    table["autoencoder"] = plain
    total = sum(table.values())
    print(
        "one after another, ms a frame: "
        + ", ".join(f"{name} {value:.1f} ({value / total:.0%})" for name, value in table.items())
    )


def compiled(args: argparse.Namespace) -> None:
    """Print milliseconds of processor time (on a CPU, where other programs then count less) or of
    time that the decoder takes for a picture, as it is and compiled.
    """
    import torch

    from videocodec.models.bundle import ModelBundle
    from videocodec.models.runtime import decoding_precision

    torch.set_num_threads(args.threads)
    width, height = (int(side) // 8 for side in args.size.split("x"))
    device = torch.device(args.device)
    decoder = (
        ModelBundle.find(args.model)
        .load_autoencoder()
        .decoder.eval()
        .to(device, memory_format=torch.channels_last)
    )
    latents = torch.randn(1, decoder.linear.in_channels, height, width, device=device).contiguous(
        memory_format=torch.channels_last
    )
    log2_step = torch.ones(1, height, width, device=device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter

    def once(network: Callable) -> float:
        begin = clock()
        network(latents, log2_step)[0, 0, 0, 0].item()  # waits for the device
        return 1000 * (clock() - begin)

    faster = torch.compile(decoder)
    with torch.inference_mode(), decoding_precision(device):
        begin = time.perf_counter()
        once(faster)
        print(f"torch.compile: {time.perf_counter() - begin:.0f} s for the first picture")
        # in turns, so that a slower minute meets both
        times = [(once(decoder), once(faster)) for _ in range(20)]
    plain, fast = np.median(np.array(times), 0)
    print(
        f"autoencoder's decoder, ms a picture of {args.size}: {plain:.1f} as it is, {fast:.1f}"
        f" compiled ({fast / plain - 1:+.0%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--crf", type=int, default=32)
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--model", default="embedded", help="bundle, for --stages and --compile")
    parser.add_argument("--device", default="cpu", help="for --stages and --compile")
    parser.add_argument(
        "--size", default=f"{WIDTH}x{HEIGHT}", help="of the picture, for --stages and --compile"
    )
    args = parser.parse_args()
    if args.compile:
        return compiled(args)
    import videocodec

    with tempfile.TemporaryDirectory() as folder:
        clip, long_clip, coded = (
            Path(folder) / name for name in ("5s.mp4", "30s.mp4", "coded.mp4")
        )
        if args.stages:
            make_clip(clip, 3, *map(int, args.size.split("x")))
            videocodec.encode(
                clip,
                coded,
                crf=args.crf,
                preset="superfast",
                threads=args.threads,
                device=args.device,
                model=args.model,
            )
            return stages(coded, args)
        make_clip(clip, 5)
        for preset in ("ultrafast", "medium"):
            report = videocodec.encode(
                clip,
                coded,
                crf=args.crf,
                preset=preset,
                threads=args.threads,
                device="cpu",
                overwrite=True,
            )
            speed, rate = report.frames / report.encode_seconds, report.video_bitrate_bps / 1000
            print(
                f"encode {WIDTH}x{HEIGHT} {preset}: {speed:.1f} fps (model loading included),"
                f" {rate:.0f} kbit/s"
            )
        back = videocodec.decode(
            coded, Path(folder) / "back.mp4", threads=args.threads, device="cpu"
        )
        print(
            f"decode to mp4: {back.frames / back.decode_seconds:.1f} fps (model loading included)"
        )
        for crf in (20, 32, 44):
            made = Path(folder) / f"{crf}.mp4"
            rate = videocodec.encode(
                clip, made, crf=crf, threads=args.threads, device="cpu"
            ).video_bitrate_bps
            print(
                f"entropy decoding and latent reconstruction alone, crf {crf} ({rate / 1000:.0f}"
                f" kbit/s): {latent_speed(made):.0f} fps"
            )
        if not args.skip_memory:
            make_clip(long_clip, 30)
            short, long = (
                peak_memory(clip, coded, args.threads),
                peak_memory(long_clip, coded, args.threads),
            )
            print(
                f"peak memory: encoding 5 s {short:.0f} MiB, 30 s {long:.0f} MiB, ratio"
                f" {long / short:.3f}"
            )


if __name__ == "__main__":
    main()
