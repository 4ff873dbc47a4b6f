"""Options that the training commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from videocodec.errors import VideoCodecError
from videocodec.training.budget import Budget


def command(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring as it is."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_run_options(parser: argparse.ArgumentParser, steps: int) -> None:
    """How long, where, and from which seed; steps: the default."""
    parser.add_argument(
        "--steps", type=int, default=steps, help=f"of training, over all runs (default: {steps})"
    )
    parser.add_argument(
        "--minutes", type=float, help="stop after so many, to go on with the same command later"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)


def add_lpips_option(parser: argparse.ArgumentParser) -> None:
    """The weights of the perceptual loss."""
    parser.add_argument(
        "--lpips",
        type=Path,
        required=True,
        help="safetensors file of LPIPS with SqueezeNet (videocodec models lpips FILE makes it)",
    )


def budget(args: argparse.Namespace) -> Budget:
    """Of ``add_run_options``."""
    return Budget(steps=args.steps, minutes=args.minutes)


def finish(work: Callable[[], object], threads: int) -> None:
    """Do the work with so many threads; the project's errors end the program with one line."""
    torch.set_num_threads(threads)
    try:
        work()
    except VideoCodecError as error:
        raise SystemExit(str(error)) from error
