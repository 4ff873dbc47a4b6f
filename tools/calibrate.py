"""Make a model bundle of trained weights, or of a diffusers autoencoder: fit phase filters, context networks and tables.

    python tools/calibrate.py --pictures DIR [DIR ...] --clips DIR --bundle DIR [--weights TRAINING_OUTPUT] [--minutes 8]
                              [--lpips FILE]
    python tools/calibrate.py --block-tables-only --clips DIR --bundle DIR [--clip-frames 33] [--jobs 2]

``--bundle`` is the folder to write ``codec/`` into; it needs ``vae/`` (a diffusers autoencoder), unless ``--weights`` names
a folder of tools/train_autoencoder.py, whose weights are then put there first.  ``--minutes`` is the time for fitting the
context networks; encoding pictures and clips takes about as long again.  ``--lpips`` is the SqueezeNet of LPIPS as
safetensors: with it, the weights that the encoder gives to errors in each channel count what the eye sees too, and not only squares.
``--block-tables-only`` fits the tables of modes, units, directions and vectors anew and leaves the rest of the bundle as it is: after a
change of their syntax (in two rounds) or of the encoder's decisions (in one); each of the ``--jobs`` processes codes one clip.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bitstream.quantiser import QUANTISER_COUNT, step_latent  # noqa: E402
from bitstream.sequence_header import SequenceHeader  # noqa: E402
from videocodec.calibration.context_networks import start_from  # noqa: E402
from videocodec.calibration.inter import ClipFrames, calibrate_blocks, calibrate_inter, with_block_tables  # noqa: E402
from videocodec.calibration.intra import calibrate_intra  # noqa: E402
from videocodec.calibration.sensitivity import measure_sensitivity  # noqa: E402
from videocodec.encoder.group_encoder import EncoderFrame  # noqa: E402
from videocodec.encoder.motion import MotionSearch  # noqa: E402
from videocodec.encoder.settings import EncoderSettings  # noqa: E402
from videocodec.media.source import VideoSource  # noqa: E402
from videocodec.models.bundle import ModelBundle, load_autoencoder  # noqa: E402
from videocodec.models.runtime import AutoencoderRuntime  # noqa: E402
from videocodec.networks.context import ContextModel  # noqa: E402
from videocodec.networks.perceptual import LpipsSqueeze  # noqa: E402

SENSITIVITY_CROP = 192  # px
LAGRANGIAN = EncoderSettings().lagrangian


def slices_for(channels: int) -> tuple[int, ...]:
    """Channels per slice: doubling from one, the rest in the last (16 → 1, 1, 2, 4, 8; 4 → 1, 1, 2)."""
    slices, size = [1], 1
    while sum(slices) < channels:
        slices.append(min(size, channels - sum(slices)))
        size *= 2
    return tuple(slices)


def install_weights(weights: Path, bundle: Path) -> None:
    """Put a training output into the bundle's vae/ and codec/ folders, the shape read off the weights."""
    from videocodec.models.latent_autoencoder import LatentAutoencoder

    state = load_file(str(weights / "autoencoder.safetensors"))
    blocks = {
        part: 1 + max((int(k.split(".")[2]) for k in state if k.startswith(f"{part}.")), default=-1)
        for part in ("encoder.coarse", "encoder.wide", "decoder.coarse", "decoder.fine", "decoder.wide")
    }
    model = LatentAutoencoder(
        latent_channels=state["encoder.linear.weight"].shape[0], width=state["decoder.head.weight"].shape[1],
        coarse_width=state["decoder.stem.weight"].shape[0],
        encoder_blocks=blocks["encoder.coarse"], encoder_wide_blocks=blocks["encoder.wide"],
        decoder_blocks=blocks["decoder.coarse"], decoder_fine_blocks=blocks["decoder.fine"], decoder_wide_blocks=blocks["decoder.wide"],
        expansion=state["decoder.wide.0.expand.weight"].shape[0] // state["decoder.wide.0.expand.weight"].shape[1],
    )  # fmt: skip
    model.load_state_dict({k: v.float() for k, v in state.items()})
    model.half().save_pretrained(str(bundle / "vae"))
    (bundle / "codec").mkdir(parents=True, exist_ok=True)
    save_file(load_file(str(weights / "rate_model.safetensors")), str(bundle / "codec" / "rate_model.safetensors"))
    (bundle / "model_index.json").write_text(
        json.dumps({"_class_name": "VideoCodecBundle", "vae": ["videocodec", "LatentAutoencoder"]}, indent=2) + "\n"
    )


def latent_scale(bundle: Path, pictures: list[np.ndarray]) -> np.ndarray:
    """Per channel: 1 for the project's own autoencoder, whose loss set its scale.
    For others one number that gives a standard deviation of 1.5."""
    model = load_autoencoder(bundle)
    channels = model.config.latent_channels
    if type(model).__name__ == "LatentAutoencoder":
        return np.ones(channels, dtype=np.float32)
    with torch.inference_mode():
        values = []
        for p in pictures[:16]:
            x = torch.from_numpy(p[: p.shape[0] // 8 * 8, : p.shape[1] // 8 * 8]).permute(2, 0, 1)[None].float() / 127.5 - 1
            encoded = model.encode(x)
            values.append((encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents).flatten())
    return np.full(channels, 1.5 / float(torch.cat(values).std()), dtype=np.float32)


def timesteps(scale: np.ndarray, latents: list[np.ndarray]) -> np.ndarray:
    """(128,) int32: the timestep of Stable Diffusion's noise schedule whose noise, relative to the signal, equals the
    quantisation error step/√12 relative to the latents' standard deviation."""
    from diffusers import DDIMScheduler

    schedule = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
    noise = ((1 - schedule.alphas_cumprod) / schedule.alphas_cumprod).sqrt().numpy()
    deviation = float(np.sqrt(np.mean([np.mean(z**2) for z in latents])))
    errors = np.array([min(step_latent(q) / 12**0.5, deviation) / deviation for q in range(QUANTISER_COUNT)])
    return np.abs(noise[None] - errors[:, None]).argmin(1).astype(np.int32)


def clip_files(folder: Path) -> list[Path]:
    """The videos in a folder.  Ends the program if there is none."""
    files = sorted(f for f in folder.iterdir() if f.suffix in {".mp4", ".mkv", ".webm", ".avi", ".y4m"})
    if not files:
        raise SystemExit(f"{folder}: no clip to fit inter frames on")
    return files


def read_clips(files: list[Path], runtime: AutoencoderRuntime, bundle: ModelBundle, frames: int, tables) -> list[ClipFrames]:
    """The first frames of every clip, encoded to latents, with luma."""
    clips = []
    for path in files:
        with VideoSource(path, max_frames=frames) as source:
            header = SequenceHeader(
                width=source.width, height=source.height, time_base=source.time_base, latent_channels=tables.latent_channels,
                crf=0, gop_size=250, preset=0, model_name=bundle.name, model_sha256="0" * 64,
            )  # fmt: skip
            search = MotionSearch(16, header.latent_height // 2, header.latent_width // 2, 1)
            made = []
            for frame in source:
                latents = runtime.encode(frame.rgb[None], header.padded_height, header.padded_width)[0]
                made.append(EncoderFrame(latents, search.luma(frame.rgb), frame.pts, frame.duration))
        clips.append(ClipFrames(header, made))
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    clip_paths = clip_files(args.clips)
    final = args.bundle
    # Everything happens in a copy: a run that is stopped leaves the bundle as it was.
    args.bundle = Path(tempfile.mkdtemp(prefix=".calibrating-", dir=final.resolve().parent)) / final.resolve().name
    try:
        if final.is_dir():
            shutil.copytree(final, args.bundle)
        (fit_block_tables if args.block_tables_only else calibrate)(args, clip_paths)
        shutil.copytree(args.bundle, final, dirs_exist_ok=True)
        print(f"wrote {final}: model {ModelBundle(final.name, final).sha256[:16]}")
    finally:
        shutil.rmtree(args.bundle.parent)


def log_since(begin: float) -> Callable[[str], None]:
    """Prints lines with the minutes that have passed."""
    return lambda line: print(f"{(time.time() - begin) / 60:5.1f} min  {line}", flush=True)


def fit_block_tables(args: argparse.Namespace, clip_paths: list[Path]) -> None:
    """Fit the block layer's tables of the bundle ``args.bundle`` alone, in place."""
    log, target = log_since(time.time()), args.bundle / "codec" / "tables.safetensors"
    stored = load_numpy(str(target))
    (tables, fitting), bundle = with_block_tables(stored), ModelBundle(args.bundle.name, args.bundle)
    clips = read_clips(clip_paths, AutoencoderRuntime(bundle, "cpu", args.threads), bundle, args.clip_frames, tables)
    log(f"{len(clips)} clips read")
    tables = calibrate_blocks(tables, clips, 1 if fitting else 2, args.jobs, log)
    save_numpy(stored | tables.to_tensors(), str(target))


def calibrate(args: argparse.Namespace, clip_paths: list[Path]) -> None:
    """Fit everything of the bundle ``args.bundle``, in place."""
    log = log_since(time.time())
    if args.weights:
        install_weights(args.weights, args.bundle)
    (args.bundle / "codec").mkdir(parents=True, exist_ok=True)
    files = sorted(f for folder in args.pictures for f in folder.rglob("*") if f.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})
    files = files[:: max(1, len(files) // args.picture_count)]
    pictures = [p for f in files if (p := cv2.imread(str(f), cv2.IMREAD_COLOR_RGB)) is not None and min(p.shape[:2]) >= 80]
    if not pictures:
        raise SystemExit(f"{args.pictures}: no picture of 80 px or more")
    scale = latent_scale(args.bundle, pictures)
    target = args.bundle / "codec" / "tables.safetensors"
    extra = {"latent_scale": scale}
    perceptual = LpipsSqueeze(args.lpips) if args.lpips else None
    save_numpy(extra, str(target))  # enough for the runtime to encode with
    bundle = ModelBundle(args.bundle.name, args.bundle)
    runtime = AutoencoderRuntime(bundle, "cpu", args.threads)

    def encode(picture: np.ndarray) -> np.ndarray:
        return runtime.encode(np.ascontiguousarray(picture)[None], *picture.shape[:2])[0]

    crops = [p[:SENSITIVITY_CROP, :SENSITIVITY_CROP] for p in pictures if min(p.shape[:2]) >= SENSITIVITY_CROP][:12]
    if crops:
        extra["sensitivity"] = measure_sensitivity(runtime, np.stack(crops), perceptual)
        log(f"sensitivity per channel: {' '.join(f'{weight:.2f}' for weight in extra['sensitivity'])}")
    slices = slices_for(len(scale))
    rate_model = args.bundle / "codec" / "rate_model.safetensors"
    start = start_from(load_file(str(rate_model)), ContextModel(slices)) if rate_model.exists() else None
    tables, intra_model = calibrate_intra(encode, pictures, slices, args.minutes / 2, start, LAGRANGIAN, log)
    clips = read_clips(clip_paths, runtime, bundle, args.clip_frames, tables)
    log(f"{len(clips)} clips read")
    inter_start = start_from(intra_model.state_dict(), ContextModel(slices, inter=True))
    tables, _ = calibrate_inter(tables, clips, args.minutes / 2, log, inter_start)
    extra["timesteps"] = timesteps(scale, [encode(p[: p.shape[0] // 8 * 8, : p.shape[1] // 8 * 8]) for p in pictures[:40]])
    tables.save(target)
    save_numpy(load_numpy(str(target)) | extra, str(target))


if __name__ == "__main__":
    main()
