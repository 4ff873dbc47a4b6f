"""Train the second autoencoder's head for pictures of twice the size.

    python -m tools.train.upscaler --data DATA --weights WEIGHTS --lpips FILE --run RUN
        [--init HEAD] [--steps 1400] [--minutes N] [--bundle BUNDLE]

DATA is a pack of ``tools.train.second pack``, WEIGHTS the autoencoder's safetensors.  A RUN that
was stopped is gone on with; its head is RUN/upscaler.safetensors, which --bundle also puts into a
bundle, whose identity stays what it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.train.options import add_lpips_option, command, finish
from videocodec.models.bundle import ModelBundle
from videocodec.networks.second.upscaling import UpscalerShape
from videocodec.training.budget import Budget
from videocodec.training.loop import Interval
from videocodec.training.second import pack
from videocodec.training.second.bundle import install_upscaler
from videocodec.training.second.upscaling import (
    LOSS,
    WEIGHTS_FILE,
    UpscalerTraining,
    train_upscaler,
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = command(__doc__)
    made.add_argument("--data", type=Path, required=True, help="a pack of pictures")
    made.add_argument("--weights", type=Path, required=True, help="of the autoencoder")
    add_lpips_option(made)
    made.add_argument("--run", type=Path, required=True, help="folder of the run")
    made.add_argument("--init", type=Path, help="a head, where the run has no checkpoint yet")
    made.add_argument("--steps", type=int, default=1400, help="over all runs")
    made.add_argument("--minutes", type=float, help="stop after so many")
    made.add_argument("--every-minutes", type=float, default=4.0, help="between validations")
    made.add_argument("--examples", type=int, default=UpscalerTraining.examples)
    made.add_argument("--batch", type=int, default=UpscalerTraining.batch)
    made.add_argument("--learning-rate", type=float, default=UpscalerTraining.learning_rate)
    made.add_argument("--width", type=int, default=UpscalerShape.width)
    made.add_argument("--blocks", type=int, default=UpscalerShape.blocks)
    made.add_argument("--lpips-weight", type=float, default=LOSS.lpips)
    made.add_argument("--structure-weight", type=float, default=LOSS.structure)
    made.add_argument("--bundle", type=Path, help="a bundle to put the head into")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    return made


def work(args: argparse.Namespace) -> None:
    """Train."""
    loss = replace(LOSS, lpips=args.lpips_weight, structure=args.structure_weight)
    training = UpscalerTraining(
        weights=args.weights,
        lpips=args.lpips,
        folder=args.run,
        init=args.init,
        examples=args.examples,
        batch=args.batch,
        learning_rate=args.learning_rate,
        shape=UpscalerShape(width=args.width, blocks=args.blocks),
        loss=loss,
        seed=args.seed,
        look=Interval(minutes=args.every_minutes),
    )
    budget = Budget(steps=args.steps, minutes=args.minutes)
    bundle = None if args.bundle is None else ModelBundle.find(args.bundle)
    learner = train_upscaler(training, pack.read(args.data), budget)
    print(f"{args.run / WEIGHTS_FILE}: {learner.steps} steps")
    if bundle is not None:
        install_upscaler(learner.average, bundle)
        print(f"{bundle.folder}: has it as its upscaler")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and do what they say."""
    args = parser().parse_args(arguments)
    finish(lambda: work(args), args.threads)


if __name__ == "__main__":
    main()
