"""Streams of the real encoder in memory, and batches of cut-outs of them, for training the temporal
UNet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from bitstream.v1.quantiser import UNITS_PER_LATENT
from videocodec.decoded import QUANTISER_STEPS
from videocodec.optical_flow import DenseFlow

HELD_OUT_EVERY = 5
MARGIN = 2  # latents


@dataclass(frozen=True)
class Stream:
    """One coded clip in memory, shapes as in restoration_streams.py; steps (T, h, w) float32;
    timesteps (T,) int64; generate (T, h, w) bool, blocks that the encoder left to be made up, None
    for none.
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
    """All complete streams below a folder.  Ends the program if there is none."""
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
        raise SystemExit(f"{folder}: no streams: make them with tools/train/restoration_streams.py")
    return streams


@dataclass
class Batch:
    """Frames 2k and 2k + 1 are neighbours.  latents, before, after, source (B, C, h, w) of unit
    variance; generate, steps (B, h, w); timesteps (B,); pictures (B, 3, H, W) in [-1, 1]; flow
    (B/2, H, W, 2): where the second frame comes from in the first, as grid_sample wants it.
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
    flow = _FLOW(*gray)
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack(
        [(x + flow[..., 0]) * 2 / (width - 1) - 1, (y + flow[..., 1]) * 2 / (height - 1) - 1], -1
    )


def collate(cuts: list[tuple[Stream, int, int, int, int, int]], deviation: float) -> Batch:
    """Pairs of frames (stream, first frame, top, left, height, width; in latents) to a batch."""
    parts: dict[str, list] = {name: [] for name in Batch.__dataclass_fields__}
    for stream, t, y, x, h, w in cuts:
        there, pixels = (
            np.s_[t : t + 2, :, y : y + h, x : x + w],
            np.s_[t : t + 2, 8 * y : 8 * (y + h), 8 * x : 8 * (x + w)],
        )
        pictures = stream.pictures[pixels]
        parts["latents"].append(stream.decoded[there] / np.float32(UNITS_PER_LATENT * deviation))
        for side, name in enumerate(("before", "after")):
            parts[name].append(
                stream.neighbours[:, side][there] / np.float32(UNITS_PER_LATENT * deviation)
            )
        parts["source"].append(stream.source[there].astype(np.float32) / np.float32(deviation))
        parts["steps"].append(stream.steps[t : t + 2, y : y + h, x : x + w])
        made_up = (
            stream.generate[there[0], there[2], there[3]]
            if stream.generate is not None
            else np.zeros((2, h, w))
        )
        parts["generate"].append(made_up.astype(np.float32))
        parts["timesteps"].append(stream.timesteps[t : t + 2])
        parts["pictures"].append(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        parts["flow"].append(sampling_grid(*pictures)[None])
        top, left, bottom, right = (
            y > 0,
            x > 0,
            y + h < stream.decoded.shape[2],
            x + w < stream.decoded.shape[3],
        )
        judged = np.zeros((2, 1, 8 * h, 8 * w), bool)
        judged[
            ...,
            8 * MARGIN * top : 8 * (h - MARGIN * bottom),
            8 * MARGIN * left : 8 * (w - MARGIN * right),
        ] = True
        parts["judged"].append(judged)
    return Batch(
        **{name: torch.from_numpy(np.concatenate(values)) for name, values in parts.items()}
    )


def training_batch(
    streams: list[Stream], pairs: int, crop: int, deviation: float, rng: np.random.Generator
) -> Batch:
    """Random pairs; crop in latents, even; less where a clip is smaller."""
    crop = min(crop, *(side // 2 * 2 for s in streams for side in s.decoded.shape[2:]))
    scenes = [scene(s.name) for s in streams]
    shares = np.array(
        [len(s.decoded) ** 0.5 / scenes.count(name) for s, name in zip(streams, scenes)]
    )
    cuts = []
    for i in rng.choice(len(streams), pairs, p=shares / shares.sum()):
        stream = streams[i]
        h = w = crop
        # The clip's first frame is the one keyframe: met as often as it matters, since what stands
        # still is it for seconds.
        t = 0 if rng.random() < 0.3 else int(rng.integers(len(stream.decoded) - 1))
        y, x = (
            2 * int(rng.integers((side - size) // 2 + 1))
            for side, size in zip(stream.decoded.shape[2:], (h, w))
        )
        cuts.append((stream, t, y, x, h, w))
    batch = collate(cuts, deviation)
    keyframes = [bool(s.keyframe[t + i]) for s, t, *_ in cuts for i in (0, 1)]
    for i, is_keyframe in enumerate(keyframes):
        if is_keyframe or rng.random() > 0.33 or batch.generate[i].any():
            continue
        for y, x, size in blocks_to_mark(crop, rng):
            whole = np.s_[i, :, y : y + size, x : x + size]
            share = float(rng.choice([0.0, 0.5, 1.0]))
            batch.generate[i, y : y + size, x : x + size] = 1
            batch.latents[whole] = share * batch.before[whole] + (1 - share) * batch.after[whole]
    return batch


def blocks_to_mark(crop: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """(top, left, side) of blocks to mark: from a single one to most of a cut-out, as encoders do
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
