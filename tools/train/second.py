"""Train the second autoencoder: pack data once, train for as long as you like, stop anywhere.

    python -m tools.train.second pack  --photographs DIR... --clips DIR... --output DATA
    python -m tools.train.second train --data DATA --lpips FILE --run RUN [--init WEIGHTS]
    python -m tools.train.second decay --data DATA --lpips FILE --run RUN --gigapixels 1
    python -m tools.train.second show  --run RUN PICTURE... --output sheet.png
    python -m tools.train.second job   --data DATA --lpips FILE --run RUN --output FOLDER

``train`` goes on with RUN/checkpoint at a constant rate; ``decay`` makes a release of it,
RUN/decayed.safetensors; ``job`` packs a folder for an accelerator.  docs/training.md says how they
are used.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeAlias

import torch

from tools.train.options import add_lpips_option, command, finish
from videocodec.networks.second.autoencoder import ACTIVATIONS, SecondShape
from videocodec.training.budget import Budget
from videocodec.training.loop import Interval
from videocodec.training.second import pack
from videocodec.training.second.collect import Collection, collect
from videocodec.training.second.losses import SecondWeights
from videocodec.training.second.pack_job import LARGEST_DATA, Job, pack_job
from videocodec.training.second.recipe import OPTIMISERS, PARTS, SecondTraining
from videocodec.training.second.run import decay, train
from videocodec.training.second.show import newest_weights, show

_GIGA = 10**9
_LOSS_PARTS = tuple(field.name for field in fields(SecondWeights))
_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def run_pack(args: argparse.Namespace) -> None:
    """Collect pictures into one file."""
    collection = Collection(
        photographs=args.photographs,
        clips=args.clips,
        validation=args.validation,
        every=args.every,
        quality=args.quality,
    )
    entries = list(collect(collection))
    if args.megabytes:
        entries = pack.within(entries, int(1e6 * args.megabytes))
    pack.write(entries, args.output)
    counts = ", ".join(f"{count} {kind}" for kind, count in pack.count_kinds(entries).items())
    print(f"{args.output}: {counts}, {args.output.stat().st_size / 1e6:.1f} MB")


def loss_weight(text: str) -> tuple[str, float]:
    """Read ``luma=1.3``; raise argparse's error for a part or a number that does not exist."""
    part, _, number = text.partition("=")
    if part not in _LOSS_PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} names none of {', '.join(_LOSS_PARTS)}")
    try:
        return part, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} has no number after =") from None


def _training(args: argparse.Namespace) -> SecondTraining:
    return SecondTraining(
        lpips=args.lpips,
        folder=args.run,
        init=args.init,
        rate_weights=args.rate_weights,
        post_filter=args.post_filter,
        validation=args.validation,
        device=args.device,
        batch=args.batch,
        crop=args.crop,
        workers=args.workers,
        learning_rate=args.learning_rate,
        optimiser=args.optimiser,
        weights=replace(SecondWeights(), **dict(args.loss)),
        shape=SecondShape(activation=args.activation, hidden=args.hidden),
        parts=args.parts,
        seed=args.seed,
        pixels_before=int(args.gigapixels_before * _GIGA),
        look=Interval(minutes=args.every_minutes),
    )


def run_train(args: argparse.Namespace) -> None:
    """Train at a constant rate."""
    budget = Budget(pixels=int(args.gigapixels * _GIGA), minutes=args.minutes)
    train(_training(args), pack.read(args.data), budget)


def run_decay(args: argparse.Namespace) -> None:
    """Make a release."""
    decay(_training(args), pack.read(args.data), int(args.gigapixels * _GIGA), args.minutes)


def run_show(args: argparse.Namespace) -> None:
    """Write a sheet of pictures."""
    weights = args.weights or newest_weights(args.run)
    bits = show(weights, args.pictures, args.step, args.output)
    for file, bpp in zip(args.pictures, bits, strict=True):
        print(f"{file}: {bpp:.3f} bits per pixel, estimated")


def run_job(args: argparse.Namespace) -> None:
    """Pack a folder for an accelerator."""
    job = Job(
        data=args.data,
        lpips=args.lpips,
        weights=args.init,
        run=args.run,
        with_state=args.with_state,
        most_bytes=int(1e6 * args.megabytes),
    )
    print(*pack_job(job, args.output), sep="\n")
    print(f"bash {args.output}/run.sh MINUTES OUTPUT")


def _add_pack(verbs: _Verbs) -> None:
    parser = verbs.add_parser("pack", help="collect pictures into one file")
    parser.add_argument("--photographs", type=Path, nargs="+", required=True)
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--validation",
        type=Path,
        help="folder of pictures to hold out (default: frames of every twelfth scene)",
    )
    parser.add_argument("--every", type=int, default=8, help="take every so manieth frame")
    parser.add_argument("--quality", type=int, default=93, help="of JPEG")
    parser.add_argument("--megabytes", type=float, help="leave out pictures beyond so many")
    parser.set_defaults(work=run_pack)


def _add_run(verbs: _Verbs, verb: str, gigapixels: float) -> None:
    parser = verbs.add_parser(verb)
    parser.add_argument("--data", type=Path, required=True)
    add_lpips_option(parser)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--init", type=Path, help="weights, where the run has no checkpoint yet")
    parser.add_argument(
        "--rate-weights", type=Path, help="take the rate model from this file of weights"
    )
    parser.add_argument(
        "--gigapixels-before", type=float, default=0.0, help="that the weights of --init have seen"
    )
    parser.add_argument(
        "--post-filter", type=Path, help="weights of a post-filter that the loss looks through"
    )
    parser.add_argument(
        "--validation", type=Path, help="folder of pictures in place of frames held out"
    )
    parser.add_argument("--gigapixels", type=float, default=gigapixels)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--every-minutes", type=float, default=8.0, help="between validations")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0, help="threads that make crops ahead")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=SecondTraining.learning_rate)
    parser.add_argument("--optimiser", choices=OPTIMISERS, default=SecondTraining.optimiser)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what learns (default: all)"
    )
    parser.add_argument(
        "--activation",
        choices=list(ACTIVATIONS),
        default=SecondShape.activation,
        help="of networks that start without weights",
    )
    parser.add_argument(
        "--hidden",
        type=int,
        default=SecondShape.hidden,
        help="units of the rate model's networks; more than the weights of --init have are added",
    )
    parser.add_argument(
        "--loss",
        type=loss_weight,
        nargs="+",
        default=[],
        metavar="PART=WEIGHT",
        help=f"weights of the loss's parts: {', '.join(_LOSS_PARTS)}",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(work=run_train if verb == "train" else run_decay)


def _add_show(verbs: _Verbs) -> None:
    parser = verbs.add_parser("show", help="write pictures beside what becomes of them")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--run", type=Path)
    mode.add_argument("--weights", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--step", type=float, default=2.0, help="of the quantiser")
    parser.add_argument("--output", type=Path, required=True)
    parser.set_defaults(work=run_show)


def _add_job(verbs: _Verbs) -> None:
    parser = verbs.add_parser("job", help="pack a folder for an accelerator")
    parser.add_argument("--data", type=Path, required=True)
    add_lpips_option(parser)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--run", type=Path, help="folder of a run to go on with")
    mode.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument(
        "--with-state", action="store_true", help="take the run's optimiser along, 31 MB"
    )
    parser.add_argument("--megabytes", type=float, default=LARGEST_DATA / 1e6, help="of data")
    parser.add_argument("--output", type=Path, required=True)
    parser.set_defaults(work=run_job)


def main() -> None:
    """Parse the arguments and do what they say."""
    parser = command(__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_pack(verbs)
    _add_run(verbs, "train", gigapixels=40)
    _add_run(verbs, "decay", gigapixels=1)
    _add_show(verbs)
    _add_job(verbs)
    args = parser.parse_args()
    finish(lambda: args.work(args), getattr(args, "threads", torch.get_num_threads()))


if __name__ == "__main__":
    main()
