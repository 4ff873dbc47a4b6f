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
from pathlib import Path

import numpy as np

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


def main() -> int:
    """Compare the settings → 1 if a file does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=25, help="how many (default: 25)")
    parser.add_argument("--crf", type=int, default=28)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        encode_here(options)
        return 0
    print(
        "| setting | luma and keyframes | latents that differ | most, of a latent's scale"
        " | bytes | size |"
    )
    print("|---|---|---|---|---|---|")
    first: tuple[dict, np.ndarray] | None = None
    whole = True
    for name, (variables, threads) in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = run(options, Path(folder), variables, threads)
        first = first or found
        whole = whole and found[0]["verified"]
        print(row(name, found, first), flush=True)
    print("every file verifies" if whole else "a file does not verify")
    return int(not whole)


def run(
    options: argparse.Namespace, folder: Path, variables: dict[str, str], threads: int
) -> tuple[dict, np.ndarray]:
    """What a process with these variables found, and its latents."""
    chosen = ["--frames", options.frames, "--crf", options.crf, "--preset", options.preset]
    words = [options.clip, *chosen, "--model", options.model, "--worker", folder]
    environment = os.environ | variables | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(
        [sys.executable, "-m", "tools.bench.instruction_sets", *map(str, words)],
        env=environment,
        check=True,
    )
    return json.loads((folder / "facts.json").read_text()), np.load(folder / "latents.npy")


def encode_here(options: argparse.Namespace) -> None:
    """Encode under the settings of this process, and leave what came of it in a folder."""
    import videocodec
    from videocodec.encoder.motion import MotionSearch
    from videocodec.encoder.pipeline import planned_chunks, sequence_header
    from videocodec.encoder.settings import EncoderSettings
    from videocodec.media.source import VideoSource
    from videocodec.models.bundle import ModelBundle
    from videocodec.models.runtime import AutoencoderRuntime

    threads = int(os.environ["OMP_NUM_THREADS"])
    settings = EncoderSettings(crf=options.crf, preset=options.preset)
    bundle = ModelBundle.find(options.model)
    with VideoSource(options.clip, max_frames=options.frames) as source:
        header = sequence_header(source, bundle, settings)
        frames = list(source)
    chunks = [chunk for chunk in planned_chunks(frames, header, settings) if chunk is not None]
    search = MotionSearch.for_header(header, settings.effort.flow_preset)
    luma = hashlib.sha256(b"".join(search.luma(frame.rgb).tobytes() for frame in frames))
    runtime = AutoencoderRuntime(bundle, "cpu", threads)
    pictures = np.stack([frame.rgb for frame in frames[:4]])
    latents = runtime.encode(pictures, header.padded_height, header.padded_width)
    target = options.worker / "coded.mp4"
    videocodec.encode(
        options.clip,
        target,
        crf=options.crf,
        preset=options.preset,
        model=options.model,
        max_frames=options.frames,
        device="cpu",
        threads=threads,
    )
    data = target.read_bytes()
    facts = {
        "luma": luma.hexdigest() + repr(chunks),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "verified": videocodec.verify(target).ok,
    }
    np.save(options.worker / "latents.npy", latents)
    (options.worker / "facts.json").write_text(json.dumps(facts))


def row(name: str, found: tuple[dict, np.ndarray], first: tuple[dict, np.ndarray]) -> str:
    """A line of the table."""
    facts, latents = found
    known, reference = first
    share = float(np.mean(latents != reference))
    most = float(np.abs(latents - reference).max() / reference.std())
    luma = "same" if facts["luma"] == known["luma"] else "**other**"
    data = "same" if facts["sha256"] == known["sha256"] else "other"
    size = f"{100 * (facts['size'] / known['size'] - 1):+.2f} %"
    return f"| {name} | {luma} | {100 * share:.1f} % | {most:.1e} | {data} | {size} |"


if __name__ == "__main__":
    sys.exit(main())
