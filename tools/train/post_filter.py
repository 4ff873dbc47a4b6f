"""Train the post-filter of decoded pictures.

    python -m tools.train.post_filter --data DATA --clips DIR --model BUNDLE --weights WEIGHTS
        --lpips FILE --run RUN [--init WEIGHTS] [--steps 4000] [--minutes N] [--install]

DATA is a pack of ``tools.train.second pack``, DIR has clips for training.  What is learnt from are
crops of the pack as the autoencoder of WEIGHTS codes them, and frames of clips from streams of the
model BUNDLE; they are worked out once, and kept in RUN.  A RUN that was stopped is gone on with;
what comes of it is RUN/post_filter.safetensors, which --install also puts into the bundle, in
integers; the bundle's identity stays what it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tools.bench.options import VIDEO_SUFFIXES
from tools.train.options import add_lpips_option, command, finish
from videocodec.models.bundle import ModelBundle
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape
from videocodec.networks.second.codec import SecondCodec
from videocodec.training.budget import Budget
from videocodec.training.loop import Interval
from videocodec.training.randomness import Randomness
from videocodec.training.second import pack
from videocodec.training.second.bundle import install_post_filter, shape_of
from videocodec.training.second.post_filter_examples import (
    Example,
    coded_crops,
    coded_frames,
    read_examples,
    write_examples,
)
from videocodec.training.second.post_filtering import (
    WEIGHTS_FILE,
    PostFilterTraining,
    train_post_filter,
)

EXAMPLES_FILE = "examples.safetensors"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = command(__doc__)
    made.add_argument("--data", type=Path, required=True, help="a pack of pictures")
    made.add_argument("--clips", type=Path, required=True, help="folder of clips for training")
    made.add_argument("--model", default="second", help="that codes them")
    made.add_argument("--weights", type=Path, required=True, help="of the autoencoder")
    add_lpips_option(made)
    made.add_argument("--run", type=Path, required=True, help="folder of the run")
    made.add_argument("--init", type=Path, help="to start from, where the run has no checkpoint")
    made.add_argument("--steps", type=int, default=4000, help="over all runs")
    made.add_argument("--minutes", type=float, help="stop after so many")
    made.add_argument("--every-minutes", type=float, default=4.0, help="between validations")
    made.add_argument("--crops", type=int, default=1200)
    made.add_argument("--most-clips", type=int, default=120)
    made.add_argument("--batch", type=int, default=PostFilterTraining.batch)
    made.add_argument("--learning-rate", type=float, default=PostFilterTraining.learning_rate)
    made.add_argument("--width", type=int, default=PostFilterShape.width)
    made.add_argument("--layers", type=int, default=PostFilterShape.layers)
    made.add_argument("--install", action="store_true", help="put it into the bundle")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    return made


def examples_of(args: argparse.Namespace, model: ModelBundle) -> list[Example]:
    """Those of the run, worked out where it has none yet."""
    file = args.run / EXAMPLES_FILE
    if not file.is_file():
        codec, randomness = SecondCodec(shape_of(args.weights)), Randomness(args.seed)
        codec.load(args.weights)
        clips = sorted(one for one in args.clips.iterdir() if one.suffix in VIDEO_SUFFIXES)
        chosen = clips[:: max(1, len(clips) // args.most_clips)][: args.most_clips]
        crops = coded_crops(codec.eval(), pack.read(args.data), args.crops, randomness)
        args.run.mkdir(parents=True, exist_ok=True)
        write_examples(chain(coded_frames(chosen, model, randomness), crops), file)
    return read_examples(file)


def work(args: argparse.Namespace) -> None:
    """Train."""
    model = ModelBundle.find(args.model)
    training = PostFilterTraining(
        lpips=args.lpips,
        folder=args.run,
        init=args.init,
        batch=args.batch,
        learning_rate=args.learning_rate,
        shape=PostFilterShape(width=args.width, layers=args.layers),
        seed=args.seed,
        look=Interval(minutes=args.every_minutes),
    )
    budget = Budget(steps=args.steps, minutes=args.minutes)
    learner = train_post_filter(training, examples_of(args, model), budget)
    print(f"{args.run / WEIGHTS_FILE}: {learner.steps} steps")
    if args.install:
        network = learner.average
        assert isinstance(network, PostFilterNetwork)  # as the learner's model
        install_post_filter(network, model)
        print(f"{model.folder}: has it as its post-filter")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and do what they say."""
    args = parser().parse_args(arguments)
    finish(lambda: work(args), args.threads)


if __name__ == "__main__":
    main()
