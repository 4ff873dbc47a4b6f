"""Clips to fit inter frames on: real ones, or pictures under a virtual camera where there are
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from bitstream.sequence_header import SequenceHeader

from ..encoder.frame_plan import EncoderFrame
from ..encoder.motion import MotionSearch
from ..errors import InputError
from ..media.source import VideoSource
from ..models.runtime import AutoencoderRuntime
from .inter import ClipFrames

CLIP_SUFFIXES = {".mp4", ".mkv", ".webm", ".avi", ".mov", ".y4m"}
CAMERA_SIDE = 192  # px


def clip_files(folder: Path) -> list[Path]:
    """The videos in a folder.  Raises ``InputError`` if there is none."""
    files = (
        sorted(f for f in folder.iterdir() if f.suffix.lower() in CLIP_SUFFIXES)
        if folder.is_dir()
        else []
    )
    if not files:
        raise InputError(f"{folder}: no clip to fit inter frames on: give a folder of videos")
    return files


def read_clips(
    files: Iterable[Path],
    runtime: AutoencoderRuntime,
    channels: int,
    frames: int,
    *,
    seen: bool = False,
) -> Iterator[ClipFrames]:
    """The first ``frames`` frames of every clip, encoded to scaled latents, with luma, and with
    their pictures if they are to be ``seen``.
    """
    for path in files:
        with VideoSource(path, max_frames=frames) as source:
            header = _header(source.width, source.height, source.time_base, channels)
            timed = ((frame.rgb, frame.pts, frame.duration) for frame in source)
            yield _clip(timed, header, runtime, seen=seen)


def camera_clips(
    pictures: Sequence[np.ndarray],
    runtime: AutoencoderRuntime,
    channels: int,
    count: int,
    frames: int,
    *,
    seen: bool = False,
) -> Iterator[ClipFrames]:
    """``count`` clips of ``frames`` frames of a virtual camera over pictures (H, W, 3) uint8, at
    most CAMERA_SIDE px square; ``seen`` as in ``read_clips``.
    """
    rng = np.random.default_rng(0)
    side = max(16, min(CAMERA_SIDE, *(min(picture.shape[:2]) for picture in pictures)) // 16 * 16)
    for number in range(count):
        shown, passing = (pictures[index % len(pictures)] for index in (number, number * 7 + 3))
        timed = (
            (picture, time, 1)
            for time, picture in enumerate(camera_clip(shown, passing, frames, rng, side))
        )
        yield _clip(timed, _header(side, side, Fraction(1, 25), channels), runtime, seen=seen)


def camera_clip(
    background: np.ndarray,
    occluder: np.ndarray,
    frames: int,
    rng: np.random.Generator,
    side: int = CAMERA_SIDE,
    motion: float = 1.0,
) -> np.ndarray:
    """(T, side, side, 3) uint8: a camera that pans, zooms and turns over one picture, with an
    ellipse of another passing in front.

    motion: how much of its motion the camera has; with 0 it stands.
    """
    centre, speed = (
        np.array(background.shape[1::-1]) / 2 + rng.uniform(-20, 20, 2),
        rng.normal(0, 1.2, 2),
    )
    zoom, turn = rng.normal(0, 0.004), rng.normal(0, 0.3)
    scale = min(background.shape[:2]) / side * 0.8
    place, course = rng.uniform(0, side, 2), rng.normal(0, 3, 2)
    axes, angle = rng.uniform(18, 50, 2), rng.uniform(0, 180)
    texture = cv2.resize(occluder, (side, side), interpolation=cv2.INTER_AREA)
    shake = np.cumsum(rng.normal(0, 0.3, (frames, 2)), 0)
    speed, zoom, turn, shake = motion * speed, motion * zoom, motion * turn, motion * shake
    clip = []
    for t in range(frames):
        matrix = cv2.getRotationMatrix2D(
            tuple(centre + speed * t + shake[t]), turn * t, np.exp(zoom * t) / scale
        )
        matrix[:, 2] += side / 2 - (centre + speed * t + shake[t])
        # REFLECT so that the camera may leave the picture.
        picture = cv2.warpAffine(
            background, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        mask = np.zeros((side, side), np.float32)
        at = place + course * t
        cv2.ellipse(
            mask,
            (tuple(float(v) for v in at), tuple(float(2 * v) for v in axes), float(angle)),
            1.0,
            -1,
        )
        alpha = cv2.GaussianBlur(mask, (5, 5), 0)[..., None]
        moved = cv2.warpAffine(
            texture,
            np.array([[1, 0, course[0] * t], [0, 1, course[1] * t]], dtype=np.float32),
            (side, side),
            borderMode=cv2.BORDER_REFLECT,
        )
        clip.append(np.rint(picture * (1 - alpha) + moved * alpha).astype(np.uint8))
    return np.stack(clip)


def _header(width: int, height: int, time_base: Fraction, channels: int) -> SequenceHeader:
    return SequenceHeader(
        format_version=1,
        width=width,
        height=height,
        time_base=time_base,
        latent_channels=channels,
        crf=0,
        gop_size=250,
        preset=0,
        model_name="calibrating",
        model_sha256="0" * 64,
    )


def _clip(
    pictures: Iterable[tuple[np.ndarray, int, int]],
    header: SequenceHeader,
    runtime: AutoencoderRuntime,
    *,
    seen: bool,
) -> ClipFrames:
    """(RGB, pts, duration) of every frame → the clip."""
    search = MotionSearch.for_header(header, flow_preset=1)
    frames = []
    for rgb, pts, duration in pictures:
        latents = runtime.encode(rgb[None], header.padded_height, header.padded_width)[0]
        picture = rgb if seen else None
        frames.append(EncoderFrame(latents, search.luma(rgb), pts, duration, picture))
    return ClipFrames(header, frames)
