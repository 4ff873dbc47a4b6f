"""Fitting the tables of one bundle: what ``videocodec models calibrate`` and ``python -m
tools.train.calibrate`` both do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import load_file

from bitstream.sequence_header import PIXELS_PER_LATENT
from bitstream.v1.quantiser import QUANTISER_COUNT, step_latent

from ..encoder.settings import EncoderSettings
from ..errors import InputError
from ..judges.lpips import LpipsSqueeze
from ..models.autoencoders import (
    gives_variance,
    latent_channels,
    latents_of,
    load_autoencoder,
)
from ..models.bundle import ModelBundle
from ..models.files import TABLES_FILE
from ..models.loading import STOCK_UNETS, load_scheduler
from ..models.network_files import class_name
from ..models.runtime import AutoencoderRuntime
from ..networks.context import ContextModel, slice_sizes
from ..networks.weights import load_what_fits
from ..training.budget import Budget
from .certainty import TRIAL_CLIPS, TRIAL_FRAMES, CertaintyChoice, choose_certainty
from .clips import camera_clips, read_clips
from .inter import ClipFrames, calibrate_blocks, calibrate_inter, with_block_tables
from .intra import calibrate_intra
from .sensitivity import measure_sensitivity

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SMALLEST_SIDE = 80  # px
SENSITIVITY_CROP = 192  # px
_MOST_CAMERA_CLIPS = 24
_CAMERA_FRAMES = 17
_DEVIATION = 1.5  # of scaled latents: what the quantiser steps of crf 0 to 63 are made for

Log = Callable[[str], None]  # called with a line on every step


def read_pictures(
    folders: Sequence[Path], count: int, largest: int | None = None
) -> list[np.ndarray]:
    """At most about ``count`` pictures (H, W, 3) uint8, evenly from all below the folders; those
    with a side below SMALLEST_SIDE left out, larger ones cut to ``largest`` px a side.  Raises
    ``InputError`` if there is none, or no such folder.
    """
    if gone := next((folder for folder in folders if not folder.is_dir()), None):
        raise InputError(f"{gone}: no such folder")
    files = sorted(
        f for folder in folders for f in folder.rglob("*") if f.suffix.lower() in PICTURE_SUFFIXES
    )
    files = files[:: max(1, len(files) // count)]
    candidates = (cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) for file in files)
    pictures = [
        _middle(p, largest or max(p.shape))
        for p in candidates
        if p is not None and min(p.shape[:2]) >= SMALLEST_SIDE
    ]
    if not pictures:
        raise InputError(
            f"{', '.join(map(str, folders))}: no picture of {SMALLEST_SIDE} px or more: give a"
            " folder of photographs"
        )
    return pictures


def _middle(picture: np.ndarray, side: int) -> np.ndarray:
    y, x = (max(0, (whole - side) // 2) for whole in picture.shape[:2])
    return np.ascontiguousarray(picture[y : y + side, x : x + side])


def _whole_latents(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) without what lies beyond whole latents."""
    height, width = (side // PIXELS_PER_LATENT * PIXELS_PER_LATENT for side in picture.shape[:2])
    return picture[:height, :width]


def latent_scale(folder: Path, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(C,) float32: 1 for the project's own autoencoder, whose loss set its scale; for others one
    number that makes the standard deviation of scaled latents 1.5.
    """
    model = load_autoencoder(folder)
    channels = latent_channels(model)
    assert channels is not None  # which ``ModelSource`` has checked
    if getattr(model, "has_scaled_latents", False):
        return np.ones(channels, dtype=np.float32)
    with torch.inference_mode():
        values = []
        for p in pictures[:16]:
            x = torch.from_numpy(_whole_latents(p)).permute(2, 0, 1)[None].float() / 127.5 - 1
            values.append(latents_of(model, x).flatten())
    return np.full(channels, _DEVIATION / float(torch.cat(values).std()), dtype=np.float32)


def timesteps(
    latents: Sequence[np.ndarray], alphas_cumprod: np.ndarray, scale: float
) -> np.ndarray:
    """(128,) int32: for every quantiser the timestep whose noise √(1-ᾱ)/√ᾱ is as strong as its
    error.

    latents: scaled, (C, h, w) each.  scale: the denoiser's units per scaled latent.  The error is
    step/√12, but never more than the latents' own root mean square: a step beyond that makes them
    zero.
    """
    usable = alphas_cumprod > 1e-6  # schedules with a signal-to-noise ratio of zero end in a pole
    noise = np.sqrt((1 - alphas_cumprod[usable]) / alphas_cumprod[usable])
    most = float(np.sqrt(np.mean([np.mean(z**2) for z in latents])))
    errors = scale * np.array([min(step_latent(q) / 12**0.5, most) for q in range(QUANTISER_COUNT)])
    nearest: npt.NDArray[np.int32] = (
        np.abs(noise[None] - errors[:, None]).argmin(1).astype(np.int32)
    )
    return nearest


def _timesteps(bundle: ModelBundle, latents: Sequence[np.ndarray]) -> np.ndarray:
    """Of a stock UNet by its own schedule and units; otherwise by Stable Diffusion's, for latents
    of unit variance.
    """
    if bundle.has_unet and class_name(bundle.folder / "unet") in STOCK_UNETS:
        scale, _ = bundle.diffusion_units
        return timesteps(
            latents, load_scheduler(bundle.folder).alphas_cumprod.numpy(), float(scale.mean())
        )
    from ..models.schedules import stable_diffusion_schedule

    deviation = float(np.sqrt(np.mean([np.mean(z**2) for z in latents])))
    return timesteps(latents, stable_diffusion_schedule().alphas_cumprod.numpy(), 1 / deviation)


@dataclass(frozen=True)
class FittingSettings:
    """How a bundle is fitted.

    budget: for the context networks; running the autoencoder and the encoder comes on top.
    clip_frames: how many frames of a clip are used at most.
    device, threads: of the networks; None leaves PyTorch's threads as they are.
    seed: of the context networks' first weights.
    """

    budget: Budget
    clip_frames: int = 33
    device: str = "cpu"
    threads: int | None = None
    seed: int = 0


def fit_bundle(
    folder: Path,
    pictures: Sequence[np.ndarray],
    clips: Sequence[Path] | None,
    settings: FittingSettings,
    log: Log,
    perceptual: LpipsSqueeze | None = None,
) -> CertaintyChoice | None:
    """Fit everything in ``codec/`` of the bundle in ``folder``, which has its networks already →
    whether errors are to count by its variances, and why; None of an autoencoder without.

    clips: videos for the inter tables, None for pictures under a virtual camera.
    perceptual: makes channel weights count what the eye sees.
    """
    target = folder / TABLES_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    scale = latent_scale(folder, pictures)
    extra = {"latent_scale": scale}
    save_numpy(extra, str(target))  # enough for the runtime to encode with
    bundle = ModelBundle(folder.name, folder)
    runtime = AutoencoderRuntime(bundle, settings.device, settings.threads)

    def encode(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        (latents,) = runtime.encode(np.ascontiguousarray(picture)[None], height, width)
        return np.asarray(latents)

    weights = _sensitivity(runtime, pictures, perceptual)
    if weights is not None:
        extra["sensitivity"] = weights
        log(f"sensitivity per channel: {' '.join(f'{weight:.2f}' for weight in weights)}")
    slices, generator = slice_sizes(len(scale)), torch.Generator().manual_seed(settings.seed)
    intra = ContextModel(slices, generator=generator)
    rate_model = folder / "codec" / "rate_model.safetensors"
    if rate_model.exists():
        load_what_fits(intra, load_file(str(rate_model)), "rate.")
    part, lagrangian = settings.budget.part(0.5), EncoderSettings().lagrangian
    tables, intra = calibrate_intra(encode, list(pictures), slices, part, intra, lagrangian, log)
    coded_clips = _clips(pictures, clips, runtime, settings.clip_frames)
    log(f"{len(coded_clips)} clips {'read' if clips is not None else 'coded_clips of pictures'}")
    inter = ContextModel(slices, inter=True, generator=generator)
    load_what_fits(inter, intra.state_dict())
    tables, _ = calibrate_inter(tables, coded_clips, part, log, inter)
    extra["timesteps"] = _timesteps(bundle, [encode(_whole_latents(p)) for p in pictures[:40]])
    chosen = None
    if gives_variance(runtime.model):
        seen = _clips(pictures, _some(clips), runtime, TRIAL_FRAMES, seen=True)
        chosen = choose_certainty(tables, runtime, seen, log)
        extra["certainty_strength"] = np.array([chosen.strength], dtype=np.float32)
    tables.save(target)
    save_numpy(load_numpy(str(target)) | extra, str(target))
    return chosen


def _some(clips: Sequence[Path] | None) -> Sequence[Path] | None:
    """As many as certainty is tried on, evenly."""
    return clips and clips[:: max(1, len(clips) // TRIAL_CLIPS)][:TRIAL_CLIPS]


def fit_block_tables(
    folder: Path, clips: Sequence[Path], settings: FittingSettings, jobs: int, log: Log
) -> None:
    """Fit the block layer's tables of the bundle in ``folder`` alone, in place, each of ``jobs``
    processes coding one clip.

    After a change of their syntax it takes two rounds, after one of the encoder's decisions one.
    """
    target = folder / TABLES_FILE
    stored = load_numpy(str(target))
    tables, fitting = with_block_tables(stored)
    bundle = ModelBundle(folder.name, folder)
    runtime = AutoencoderRuntime(bundle, settings.device, settings.threads)
    coded_clips = list(read_clips(clips, runtime, tables.latent_channels, settings.clip_frames))
    log(f"{len(coded_clips)} clips read")
    tables = calibrate_blocks(tables, coded_clips, 1 if fitting else 2, jobs, log)
    save_numpy(stored | tables.to_tensors(), str(target))


def _sensitivity(
    runtime: AutoencoderRuntime, pictures: Sequence[np.ndarray], perceptual: LpipsSqueeze | None
) -> np.ndarray | None:
    """Weights of the channels, (C,), None without a picture that is large enough."""
    crops = [
        p[:SENSITIVITY_CROP, :SENSITIVITY_CROP]
        for p in pictures
        if min(p.shape[:2]) >= SENSITIVITY_CROP
    ][:12]
    return measure_sensitivity(runtime, np.stack(crops), perceptual) if crops else None


def _clips(
    pictures: Sequence[np.ndarray],
    clips: Sequence[Path] | None,
    runtime: AutoencoderRuntime,
    frames: int,
    *,
    seen: bool = False,
) -> list[ClipFrames]:
    """Videos, or pictures under a virtual camera where there are none; few of them if they are to
    be ``seen``.
    """
    channels = len(runtime.bundle.latent_scale)
    if clips is not None:
        return list(read_clips(clips, runtime, channels, frames, seen=seen))
    count = min(len(pictures), TRIAL_CLIPS if seen else _MOST_CAMERA_CLIPS)
    frames = min(frames, _CAMERA_FRAMES)
    return list(camera_clips(pictures, runtime, channels, count, frames, seen=seen))
