"""Options that benchmarks share."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.bench.results import RESULTS

VIDEO_SUFFIXES = {".mp4", ".mkv"}


def bench_parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser for ``python -m tools.bench.NAME`` with the option ``--results``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tools.bench.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(bench=name)
    parser.add_argument(
        "--results",
        type=Path,
        nargs="?",
        const=RESULTS / f"{name}.json",
        metavar="FILE",
        help=f"write the figures to this file (without a name: results/{name}.json)",
    )
    return parser


def add_clips(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--clips DIR`` and ``--only NAME …``."""
    parser.add_argument("--clips", type=Path, required=required, help="folder of clips")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names of clips, without suffix")


def add_lpips(parser: argparse.ArgumentParser) -> None:
    """``--lpips FILE``."""
    parser.add_argument(
        "--lpips", type=Path, required=True, help="SqueezeNet weights of LPIPS as safetensors"
    )


def clip_paths(args: argparse.Namespace) -> list[Path]:
    """The clips that ``add_clips`` asks for, by name."""
    return sorted(
        path
        for path in args.clips.iterdir()
        if path.suffix in VIDEO_SUFFIXES and (not args.only or path.stem in args.only)
    )


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parse, and keep the command as ``command`` for the results.  arguments: None for those of the
    process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(words)
    args.command = command(parser.prog, words)
    return args


def command(program: str, words: Sequence[str]) -> str:
    """The command line without ``--results``, and without paths of this machine: what follows
    ``--clips`` is called CLIPS and so on, any other file outside the repository by its name alone.
    """
    out: list[str] = []
    option = ""
    for word in words:
        if word.startswith("--"):
            option, _, value = word.partition("=")
            if option != "--results":
                out.append(f"{option}={_shown(value, option)}" if value else word)
        elif option != "--results":
            out.append(_shown(word, option))
        else:
            option = ""
    return " ".join([program, *map(shlex.quote, out)])


def _shown(word: str, option: str) -> str:
    if not word.startswith(("/", "..", "~")):
        return word
    return option.removeprefix("--").upper() if option else Path(word).name
