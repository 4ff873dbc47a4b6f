"""Train the network that makes decoded pictures twice as large.

    python -m tools.train.upscaler --data DATA --weights WEIGHTS --lpips FILE --run RUN
        [--model BUNDLE] [--init WEIGHTS] [--steps 1600] [--minutes N] [--bundle BUNDLE]

DATA is a pack of ``tools.train.second pack``, WEIGHTS the autoencoder's safetensors: its decoded
pictures are learnt from, through the post-filter of --model.  A RUN that was stopped is gone on
with; what comes of it is RUN/upscaler.safetensors, which --bundle also puts into a bundle, whose
identity stays what it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools.train.options import add_lpips_option, command, finish
from videocodec.models.bundle import ModelBundle
from videocodec.models.default import DEFAULT_MODEL
from videocodec.networks.upscaling import UpscalerShape
from videocodec.training.budget import Budget
from videocodec.training.loop import Interval
from videocodec.training.second import pack
from videocodec.training.second.bundle import install_upscaler
from videocodec.training.second.upscaling import (
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
    made.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help="whose post-filter pictures go through, if it has one",
    )
    made.add_argument(
        "--init", type=Path, help="to start from, where the run has no checkpoint yet"
    )
    made.add_argument("--steps", type=int, default=1600, help="over all runs")
    made.add_argument("--minutes", type=float, help="stop after so many")
    made.add_argument("--every-minutes", type=float, default=4.0, help="between validations")
    made.add_argument("--examples", type=int, default=UpscalerTraining.examples)
    made.add_argument("--batch", type=int, default=UpscalerTraining.batch)
    made.add_argument("--learning-rate", type=float, default=UpscalerTraining.learning_rate)
    made.add_argument("--width", type=int, default=UpscalerShape.width)
    made.add_argument("--blocks", type=int, default=UpscalerShape.blocks)
    made.add_argument("--lpips-weight", type=float, default=UpscalerTraining.lpips_weight)
    made.add_argument("--structure-weight", type=float, default=UpscalerTraining.structure_weight)
    made.add_argument("--bundle", type=Path, help="a bundle to put it into")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    return made


def work(args: argparse.Namespace) -> None:
    """Train."""
    training = UpscalerTraining(
        weights=args.weights,
        lpips=args.lpips,
        folder=args.run,
        init=args.init,
        filtered_by=ModelBundle.find(args.model).folder,
        examples=args.examples,
        batch=args.batch,
        learning_rate=args.learning_rate,
        shape=UpscalerShape(width=args.width, blocks=args.blocks),
        lpips_weight=args.lpips_weight,
        structure_weight=args.structure_weight,
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
