"""Streams of the real encoder in memory, and batches of crops of them, for training the temporal
UNet.

Streams are made by ``python -m tools.train.restoration_streams``, which says what is in a folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT

from ..decoded import QUANTISER_STEPS
from ..errors import InputError
from ..optical_flow import DenseFlow

HELD_OUT_EVERY = 5
MARGIN = 2  # latents


@dataclass(frozen=True)
class Stream:
    """One coded clip in memory.

    name: of the clip, and of the crf after a space.
    pictures: (T, H, W, 3) uint8.
    source: (T, C, h, w) float16, its latents.
    decoded: (T, C, h, w) int16, in units of the stream.
    neighbours: (T, 2, C, h, w) int16, what was predicted from the frames before and after.
    steps: (T, h, w) float32, of the quantiser.
    timesteps: (T,) int64.
    keyframe: (T,) bool.
    generate: (T, h, w) bool, blocks that the encoder left to be made up, None for none.
    """

    name: str
    pictures: np.ndarray
    source: np.ndarray
    decoded: np.ndarray
    neighbours: np.ndarray
    steps: np.ndarray
    timesteps: np.ndarray
    keyframe: np.ndarray
    generate: np.ndarray | None = None


def scene(name: str) -> str:
    """What a stream shows, by its name: clips called alike up to the first underscore
    (``clip-asl_book crf30``) were filmed in one place. Streams of one scene must not be on both
    sides of a validation, nor count for more than one in training.
    """
    return name.split()[0].removesuffix("-made").split("_")[0]


def load_streams(folder: Path, timesteps: np.ndarray) -> list[Stream]:
    """All complete streams below a folder; timesteps: (128,), of every quantiser.

    Raises ``InputError`` if there is none.
    """
    streams = []
    for clip in sorted(f for f in folder.iterdir() if f.is_dir() and f.suffix != ".part"):
        pictures, source = np.load(clip / "pictures.npy"), np.load(clip / "source.npy")
        for file in sorted(clip.glob("crf*.npz")):
            with np.load(file) as data:
                quantisers = data["quantisers"]
                frame_quantiser = np.rint(quantisers.mean((1, 2))).astype(np.int64)
                streams.append(
                    Stream(
                        f"{clip.name} {file.stem}",
                        pictures,
                        source,
                        data["decoded"],
                        data["neighbours"],
                        QUANTISER_STEPS[quantisers],
                        timesteps[frame_quantiser].astype(np.int64),
                        data["keyframe"],
                        data.get("generate"),
                    )
                )
    if not streams:
        raise InputError(
            f"{folder}: no streams: make them with python -m tools.train.restoration_streams"
        )
    return streams


@dataclass
class Batch:
    """Crops of frames; frames 2k and 2k + 1 are neighbours.

    latents, before, after, source: (B, C, h, w) of unit variance.
    generate, steps: (B, h, w).
    timesteps: (B,).
    pictures: (B, 3, H, W) in [-1, 1].
    flow: (B/2, H, W, 2), where the second frame comes from in the first, as grid_sample takes it.
    judged: (B, 1, H, W) bool, pixels that count.
    """

    latents: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    source: torch.Tensor
    generate: torch.Tensor
    steps: torch.Tensor
    timesteps: torch.Tensor
    pictures: torch.Tensor
    flow: torch.Tensor
    judged: torch.Tensor

    def to(self, device: str) -> Batch:
        """The same on a device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


_FLOW = DenseFlow(1)


def sampling_grid(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W, 2) float32 in [-1, 1]: for every pixel of ``second``, where it is in ``first``."""
    gray = [cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY) for p in (second, first)]
    flow = _FLOW(np.asarray(gray[0], np.uint8), np.asarray(gray[1], np.uint8))
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack(
        [(x + flow[..., 0]) * 2 / (width - 1) - 1, (y + flow[..., 1]) * 2 / (height - 1) - 1], -1
    )


@dataclass(frozen=True)
class Cut:
    """A crop of two frames of a stream, ``frame`` and the next; sides in latents."""

    stream: Stream
    frame: int
    top: int
    left: int
    height: int
    width: int

    @property
    def latents(self) -> tuple[slice, slice, slice, slice]:
        """Its place in arrays (T, C, h, w)."""
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        return slice(self.frame, self.frame + 2), slice(None), rows, columns

    @property
    def pixels(self) -> tuple[slice, slice, slice]:
        """Its place in arrays (T, H, W, 3)."""
        frames, _, *sides = self.latents
        rows, columns = (slice(8 * side.start, 8 * side.stop) for side in sides)
        return frames, rows, columns


def collate(cuts: list[Cut], deviation: float) -> Batch:
    """Crops of one size as a batch; latents are divided by ``deviation``."""
    parts = [_tensors(cut, np.float32(deviation)) for cut in cuts]
    return Batch(
        **{
            name: torch.from_numpy(np.concatenate([part[name] for part in parts]))
            for name in Batch.__dataclass_fields__
        }
    )


def _tensors(cut: Cut, deviation: np.float32) -> dict[str, np.ndarray]:
    """The fields of a batch of one cut."""
    stream, place = cut.stream, cut.latents
    frames, _, rows, columns = place
    pictures = stream.pictures[cut.pixels]
    units = UNITS_PER_LATENT * deviation
    made_up = np.zeros((2, cut.height, cut.width), np.float32)
    if stream.generate is not None:
        made_up = stream.generate[frames, rows, columns].astype(np.float32)
    return {
        "latents": stream.decoded[place] / units,
        "before": stream.neighbours[:, 0][place] / units,
        "after": stream.neighbours[:, 1][place] / units,
        "source": stream.source[place].astype(np.float32) / deviation,
        "generate": made_up,
        "steps": stream.steps[frames, rows, columns],
        "timesteps": stream.timesteps[frames],
        "pictures": pictures.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1,
        "flow": sampling_grid(*pictures)[None],
        "judged": _judged(cut),
    }


def _judged(cut: Cut) -> np.ndarray:
    """(2, 1, H, W) bool: pixels away from sides where a crop, but not the picture, ends."""
    height, width = cut.stream.decoded.shape[2:]
    bottom, right = cut.top + cut.height, cut.left + cut.width
    rows = slice(8 * MARGIN * (cut.top > 0), 8 * (cut.height - MARGIN * (bottom < height)))
    columns = slice(8 * MARGIN * (cut.left > 0), 8 * (cut.width - MARGIN * (right < width)))
    judged = np.zeros((2, 1, 8 * cut.height, 8 * cut.width), bool)
    judged[..., rows, columns] = True
    return judged


def training_batch(
    streams: list[Stream], pairs: int, crop: int, deviation: float, rng: np.random.Generator
) -> Batch:
    """Crops of random pairs of frames, ``crop`` latents a side, even, less where a clip is smaller;
    in a third of the frames between keyframes some blocks hold a neighbour's content and are marked
    for generation.
    """
    crop = min(crop, *(side // 2 * 2 for s in streams for side in s.decoded.shape[2:]))
    scenes = [scene(s.name) for s in streams]
    shares = np.array(
        [
            len(s.decoded) ** 0.5 / scenes.count(name)
            for s, name in zip(streams, scenes, strict=True)
        ]
    )
    cuts = []
    for i in rng.choice(len(streams), pairs, p=shares / shares.sum()):
        stream = streams[i]
        # The clip's first frame is the one keyframe: met as often as it matters, since what stands
        # still is it for seconds.
        t = 0 if rng.random() < 0.3 else int(rng.integers(len(stream.decoded) - 1))
        y, x = (
            2 * int(rng.integers((side - size) // 2 + 1))
            for side, size in zip(stream.decoded.shape[2:], (crop, crop), strict=True)
        )
        cuts.append(Cut(stream, t, y, x, crop, crop))
    batch = collate(cuts, deviation)
    keyframes = [bool(cut.stream.keyframe[cut.frame + i]) for cut in cuts for i in (0, 1)]
    for i, is_keyframe in enumerate(keyframes):
        if is_keyframe or rng.random() > 0.33 or batch.generate[i].any():
            continue
        for y, x, size in blocks_to_mark(crop, rng):
            block = np.s_[i, :, y : y + size, x : x + size]
            share = float(rng.choice([0.0, 0.5, 1.0]))
            batch.generate[i, y : y + size, x : x + size] = 1
            batch.latents[block] = share * batch.before[block] + (1 - share) * batch.after[block]
    return batch


def blocks_to_mark(crop: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """(top, left, side) of blocks to mark: from a single one to most of a crop, as encoders do
    from calm to wild scenes.
    """
    size = int(rng.choice([2, 2, 4]))
    places = [
        (y, x, size)
        for y in range(0, crop - size + 1, size)
        for x in range(0, crop - size + 1, size)
    ]
    chosen = rng.permutation(len(places))[: max(1, int(rng.uniform(0, 0.8) ** 2 * len(places)))]
    return [places[i] for i in chosen]


def held_out(
    streams: list[Stream], pattern: str | None = None
) -> tuple[list[Stream], list[Stream]]:
    """Streams to train on and to validate with: no scene is in both.  pattern: a regular expression
    that finds the scenes to validate with by name, for weights that have seen the others; without
    it every fifth clip.
    """
    scenes = sorted({scene(s.name) for s in streams})
    chosen = (
        {s for s in scenes if re.search(pattern, s)}
        if pattern
        else set([s for s in scenes if s.startswith("clip")][3::HELD_OUT_EVERY])
    )
    return [s for s in streams if scene(s.name) not in chosen], [
        s for s in streams if scene(s.name) in chosen
    ]
