"""Make a model bundle of weights that this project trained: fit phase filters, context networks and
tables.

    python -m tools.train.calibrate --pictures DIR [DIR ...] --clips DIR --bundle DIR [--weights
    TRAINING_OUTPUT] [--minutes 8]
                              [--lpips FILE]
    python -m tools.train.calibrate --block-tables-only --clips DIR --bundle DIR [--jobs 2]

``--bundle`` is the folder to write ``codec/`` into; it needs ``vae/`` (a diffusers autoencoder),
unless ``--weights`` names a folder of tools/train/autoencoder.py, whose weights are then put there
first.  ``--minutes`` is the time for fitting the context networks; encoding pictures and clips
takes about as long again.  ``--lpips`` is the SqueezeNet of LPIPS as safetensors: with it, the
weights that the encoder gives to errors in each channel count what the eye sees too, and not only
squares. ``--block-tables-only`` fits the tables of modes, units, directions and vectors anew and
leaves the rest of the bundle as it is: after a change of their syntax (in two rounds) or of the
encoder's decisions (in one); each of the ``--jobs`` processes codes one clip. Other people's models
become bundles with ``videocodec models calibrate``, which fits the same
(videocodec/calibration/fitting.py).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import load_file, save_file

from videocodec.calibration.clips import clip_files, read_clips
from videocodec.calibration.fitting import fit_bundle, read_pictures
from videocodec.calibration.inter import calibrate_blocks, with_block_tables
from videocodec.errors import VideoCodecError
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime


def install_weights(weights: Path, bundle: Path) -> None:
    """Put a training output into the bundle's vae/ and codec/ folders, the shape read off the
    weights.
    """
    from videocodec.models.latent_autoencoder import LatentAutoencoder

    state = load_file(str(weights / "autoencoder.safetensors"))
    blocks = {
        part: 1 + max((int(k.split(".")[2]) for k in state if k.startswith(f"{part}.")), default=-1)
        for part in (
            "encoder.coarse",
            "encoder.wide",
            "decoder.coarse",
            "decoder.fine",
            "decoder.wide",
        )
    }
    model = LatentAutoencoder(
        latent_channels=state["encoder.linear.weight"].shape[0],
        width=state["decoder.head.weight"].shape[1],
        coarse_width=state["decoder.stem.weight"].shape[0],
        encoder_blocks=blocks["encoder.coarse"],
        encoder_wide_blocks=blocks["encoder.wide"],
        decoder_blocks=blocks["decoder.coarse"],
        decoder_fine_blocks=blocks["decoder.fine"],
        decoder_wide_blocks=blocks["decoder.wide"],
        expansion=state["decoder.wide.0.expand.weight"].shape[0]
        // state["decoder.wide.0.expand.weight"].shape[1],
    )
    model.load_state_dict({k: v.float() for k, v in state.items()})
    model.half().save_pretrained(str(bundle / "vae"))
    (bundle / "codec").mkdir(parents=True, exist_ok=True)
    save_file(
        load_file(str(weights / "rate_model.safetensors")),
        str(bundle / "codec" / "rate_model.safetensors"),
    )
    (bundle / "model_index.json").write_text(
        json.dumps(
            {"_class_name": "VideoCodecBundle", "vae": ["videocodec", "LatentAutoencoder"]},
            indent=2,
        )
        + "\n"
    )


def fit_block_tables(
    folder: Path, clips: list[Path], args: argparse.Namespace, log: Callable[[str], None]
) -> None:
    """Fit the block layer's tables of the bundle in ``folder`` alone, in place."""
    target = folder / "codec" / "tables.safetensors"
    stored = load_numpy(str(target))
    tables, fitting = with_block_tables(stored)
    runtime = AutoencoderRuntime(ModelBundle(folder.name, folder), "cpu", args.threads)
    made = list(read_clips(clips, runtime, tables.latent_channels, args.clip_frames))
    log(f"{len(made)} clips read")
    tables = calibrate_blocks(tables, made, 1 if fitting else 2, args.jobs, log)
    save_numpy(stored | tables.to_tensors(), str(target))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, nargs="+")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--picture-count", type=int, default=160)
    parser.add_argument("--clip-frames", type=int, default=33)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--block-tables-only", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    if not args.pictures and not args.block_tables_only:
        parser.error("the following arguments are required: --pictures")
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    final = args.bundle
    try:
        clips = clip_files(args.clips)
        pictures = (
            [] if args.block_tables_only else read_pictures(args.pictures, args.picture_count)
        )
    except VideoCodecError as error:
        raise SystemExit(str(error)) from error
    begin = time.time()

    def log(line: str) -> None:
        print(f"{(time.time() - begin) / 60:5.1f} min  {line}", flush=True)

    # Everything happens in a copy: a run that is stopped leaves the bundle as it was.
    bundle = (
        Path(tempfile.mkdtemp(prefix=".calibrating-", dir=final.resolve().parent))
        / final.resolve().name
    )
    try:
        if final.is_dir():
            shutil.copytree(final, bundle)
        if args.weights:
            install_weights(args.weights, bundle)
        if args.block_tables_only:
            fit_block_tables(bundle, clips, args, log)
        else:
            perceptual = LpipsSqueeze(args.lpips) if args.lpips else None
            fit_bundle(
                bundle,
                pictures,
                clips,
                minutes=args.minutes,
                clip_frames=args.clip_frames,
                device="cpu",
                threads=args.threads,
                log=log,
                perceptual=perceptual,
            )
        shutil.copytree(bundle, final, dirs_exist_ok=True)
        print(f"wrote {final}: model {ModelBundle(final.name, final).sha256[:16]}")
    except VideoCodecError as error:
        raise SystemExit(str(error)) from error
    finally:
        shutil.rmtree(bundle.parent)


if __name__ == "__main__":
    main()
