"""What a post-filter learns from: pictures, and what the codec makes of them.

Some are frames of real streams; others are crops that were quantised, and mostly moved, encoded and
decoded again as the loop does (``generations``), of which any number can be had.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file

from ...decoded import QUANTISER_STEPS
from ...decoder.latents import LatentStream
from ...encoder.api import encode
from ...media.source import VideoSource
from ...models.bundle import ModelBundle
from ...models.picture_makers import ExactPictures
from ...networks.second.codec import SecondCodec
from ..pictures import to_tensor
from ..randomness import Randomness
from .crops import Mixture, make_crop
from .generations import GENERATIONS, moved
from .pack import PackedPictures

SIDE = 256  # px of a crop
_MARGIN = 32  # px: what moves cost, 8 each
STEP_RANGE = (0.25, 5.0)  # of quantiser steps
_STREAM = 1 << 29  # of random numbers, apart from those of the steps
_BATCH = 4
_CRFS = 22, 60
_FRAMES, _TAKEN = 17, (0, 3, 6, 9, 12, 16)  # of a clip
_LARGEST = 288  # px a side that are kept of a frame
_ALIGNED = 16  # px
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """A picture (H, W, 3) uint8, what the codec made of it, and log2 of the quantiser step of every
    latent position, (H/8, W/8) float32; sides are multiples of 8.
    """

    target: Picture
    coded: Picture
    log2_steps: npt.NDArray[np.float32]


@torch.no_grad()
def coded_crops(
    codec: SecondCodec, pictures: PackedPictures, count: int, randomness: Randomness
) -> Iterator[Example]:
    """Crops of a pack at random, at random steps, there and back up to ``GENERATIONS`` times."""
    low, high = (math.log(limit) for limit in STEP_RANGE)
    for first in range(0, count, _BATCH):
        rngs = [randomness.numpy(_STREAM, first + i) for i in range(min(_BATCH, count - first))]
        crops = [make_crop(pictures, SIDE + _MARGIN, Mixture(), rng) for rng in rngs]
        steps = torch.tensor([math.exp(rng.uniform(low, high)) for rng in rngs])
        steps, rng = steps.float(), rngs[0]
        target = to_tensor(crops)
        coded = codec.decoder(codec.coded(target, steps)[0], torch.log2(steps)).clamp(-1, 1)
        generations = int(rng.integers(GENERATIONS + 1))
        for index in range(GENERATIONS):
            again = index < generations
            offset = (int(rng.integers(16)), int(rng.integers(16))) if again else (0, 0)
            target, coded = moved(target, offset), moved(coded, offset)
            if again:
                latents = codec.encoder(coded.clamp(-1, 1)).float()
                coded = codec.decoder(latents, torch.log2(steps)).clamp(-1, 1)
        for one, two, step in zip(_as_bytes(target), _as_bytes(coded), steps, strict=True):
            positions = SIDE // 8, SIDE // 8
            yield Example(one, two, np.full(positions, math.log2(float(step)), np.float32))


def _as_bytes(pictures: torch.Tensor) -> npt.NDArray[np.uint8]:
    made: npt.NDArray[np.uint8] = (
        pictures.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    )
    return np.ascontiguousarray(made)


def coded_frames(
    clips: Sequence[Path], model: ModelBundle, randomness: Randomness
) -> Iterator[Example]:
    """Frames of clips from real streams of a model, a crf for each clip, without post-filter."""
    maker = ExactPictures.of(model.tables, model.name)
    if maker is None:
        raise ValueError(f"model {model.name} has no networks in its loop")
    for number, clip in enumerate(clips):
        rng = randomness.numpy(_STREAM, number, 1)
        with VideoSource(clip, max_frames=_FRAMES) as source:
            pictures = [frame.rgb for frame in source]
        if min(pictures[0].shape[:2]) < SIDE // 4:
            continue
        with tempfile.TemporaryDirectory() as folder:
            coded, crf = Path(folder) / "coded.mp4", int(rng.integers(*_CRFS))
            encode(
                clip,
                coded,
                crf=crf,
                max_frames=_FRAMES,
                model=model.folder,
                device="cpu",
                threads=1,
            )
            stream = LatentStream(coded, model.folder)
            for frame in stream.frames(pictures=True):
                if frame.index in _TAKEN and frame.index < len(pictures):
                    source_of_it = pictures[frame.index]
                    size = source_of_it.shape[:2]
                    made = frame.picture
                    if made is None:
                        made = maker.whole(frame.latent.latents, frame.quantiser_map, *size)
                    yield _part(source_of_it, made, QUANTISER_STEPS[frame.quantiser_map], rng)


def _part(
    target: Picture, coded: Picture, steps: npt.NDArray[np.float32], rng: np.random.Generator
) -> Example:
    """Of a frame, at a latent position."""
    sizes = [min(side, _LARGEST) // _ALIGNED * _ALIGNED for side in target.shape[:2]]
    places = [
        int(rng.integers((whole - side) // 8 + 1))
        for whole, side in zip(target.shape[:2], sizes, strict=True)
    ]
    pixels = tuple(slice(8 * at, 8 * at + side) for at, side in zip(places, sizes, strict=True))
    positions = tuple(slice(at, at + side // 8) for at, side in zip(places, sizes, strict=True))
    logs = np.log2(steps[positions]).astype(np.float32)
    return Example(target[pixels].copy(), coded[pixels].copy(), logs)


def write_examples(examples: Iterable[Example], file: Path) -> None:
    """Keep them."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, one in enumerate(examples):
        arrays |= {f"{number}.{name}": value for name, value in vars(one).items()}
    save_file(arrays, str(file))


def read_examples(file: Path) -> list[Example]:
    """Those that were kept."""
    kept, names = load_file(str(file)), ("target", "coded", "log2_steps")
    count = len(kept) // len(names)
    return [Example(*(kept[f"{number}.{name}"] for name in names)) for number in range(count)]
