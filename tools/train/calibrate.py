"""Make a model bundle of weights that this project trained: fit phase filters, context networks and
tables.

    python -m tools.train.calibrate --pictures DIR --clips DIR --bundle DIR --training-steps 4000
    python -m tools.train.calibrate --block-tables-only --clips DIR --bundle DIR [--jobs 2]

``--bundle`` is the folder to write ``codec/`` into; it needs ``vae/`` (a diffusers autoencoder),
unless ``--weights`` names the output of ``python -m tools.train.autoencoder``, whose weights are
then put there first.  ``--training-steps`` or ``--minutes`` is for fitting the context networks;
encoding pictures and clips takes about as long again as eight minutes of it.  ``--lpips`` is the
SqueezeNet of LPIPS as safetensors: with it, the weights that the encoder gives to errors in each
channel count what the eye sees too, and not only squares. ``--block-tables-only`` fits the tables
of the block layer anew and leaves the rest of the bundle as it is; each of the ``--jobs`` processes
codes one clip. Other people's models become bundles with ``videocodec models calibrate``, which
fits the same (``videocodec.calibration.fitting``).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from tools.train.options import command, finish
from videocodec.calibration.clips import clip_files
from videocodec.calibration.fitting import (
    FittingSettings,
    fit_block_tables,
    fit_bundle,
    read_pictures,
)
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.models.bundle import ModelBundle
from videocodec.training.budget import Budget
from videocodec.training.install import install_autoencoder
from videocodec.training.loop import Stopwatch


def calibrate(args: argparse.Namespace) -> None:
    """Fit in a copy, so that a run that is stopped leaves the bundle as it was, and put it in
    place.
    """
    clips, watch, final = clip_files(args.clips), Stopwatch(), args.bundle.resolve()
    budget = (
        Budget(steps=args.training_steps) if args.training_steps else Budget(minutes=args.minutes)
    )
    settings = FittingSettings(budget, args.clip_frames, threads=args.threads)

    def log(line: str) -> None:
        print(f"{watch.minutes:5.1f} min  {line}", flush=True)

    with tempfile.TemporaryDirectory(prefix=".calibrating-", dir=final.parent) as workshop:
        bundle = Path(workshop) / final.name
        if final.is_dir():
            shutil.copytree(final, bundle)
        if args.weights:
            install_autoencoder(args.weights, bundle)
        if args.block_tables_only:
            fit_block_tables(bundle, clips, settings, args.jobs, log)
        else:
            pictures = read_pictures(args.pictures, args.picture_count)
            perceptual = LpipsSqueeze(args.lpips) if args.lpips else None
            fit_bundle(bundle, pictures, clips, settings, log, perceptual)
        shutil.copytree(bundle, final, dirs_exist_ok=True)
    print(f"wrote {args.bundle}: model {ModelBundle(final.name, final).sha256[:16]}")


def main() -> None:
    """Parse the arguments and calibrate."""
    parser = command(__doc__)
    parser.add_argument("--pictures", type=Path, nargs="+")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--training-steps", type=int, help="in place of --minutes")
    parser.add_argument("--picture-count", type=int, default=160)
    parser.add_argument("--clip-frames", type=int, default=33)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--block-tables-only", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    if not args.pictures and not args.block_tables_only:
        parser.error("the following arguments are required: --pictures")
    finish(lambda: calibrate(args), args.threads)


if __name__ == "__main__":
    main()
