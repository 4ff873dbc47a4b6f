"""Streams of the real encoder with their sources, for training the temporal UNet: decoded latents,
neighbours, what is known of them.

    python -m tools.train.restoration_streams --clips DIR --pictures DIR --output DIR [--frames 33]
    [--picture-count 120]
        [--generation 1] [--jobs 2]

Every clip is coded at several crf values, spread over the whole range, by the default encoder.  Of
the pictures short clips are made by a virtual camera that pans, zooms and turns over them while a
piece of another picture passes in front; half of them stand still, and most are softened, changed
in contrast and given noise, as video is next to photographs.  A folder is written per clip with
``pictures.npy`` (T, H, W, 3) uint8, ``source.npy`` (T, C, h, w) float16 and, per stream,
``crfNN.npz`` with decoded (T, C, h, w), neighbours (T, 2, C, h, w) int16, quantisers (T, h, w)
uint8, ``generate`` (T, h, w) bool and ``keyframe`` (T,) bool; folders that are complete are left
alone.  With ``--generation`` below 1, blocks are left to the restoration as ``encode --generation``
does, and the folders' names end in ``-made``: put them beside the others.  Clips larger than
384×288 are cut to that size at a random place.
"""

from __future__ import annotations

import argparse
import zlib
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.formats import motion_tables
from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import Mode
from bitstream.v1.frame_coder import to_positions
from videocodec.calibration.clips import camera_clip
from videocodec.decoder.unit_decoder import UnitDecoder
from videocodec.encoder.frame_encoder import EncoderHelpers
from videocodec.encoder.frame_plan import EncoderFrame
from videocodec.encoder.group_encoder import GroupEncoder
from videocodec.encoder.motion import MotionSearch
from videocodec.encoder.settings import EncoderSettings
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.restoration.neighbours import neighbours

WIDTH, HEIGHT = 384, 288
CRF_RANGES = ((14, 24), (24, 34), (34, 44), (44, 56))  # one stream of every clip from each
BLOCK_LOG2 = 1


def read_clip(path: Path, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(T, H, W, 3) uint8: frames from a random start, cut to at most WIDTH × HEIGHT and to
    multiples of 16.
    """
    with VideoSource(path) as source:
        every = []
        for frame in source:
            every.append(frame.rgb)
            if len(every) >= 3 * frames:
                break
    start = int(rng.integers(max(1, len(every) - frames + 1)))
    clip = np.stack(every[start : start + frames])
    height, width = min(HEIGHT, clip.shape[1]) // 16 * 16, min(WIDTH, clip.shape[2]) // 16 * 16
    y, x = (
        int(rng.integers(clip.shape[1] - height + 1)),
        int(rng.integers(clip.shape[2] - width + 1)),
    )
    return clip[:, y : y + height, x : x + width]


def as_filmed(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A clip of a photograph, (T, H, W, 3) uint8, as a video camera might have given it: softer,
    other contrast, noise in every frame.
    """
    if rng.random() < 0.25:
        return clip
    contrast, brightness, noise = (
        rng.uniform(0.6, 1.05),
        rng.uniform(-20, 20),
        max(0.0, rng.normal(0, 2.5)),
    )
    sigma = tuple(rng.uniform(0.3, 1.6) * np.array([1.0, rng.uniform(0.7, 1.3)]))
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), *sigma) for frame in clip]).astype(np.float32)
    grain = rng.normal(0, noise, (*clip.shape[:3], 1)) + rng.normal(0, 0.4 * noise, clip.shape)
    return np.clip(np.rint((soft - 128) * contrast + 128 + brightness + grain), 0, 255).astype(
        np.uint8
    )


def write_streams(folder: Path, clip: np.ndarray, crfs: list[int], generation: float) -> None:
    """Encode and decode a clip at every crf, and write what training needs; a renamed folder is a
    complete one.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    bundle = ModelBundle.find("embedded")
    runtime = AutoencoderRuntime(bundle, "cpu", 1)
    height, width = clip.shape[1:3]
    partial = folder.with_suffix(".part")
    partial.mkdir(parents=True, exist_ok=True)
    source = np.concatenate(
        [runtime.encode(clip[i : i + 4], height, width) for i in range(0, len(clip), 4)]
    )
    np.save(partial / "pictures.npy", clip)
    np.save(partial / "source.npy", source.astype(np.float16))
    header = SequenceHeader(
        format_version=1,
        width=width,
        height=height,
        time_base=Fraction(1, 25),
        latent_channels=source.shape[1],
        crf=0,
        gop_size=250,
        preset=0,
        model_name=bundle.name,
        model_sha256="0" * 64,
    )
    for crf in crfs:
        settings = EncoderSettings(crf=crf, generation=generation)
        search = MotionSearch.for_header(header, settings.effort.flow_preset)
        helpers = EncoderHelpers(weights=bundle.sensitivity)
        encoder = GroupEncoder(bundle.tables, header, settings, search, helpers=helpers)
        frames = [
            EncoderFrame(z, search.luma(picture), i, 1)
            for i, (z, picture) in enumerate(zip(source, clip, strict=True))
        ]
        units = [unit for frame in frames for unit in encoder.push(frame)] + encoder.finish()
        decoder = UnitDecoder(bundle.tables, 1 << BLOCK_LOG2)
        decoded = [frame for unit in units for frame in decoder.decode(unit, len(unit.payload))]
        np.savez(
            partial / f"crf{crf}.npz",
            decoded=np.stack([f.latent.latents for f in decoded]),
            neighbours=np.stack(
                [
                    neighbours(motion_tables(bundle.tables), decoded, i, 1 << BLOCK_LOG2)
                    for i in range(len(decoded))
                ]
            ).astype(np.int16),
            quantisers=np.stack([f.quantiser_map for f in decoded]),
            generate=np.stack(
                [
                    to_positions(f.latent.fields.modes == Mode.GENERATE, 1 << BLOCK_LOG2)
                    for f in decoded
                ]
            ),
            keyframe=np.array([f.kind == "keyframe" for f in decoded]),
        )
    partial.rename(folder)


def make_clip(
    name: str, path: Path, other: Path | None, frames: int, generation: float, output: Path
) -> str:
    """One job: read or make the clip called ``name`` and write its streams."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if other is None:
        clip = read_clip(path, frames, rng)
        ranges: tuple[tuple[int, int], ...] = CRF_RANGES
    else:
        background, occluder = (
            np.asarray(cv2.imread(str(p), cv2.IMREAD_COLOR_RGB), np.uint8) for p in (path, other)
        )
        moving = float(rng.random() < 0.5)
        clip = as_filmed(
            camera_clip(background, occluder, min(frames, 17), rng, motion=moving), rng
        )
        chosen = rng.choice(len(CRF_RANGES), 2, replace=False)
        ranges = tuple(CRF_RANGES[i] for i in chosen)
    write_streams(
        output / name, clip, [int(rng.integers(*limits)) for limits in ranges], generation
    )
    return name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=33)
    parser.add_argument("--picture-count", type=int, default=120)
    parser.add_argument(
        "--generation",
        type=float,
        default=1.0,
        help="as of encode: 1 leaves no block to be made up",
    )
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    clips = sorted(f for f in args.clips.iterdir() if f.suffix in {".mp4", ".mkv", ".webm", ".y4m"})
    pictures = sorted(
        f
        for f in args.pictures.rglob("*")
        if f.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    )
    pictures = pictures[:: max(1, len(pictures) // args.picture_count)]
    kind = "-made" if args.generation < 1 else ""
    jobs = [(f"clip-{f.stem}{kind}", f, None) for f in clips]
    jobs += [
        (f"camera-{i:04}{kind}", f, pictures[(i * 7 + 3) % len(pictures)])
        for i, f in enumerate(pictures)
    ]
    # Every kind early, so that what is there when a run is stopped is of use.
    jobs = [
        jobs[i]
        for i in np.random.default_rng(0).permutation(len(jobs))
        if not (args.output / jobs[i][0]).exists()
    ]
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        for done, name in enumerate(
            pool.map(
                make_clip,
                *zip(
                    *[(*job, args.frames, args.generation, args.output) for job in jobs],
                    strict=True,
                ),
            ),
            1,
        ):
            print(f"{done}/{len(jobs)} {name}", flush=True)


if __name__ == "__main__":
    main()
