"""The decoder's network in several runtimes side by side, on one thread of a CPU.

    python -m tools.bench.runtimes [--models embedded second] [--size 512x288] [--results]

The network runs in PyTorch as it is, in PyTorch in ``channels_last``, and where they are installed
in ONNX Runtime and in OpenVINO, as float32 and with weights and activations in int8 (quantised
after training, on the very latents that it is measured with, which flatters it).  Latents are those
of pictures of noise at several scales.  Runtimes take turns, so that a slower minute meets all of
them, and processor time is counted, all threads together: other work on the machine counts little.
Pictures are compared with those of PyTorch: how far they are apart on average and at most, in
levels of 255.

Needs ``pip install onnx onnxscript onnxruntime openvino nncf`` for what PyTorch does not have; none
of them is a dependency of the program.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tools.bench.gpu_stages import Shape
from tools.bench.markdown import Cell, Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.networks.placement import placed

Array = npt.NDArray[np.float32]
Decoder = Callable[[Array, Array], Array]  # latents and log2 of the steps → pictures
_STEP = 1.5  # scaled latents, about crf 32
_PICTURES = 4
REFERENCE = "PyTorch, contiguous"
PACKAGES = ("onnxruntime", "onnx", "openvino", "nncf")


def inputs_of(runtime: AutoencoderRuntime, shape: Shape, count: int) -> list[tuple[Array, Array]]:
    """Unscaled latents (1, C, h, w) of pictures, and log2 of their steps (1, h, w)."""
    random, made = np.random.default_rng(1), []
    height, width = 8 * shape.rows, 8 * shape.columns
    for _ in range(count):
        picture = np.full((height, width, 3), 128.0)
        for block in (64, 16, 4):
            size = -(-height // block), -(-width // block), 3
            noise = random.normal(0, 24, size).repeat(block, 0).repeat(block, 1)
            picture += noise[:height, :width]
        pixels = np.clip(picture, 0, 255).astype(np.uint8)[None]
        scale = runtime.bundle.latent_scale[:, None, None]
        latents = np.rint(runtime.encode(pixels, height, width) / _STEP) * _STEP / scale
        steps = np.full((1, *latents.shape[2:]), np.log2(_STEP), np.float32)
        made.append((latents.astype(np.float32), steps))
    return made


def in_pytorch(decoder: nn.Module, layout: torch.memory_format) -> Decoder:
    """The network itself."""
    network = placed(decoder, "cpu", layout)

    def decode(latents: Array, steps: Array) -> Array:
        z = torch.from_numpy(latents).contiguous(memory_format=layout)
        with torch.inference_mode():
            made: Array = network(z, torch.from_numpy(steps)).contiguous().numpy()
        return made

    return decode


def in_onnx_runtime(
    decoder: nn.Module, inputs: list[tuple[Array, Array]], *, int8: bool
) -> Decoder:
    """Exported to ONNX."""
    ort = importlib.import_module("onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decoder.onnx"
        example = tuple(map(torch.from_numpy, inputs[0]))
        torch.onnx.export(
            decoder, example, str(file), input_names=["z", "step"], dynamo=True, verbose=False
        )
        if int8:
            file = _quantised(file, inputs)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def decode(latents: Array, steps: Array) -> Array:
        made: Array = session.run(None, {"z": latents, "step": steps})[0]
        return made

    return decode


def _quantised(file: Path, inputs: list[tuple[Array, Array]]) -> Path:
    quantization = importlib.import_module("onnxruntime.quantization")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            self._left = iter(inputs)

        def get_next(self) -> dict[str, Array] | None:
            pair = next(self._left, None)
            return None if pair is None else {"z": pair[0], "step": pair[1]}

    target = file.with_name("int8.onnx")
    quantization.quantize_static(str(file), str(target), Reader(), per_channel=True)
    return target


def in_openvino(decoder: nn.Module, inputs: list[tuple[Array, Array]], *, int8: bool) -> Decoder:
    """Converted from PyTorch; float32 stays float32."""
    openvino = importlib.import_module("openvino")
    example = tuple(map(torch.from_numpy, inputs[0]))
    shapes = [list(part.shape) for part in inputs[0]]
    model = openvino.convert_model(decoder, example_input=example, input=shapes)
    if int8:
        nncf = importlib.import_module("nncf")
        model = nncf.quantize(model, nncf.Dataset(inputs), subset_size=len(inputs))
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", settings)

    def decode(latents: Array, steps: Array) -> Array:
        made: Array = compiled([latents, steps])[0]
        return made

    return decode


def decoders(decoder: nn.Module, inputs: list[tuple[Array, Array]]) -> dict[str, Decoder | str]:
    """Every runtime by its name; in place of one that is not to be had, why."""
    makers: dict[str, Callable[[], Decoder]] = {
        REFERENCE: lambda: in_pytorch(copy.deepcopy(decoder), torch.contiguous_format),
        "PyTorch, channels_last": lambda: in_pytorch(copy.deepcopy(decoder), torch.channels_last),
    }
    for name, make in (("ONNX Runtime", in_onnx_runtime), ("OpenVINO", in_openvino)):
        for kind in ("float32", "int8"):
            plain = copy.deepcopy(decoder)  # some exporters change what they are given
            makers[f"{name}, {kind}"] = partial(make, plain, inputs, int8=kind == "int8")
    made: dict[str, Decoder | str] = {}
    for name, begin in makers.items():
        try:
            made[name] = begin()
        except Exception as error:  # whatever other people's exporters raise
            made[name] = " ".join(f"{type(error).__name__}: {error}".split())[:100]
    return made


def measure(runtime: AutoencoderRuntime, shape: Shape, runs: int) -> Iterator[tuple[Cell, ...]]:
    """Of every runtime: name, milliseconds of processor time a picture, how many times as fast as
    the first, mean and largest distance from its pictures in levels; or why there is none.
    """
    decoder = placed(runtime.model.get_submodule("decoder"), "cpu", torch.contiguous_format)
    inputs = inputs_of(runtime, shape, _PICTURES)
    made = decoders(decoder, inputs)
    running = {name: decode for name, decode in made.items() if not isinstance(decode, str)}
    pictures = {name: _pixels(decode, inputs) for name, decode in running.items()}
    times: dict[str, list[float]] = {name: [] for name in running}
    for turn in range(runs):
        for name, decode in running.items():
            begin = time.process_time()
            decode(*inputs[turn % len(inputs)])
            times[name].append(1000 * (time.process_time() - begin))
    reference = median(times[REFERENCE])
    for name, found in made.items():
        if isinstance(found, str):
            yield name, None, None, None, None, found
            continue
        apart = np.abs(pictures[name] - pictures[REFERENCE])
        taken = median(times[name])
        yield name, taken, reference / taken, float(apart.mean()), float(apart.max()), ""


def _pixels(decode: Decoder, inputs: list[tuple[Array, Array]]) -> npt.NDArray[np.int64]:
    made = np.concatenate([decode(*pair) for pair in inputs])
    return np.clip(np.rint((made + 1) * 127.5), 0, 255).astype(np.int64)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = bench_parser("runtimes", __doc__)
    made.add_argument("--models", nargs="+", default=["embedded", "second"], metavar="NAME")
    made.add_argument("--size", type=Shape.parse, default=Shape(512, 288), metavar="WxH")
    made.add_argument("--runs", type=int, default=12, metavar="N", help="of each (12)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print → exit status."""
    args = parse(parser(), arguments)
    bundles = [ModelBundle.find(name) for name in args.models]
    report = Report(args, models=bundles)
    for bundle in bundles:
        table = Table(
            ["runtime", "ms of processor", "times as fast", "mean apart", "most apart", "why not"],
            ["{}", "{:.0f}", "{:.2f}", "{:.3f}", "{:.0f}", "{}"],
        )
        runtime = AutoencoderRuntime(bundle, "cpu", 1)
        for row in measure(runtime, args.size, args.runs):
            table.add(*row)
        report.table(bundle.name, table, bundle.name)
    versions = (f"{name} {found}" for name in PACKAGES if (found := package_version(name)))
    report.note(f"PyTorch {torch.__version__}, {', '.join(versions) or 'no other runtime'}.")
    report.save()
    return 0


def package_version(name: str) -> str | None:
    """Of an installed package, None for none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
