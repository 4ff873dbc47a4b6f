"""Options that the training commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import torch

from videocodec.errors import VideoCodecError
from videocodec.training.budget import Budget


def command(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring as it is."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


class RunOptions(TypedDict):
    """What every training is asked, by the names of its settings."""

    lpips: Path
    output: Path
    init: Path
    budget: Budget
    device: str
    learning_rate: float
    seed: int
    look_every: int


def add_run_options(
    parser: argparse.ArgumentParser, *, steps: int, learning_rate: float, look_every: int
) -> None:
    """To what, by what, how long, where, and from which seed.

    steps, learning_rate, look_every: the defaults; the last counts steps between validations.
    """
    add_lpips_option(parser)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--learning-rate", type=float, default=learning_rate)
    parser.add_argument(
        "--look-every", type=int, default=look_every, help="steps between validations"
    )
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


def run_options(args: argparse.Namespace) -> RunOptions:
    """Of ``add_run_options``, and of ``--init``, which every training explains itself."""
    return {
        "lpips": args.lpips,
        "output": args.output,
        "init": args.init,
        "budget": Budget(steps=args.steps, minutes=args.minutes),
        "device": args.device,
        "learning_rate": args.learning_rate,
        "seed": args.seed,
        "look_every": args.look_every,
    }


def finish(work: Callable[[], object], threads: int) -> None:
    """Do the work with so many threads; the project's errors end the program with one line."""
    torch.set_num_threads(threads)
    try:
        work()
    except VideoCodecError as error:
        raise SystemExit(str(error)) from error
