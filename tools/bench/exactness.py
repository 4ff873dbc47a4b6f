"""Decodes the conformance corpus in many environments that must not matter, and prints a table.

    python -m tools.bench.exactness --pythons python3.11 python3.12 python3.13 [--results]

Makes a virtual environment for every Python and for both ends of the supported range of every
package that bitstream/ needs (without PyTorch, without anything else), and decodes the whole corpus
in each: under other kernels of BLAS, with and without the processor's vector instructions, on
several threads, under every direction of rounding, and with denormal numbers flushed.  What cannot
be had here is in the table with its reason.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.results import ROOT, Report

# what bitstream/ imports
PACKAGES = ("numpy", "av", "constriction", "safetensors", "threadpoolctl")
VECTORS = "SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2 AVX512F AVX512CD AVX512_SKX X86_V3 X86_V4"

# Name, arguments of tests.conformance.decode_under, environment; the first ones are enough for
# environments beside the first.
VARIANTS: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    ("as it is", [], {}),
    ("rounding up", ["--rounding", "up"], {}),
    ("rounding down, denormals flushed", ["--rounding", "down", "--flush"], {}),
    (
        "numpy without vector instructions, rounding up",
        ["--rounding", "up"],
        {"NPY_DISABLE_CPU_FEATURES": VECTORS},
    ),
    ("rounding to zero", ["--rounding", "zero"], {}),
    ("denormals flushed", ["--flush"], {}),
    (
        "rounding up before numpy is loaded, 2 threads of BLAS",
        ["--rounding", "up", "--early", "--threads", "2"],
        {},
    ),
    (
        "rounding down after numpy is loaded, 2 threads of BLAS",
        ["--rounding", "down", "--threads", "2"],
        {},
    ),
    ("2 threads of BLAS", ["--threads", "2"], {}),
    ("8 threads of BLAS", ["--threads", "8"], {}),
    ("kernels of Prescott (SSE3)", ["--threads", "1"], {"OPENBLAS_CORETYPE": "Prescott"}),
    ("kernels of Nehalem (SSE4.2)", ["--threads", "1"], {"OPENBLAS_CORETYPE": "Nehalem"}),
    ("kernels of Sandybridge (AVX)", ["--threads", "1"], {"OPENBLAS_CORETYPE": "Sandybridge"}),
    ("kernels of Haswell (AVX2)", ["--threads", "1"], {"OPENBLAS_CORETYPE": "Haswell"}),
    ("numpy without vector instructions", [], {"NPY_DISABLE_CPU_FEATURES": VECTORS}),
)
FEW = 4


def requirements(end: str) -> list[str]:
    """What pip is asked for: "lowest" of pyproject.toml's ranges, or "newest", which are those of
    constraints.txt.
    """
    if end == "newest":
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        return [line for line in lines if line.partition("==")[0] in PACKAGES]
    ranges = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    matches = (re.fullmatch(r"([\w-]+)>=([\d.]+)", entry) for entry in ranges)
    lowest = {match[1]: match[2] for match in matches if match is not None}
    # 18 is 18.0
    whole = {name: lowest[name] + ".0" * (lowest[name].count(".") < 1) for name in PACKAGES}
    return [
        f"{name}=={version}.*" if version.count(".") < 2 else f"{name}=={version}"
        for name, version in whole.items()
    ]


def make_environment(python: str, packages: list[str], folder: Path) -> str | None:
    """A virtual environment with these packages and no other → what is wrong, or None."""
    created = subprocess.run(
        [python, "-m", "venv", str(folder)], capture_output=True, text=True, check=False
    )
    if created.returncode:
        return "no virtual environment: " + (created.stderr.strip().splitlines() or ["?"])[-1]
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
        "--no-compile",
        "--no-deps",
    ]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    return "not to be had: " + done.stderr.strip().splitlines()[-1] if done.returncode else None


def run_variant(python: Path, arguments: list[str], environment: dict[str, str]) -> str:
    """Decode the corpus → "agrees", or what is wrong."""
    command = [str(python), "-m", "tests.conformance.decode_under", *arguments]
    settings = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment,
    }
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=settings, check=False
    )
    says = (done.stdout + done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
    return {0: "agrees", 3: f"not tried: {says[-1]}"}.get(done.returncode, f"DIFFERS: {says[-1]}")


def versions(python: Path) -> str:
    """What is installed, in short."""
    code = (
        "import platform, sys, importlib.metadata as m; print(platform.python_version(), *(p + ' '"
        " + m.version(p) for p in sys.argv[1:]))"
    )
    return subprocess.run(
        [str(python), "-c", code, *PACKAGES], capture_output=True, text=True, check=True
    ).stdout.strip()


def matrix(pythons: Sequence[str], *, every: bool, few: bool) -> tuple[Table, bool]:
    """A row for each environment and variant, and whether all agree.  every: all variants in every
    environment, not in the first alone; few: the first variants alone, in the first one too.
    """
    table, good = Table(["environment (no PyTorch)", "under", "latents"]), True
    with tempfile.TemporaryDirectory(prefix="check-exactness-") as temporary:
        pairs = [(python, end) for python in pythons for end in ("newest", "lowest")]
        for index, (python, end) in enumerate(pairs):
            folder = Path(temporary) / str(index)
            if problem := make_environment(python, requirements(end), folder):
                table.add(f"{Path(python).name}, {end} packages", "all", problem)
                continue
            inside = folder / "bin" / "python"
            chosen = VARIANTS if every or not (index or few) else VARIANTS[:FEW]
            for name, arguments, environment in chosen:
                result = run_variant(inside, arguments, environment)
                good &= not result.startswith("DIFFERS")
                print(table.add(versions(inside), name, result), file=sys.stderr, flush=True)
    return table, good


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("exactness", __doc__)
    cli.add_argument(
        "--pythons",
        nargs="+",
        default=[sys.executable],
        help="Python programs to make environments with",
    )
    amount = cli.add_mutually_exclusive_group()
    amount.add_argument(
        "--all",
        action="store_true",
        help="every variant in every environment, not in the first alone",
    )
    amount.add_argument(
        "--few",
        action="store_true",
        help=f"the first {FEW} variants alone, in the first environment too",
    )
    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the matrix; exit status 1 if anything differs."""
    args = parse(parser(), arguments)
    report = Report(args)
    table, good = matrix(args.pythons, every=args.all, few=args.few)
    report.table("matrix", table)
    report.save()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
