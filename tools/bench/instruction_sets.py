"""Encodes a clip under several simulated instruction sets and numbers of threads, and says what
differs: ``python -m tools.bench.instruction_sets CLIP --frames 25``.

Each setting is a process of its own with the variables that keep oneDNN, PyTorch, MKL, OpenCV and
numpy from using what the processor has.  Three things are compared with the first setting: what
comes before the networks (luma and keyframes), what the autoencoder's encoder gives, and the bytes
of the file; and every file is verified.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from tools.bench.markdown import Cell, Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import Report

# OpenCV's wheels have no kernels beyond AVX2.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
}
SSE = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENCV_CPU_DISABLE": "AVX2,FP16,AVX",
    "NPY_DISABLE_CPU_FEATURES": (
        "AVX2 FMA3 F16C AVX AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
    ),
}
SETTINGS: dict[str, tuple[dict[str, str], int]] = {
    "all that the processor has, 1 thread": ({}, 1),
    "all that the processor has, 2 threads": ({}, 2),
    "AVX-512 without AMX": ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, 1),
    "AVX2, oneDNN alone": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, 1),
    "AVX2, PyTorch's own kernels alone": ({"ATEN_CPU_CAPABILITY": "avx2"}, 1),
    "AVX2, everything, 1 thread": (AVX2, 1),
    "AVX2, everything, 2 threads": (AVX2, 2),
    "SSE4.1, everything": (SSE, 1),
}


COLUMNS = (
    "setting",
    "luma and keyframes",
    "latents that differ",
    "most, of a latent's scale",
    "bytes",
    "size",
)


class Facts(TypedDict):
    """What a process wrote: SHA-256 of luma with the chunks, and of the file; its size in bytes;
    whether it verifies.
    """

    luma: str
    sha256: str
    size: int
    verified: bool


Found = tuple[Facts, np.ndarray]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("instruction_sets", __doc__)
    add = cli.add_argument
    add("clip", type=Path)
    add("--frames", type=int, default=25, help="how many (default: 25)")
    add("--crf", type=int, default=28)
    add("--preset", default="medium")
    add("--model", default="embedded")
    add("--worker", type=Path, help=argparse.SUPPRESS)
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the settings → 1 if a file does not verify."""
    from videocodec.models.bundle import ModelBundle

    args = parse(parser(), arguments)
    if args.worker is not None:
        encode_here(args)
        return 0
    report = Report(args, models=[ModelBundle.find(args.model)], clips=[args.clip])
    table = Table(COLUMNS, ["{}", "{}", "{:.1f} %", "{:.1e}", "{}", "{:+.2f} %"])
    first: Found | None = None
    whole = True
    for name, (variables, threads) in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            coded = run(args, Path(folder), variables, threads)
        first = first or coded
        whole = whole and coded[0]["verified"]
        print(table.add(name, *compared(coded, first)), flush=True)
    report.table("settings", table)
    report.note("Every file verifies." if whole else "WRONG: a file does not verify.")
    report.save()
    return int(not whole)


def run(args: argparse.Namespace, folder: Path, variables: dict[str, str], threads: int) -> Found:
    """What a process with these variables found, and its latents."""
    chosen = ["--frames", args.frames, "--crf", args.crf, "--preset", args.preset]
    words = [args.clip, *chosen, "--model", args.model, "--worker", folder]
    environment = os.environ | variables | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(
        [sys.executable, "-m", "tools.bench.instruction_sets", *map(str, words)],
        env=environment,
        check=True,
    )
    facts: Facts = json.loads((folder / "facts.json").read_text())
    return facts, np.load(folder / "latents.npy")


def encode_here(args: argparse.Namespace) -> None:
    """Encode under the settings of this process, and leave what came of it in a folder."""
    import videocodec
    from videocodec.encoder.motion import MotionSearch
    from videocodec.encoder.pipeline import planned_chunks, sequence_header
    from videocodec.encoder.settings import EncoderSettings
    from videocodec.media.source import VideoSource
    from videocodec.models.bundle import ModelBundle
    from videocodec.models.runtime import AutoencoderRuntime

    threads = int(os.environ["OMP_NUM_THREADS"])
    settings = EncoderSettings(crf=args.crf, preset=args.preset)
    bundle = ModelBundle.find(args.model)
    with VideoSource(args.clip, max_frames=args.frames) as source:
        header = sequence_header(source, bundle, settings)
        frames = list(source)
    chunks = [chunk for chunk in planned_chunks(frames, header, settings) if chunk is not None]
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    luma = hashlib.sha256(b"".join(search.luma(frame.rgb).tobytes() for frame in frames))
    runtime = AutoencoderRuntime(bundle, "cpu", threads)
    pictures = np.stack([frame.rgb for frame in frames[:4]])
    latents = runtime.encode(pictures, header.padded_height, header.padded_width)
    target = args.worker / "coded.mp4"
    videocodec.encode(
        args.clip,
        target,
        crf=args.crf,
        preset=args.preset,
        model=args.model,
        max_frames=args.frames,
        device="cpu",
        threads=threads,
    )
    data = target.read_bytes()
    facts: Facts = {
        "luma": luma.hexdigest() + repr(chunks),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "verified": videocodec.verify(target).ok,
    }
    np.save(args.worker / "latents.npy", latents)
    (args.worker / "facts.json").write_text(json.dumps(facts))


def compared(found: Found, first: Found) -> list[Cell]:
    """The cells of a setting's row, after its name."""
    facts, latents = found
    known, reference = first
    return [
        "same" if facts["luma"] == known["luma"] else "**other**",
        100 * float(np.mean(latents != reference)),
        float(np.abs(latents - reference).max() / reference.std()),
        "same" if facts["sha256"] == known["sha256"] else "other",
        100 * (facts["size"] / known["size"] - 1),
    ]


if __name__ == "__main__":
    sys.exit(main())
