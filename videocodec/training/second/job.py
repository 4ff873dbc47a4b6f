"""A training of so many minutes on a lent accelerator, from a folder that has all it needs.

    bash FOLDER/run.sh MINUTES OUTPUT

``pack_job`` (``python -m tools.train.second job``) makes the folder: data, weights, this code, and
the line above.  It runs with torch, numpy, cv2 and safetensors alone.  Most of the time is trained
at a constant rate, the rest a decay for a release; OUTPUT gets weights, log, panel and checkpoint
in eight files below 16 MiB, so that the run goes on wherever the checkpoint is put.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import torch

from ...networks.second.autoencoder import SecondShape
from .. import checkpoints
from ..budget import Budget
from ..loop import Interval, Stopwatch
from . import pack
from .batches import make_batch, on_device
from .objective import Objective
from .recipe import SecondTraining
from .run import (
    CHECKPOINT,
    DECAYED_FILE,
    LOG_FILE,
    PANEL_FILE,
    decay,
    new_learner,
    train,
)

DATA_FILE, LPIPS_FILE = "data.pack", "lpips.safetensors"
WEIGHTS_FILE, SETTINGS_FILE = "weights.safetensors", "job.json"
_RESULTS = (DECAYED_FILE, LOG_FILE, PANEL_FILE)
_LOOKS = 5  # during the constant rate
_DECAY_SHARE = 0.25  # of the minutes
_SAFETY = 0.85  # of the pixels that the measured speed promises for the decay
_TRIAL_STEPS = 4
_CUDA_BATCH, _CUDA_CROP = 32, 192
_CUDA_RATE = 6e-4  # twice the default, for four times the pixels in a step


def main() -> None:
    """Train, with the folder that this is run in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path("."), help="what pack_job made")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="of the constant rate, at most")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of PyTorch (default: its own choice)")
    parser.add_argument("--workers", type=int, default=12, help="threads that make crops")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--crop", type=int)
    parser.add_argument("--learning-rate", type=float)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    work(args)


def work(args: argparse.Namespace) -> None:
    """Both parts, and what they leave in the output folder after each."""
    watch, run_folder = Stopwatch(), args.folder / "run"
    if (args.folder / CHECKPOINT).is_dir() and not run_folder.exists():
        shutil.copytree(args.folder / CHECKPOINT, run_folder / CHECKPOINT)
    pictures = pack.read(args.folder / DATA_FILE)
    asked = _settings(args, run_folder)
    if asked.device.startswith("cuda"):
        asked = replace(asked, channels_last=_is_channels_last_faster(asked, pictures))
    _say(f"{pack_summary(pictures)}; ready after {watch.minutes:.2f} min; {asked}")
    constant = args.minutes * (1 - _DECAY_SHARE) - watch.minutes
    look = Interval(minutes=max(0.1, constant / _LOOKS))
    before = checkpoints.read_record(run_folder / CHECKPOINT).get("pixels", asked.pixels_before)
    begun = watch.minutes
    learner = train(replace(asked, look=look), pictures, Budget(args.steps, None, constant))
    _publish(run_folder, args.output)
    speed = (learner.pixels - before) / (watch.minutes - begun)
    _say(f"{speed / 1e9:.4f} Gpx a minute at a constant rate, {learner.steps} steps")
    left = args.minutes - watch.minutes
    pixels = max(asked.batch * asked.crop**2, int(_SAFETY * speed * left))
    if args.steps:
        pixels = asked.batch * asked.crop**2 * args.steps
    decay(replace(asked, look=Interval(minutes=1e6)), pictures, pixels, max(0.1, left))
    _publish(run_folder, args.output)
    _say(f"done after {watch.minutes:.2f} min\n{(args.output / PANEL_FILE).read_text()}")


def pack_summary(pictures: pack.PackedPictures) -> str:
    """How many pictures of each kind."""
    return ", ".join(f"{len(found)} {name}" for name, found in vars(pictures).items())


def _settings(args: argparse.Namespace, run_folder: Path) -> SecondTraining:
    """Of the job, by the command line, the folder's own, and the device, in this order."""
    stored = json.loads((args.folder / SETTINGS_FILE).read_text())
    on_cuda = args.device.startswith("cuda")
    return SecondTraining(
        lpips=args.folder / LPIPS_FILE,
        folder=run_folder,
        init=args.folder / WEIGHTS_FILE,
        device=args.device,
        batch=args.batch or (_CUDA_BATCH if on_cuda else 8),
        crop=args.crop or (_CUDA_CROP if on_cuda else 128),
        workers=args.workers,
        learning_rate=args.learning_rate
        or (_CUDA_RATE if on_cuda else SecondTraining.learning_rate),
        shape=SecondShape(**stored["shape"]),
        pixels_before=stored["pixels_before"],
    )


def _is_channels_last_faster(training: SecondTraining, pictures: pack.PackedPictures) -> bool:
    """By a few steps in either memory format, of networks that are then thrown away."""
    seconds = {}
    for channels_last in (True, False):
        trial = replace(training, channels_last=channels_last)
        learner, objective = new_learner(trial, pictures), Objective.of(trial)
        batch = make_batch(
            pictures, training.batch, training.crop, training.mixture, learner.randomness, 0
        )
        batch = on_device(batch, learner.device)
        batch = batch.contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )
        for count in range(2 * _TRIAL_STEPS):
            if count == _TRIAL_STEPS:  # what comes before warms up
                torch.cuda.synchronize()
                begun = time.monotonic()
            learner.learn(objective.loss(learner, batch), 0, 1e-3)
        torch.cuda.synchronize()
        seconds[channels_last] = time.monotonic() - begun
    _say(f"{_TRIAL_STEPS} steps: {seconds[True]:.3f} s channels last, {seconds[False]:.3f} s first")
    return seconds[True] <= seconds[False]


def _publish(run_folder: Path, output: Path) -> None:
    """Copy what is worth keeping: eight files."""
    output.mkdir(parents=True, exist_ok=True)
    for name in _RESULTS:
        if (run_folder / name).is_file():
            shutil.copyfile(run_folder / name, output / name)
    shutil.copytree(run_folder / CHECKPOINT, output / CHECKPOINT, dirs_exist_ok=True)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
