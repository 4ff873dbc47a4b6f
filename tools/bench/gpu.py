"""The prepared check of an accelerator: whether it is right, and how fast it is.

    python -m tools.bench.gpu [--device cuda] [--seconds 200] [--results results/gpu-NAME.json]

First it proves that the device makes what the CPU makes: latents that go there and come back are
the same integers, and pictures differ by no more than 2 of 255 on average.  Then it prints frames
per second, by stage and size of the picture, one frame at a time and with the best batch, and of
the encoder's network.  It ends within ``--seconds``: what it has no time for it leaves out, and
says so.

It needs the checkout, torch, numpy, safetensors and constriction, and neither diffusers nor PyAV.
Exit status 1: the device does not make what the CPU makes.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT
from tools.bench.gpu_stages import Shape, best_batch, graph_milliseconds, stages, synchronised
from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.models.runtime import AutoencoderRuntime

SIZES = ["512x288", "1920x1080", "3840x2160"]
MOST_DIFFERENCE = 2.0  # of 255, on average: half precision beside full
_FRAMES = 4  # that are compared


def moving_pictures(count: int, height: int, width: int) -> np.ndarray:
    """Smooth shades with edges and noise that move, (count, height, width, 3) uint8."""
    generator = np.random.default_rng(7)
    rows, columns = np.mgrid[0:height, 0:width]
    pictures = np.empty((count, height, width, 3), np.uint8)
    for number in range(count):
        waves = [np.sin((rows * a + columns * b + 9 * number) / 23) for a, b in ((1, 2), (3, 1))]
        disc = np.hypot(rows - height / 2, columns - width / 2 - 4 * number) < height / 4
        shade = np.stack([120 + 60 * waves[0], 120 + 60 * waves[1], 90 + 110 * disc], 2)
        noisy = shade + generator.normal(0, 6, shade.shape)
        pictures[number] = np.clip(np.rint(noisy), 0, 255)
    return pictures


class Comparison:
    """What a device makes beside what the CPU makes of the same.

    latents_equal: whether integers that went there and back are the same.
    mean_difference, most_difference: of samples of pictures, 0..255.
    encoded_otherwise: share of the encoder's latents that round to another integer.
    """

    def __init__(self, cpu: AutoencoderRuntime, device: AutoencoderRuntime, shape: Shape) -> None:
        pictures = moving_pictures(_FRAMES, shape.height, shape.width)
        padded = 8 * shape.rows, 8 * shape.columns
        latents = _integers(cpu.encode(pictures, *padded))
        there = _integers(device.encode(pictures, *padded))
        self.encoded_otherwise = float(np.mean(there != latents))
        back = torch.from_numpy(latents).to(device.device).cpu().numpy()
        self.latents_equal = bool(np.array_equal(back, latents))
        steps = np.full((_FRAMES, shape.rows, shape.columns), 0.5, np.float32)
        made = [
            runtime.decode(latents.astype(np.float32), steps, shape.height, shape.width)
            for runtime in (cpu, device)
        ]
        difference = np.abs(made[0].astype(int) - made[1])
        self.mean_difference = float(difference.mean())
        self.most_difference = int(difference.max())

    @property
    def holds(self) -> bool:
        """Whether the device may be used."""
        return self.latents_equal and self.mean_difference <= MOST_DIFFERENCE

    def table(self) -> Table:
        """For people and for the file."""
        table = Table(["compared with the CPU", "found", "allowed"])
        table.add("latents there and back", "equal" if self.latents_equal else "differ", "equal")
        mean = f"{self.mean_difference:.4f}"
        table.add("samples of pictures, mean difference", mean, f"{MOST_DIFFERENCE:g}")
        table.add("samples of pictures, at most", str(self.most_difference), "")
        share = f"{self.encoded_otherwise:.2g}"
        table.add("share of encoded latents that round otherwise", share, "")
        return table


def _integers(latents: np.ndarray) -> np.ndarray:
    """As the coder takes them, int16 in latent units."""
    rounded: np.ndarray = np.rint(latents * UNITS_PER_LATENT).astype(np.int16)
    return rounded


def measure(
    runtime: AutoencoderRuntime, shapes: Sequence[Shape], seconds_left: Callable[[], float]
) -> tuple[Table, Table, list[str]]:
    """Frames per second by size and batch; milliseconds a frame of every stage; what was left out
    for lack of time.
    """
    speeds = Table(
        ["picture", "batch", "decoded per second", "encoded per second"],
        ["{}", "{}", "{:.1f}", "{:.1f}"],
    )
    times = Table(["picture", "batch", "stage", "ms a frame"], ["{}", "{}", "{}", "{:.3f}"])
    left_out = []
    for place, shape in enumerate(shapes):
        share = seconds_left() / (len(shapes) - place)
        if share < 1:
            left_out.append(f"{shape.name} was left out: there was no time for it")
            continue
        until = time.monotonic() + share
        batches = [1]
        best = best_batch(runtime, shape, until)
        if best > 1:
            batches.append(best)
        for batch in batches:
            found = stages(runtime, shape, batch)
            for stage, milliseconds in found.items():
                times.add(shape.name, batch, stage, milliseconds)
            speeds.add(shape.name, batch, 1000 / found["whole decode"], 1000 / found["encode"])
        graph = graph_milliseconds(runtime, shape)
        if not math.isnan(graph):
            times.add(shape.name, 1, "network as a CUDA graph", graph)
    return speeds, times, left_out


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("gpu", __doc__)
    made.add_argument("--device", default="cuda", choices=["cuda", "mps", "cpu"])
    made.add_argument("--model", default=DEFAULT_MODEL, help=f"a bundle (default: {DEFAULT_MODEL})")
    made.add_argument("--sizes", nargs="+", default=SIZES, metavar="WxH", help="of pictures")
    made.add_argument("--seconds", type=float, default=200, help="for all of it (default: 200)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure and print → exit status."""
    args = parse(parser(), arguments)
    begin = time.monotonic()
    bundle = ModelBundle.find(args.model)
    report = Report(args, models=[bundle])
    shapes = [Shape.parse(size) for size in args.sizes]
    cpu, device = (AutoencoderRuntime(bundle, name) for name in ("cpu", args.device))
    report.note(f"Device: {_name(device.device)}; {_name(cpu.device)} beside it.")
    compared = Comparison(cpu, device, shapes[0])
    synchronised(device.device)
    report.table("equality", compared.table())
    if compared.holds:
        speeds, times, left_out = measure(
            device, shapes, lambda: args.seconds - (time.monotonic() - begin)
        )
        report.table("speed", speeds)
        report.table("stages", times)
        for sentence in left_out:
            report.note(sentence)
    report.note(f"{time.monotonic() - begin:.0f} s in all.")
    report.save()
    if not compared.holds:
        print("the device does not make what the CPU makes", file=sys.stderr)
    return 0 if compared.holds else 1


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


if __name__ == "__main__":
    sys.exit(main())
