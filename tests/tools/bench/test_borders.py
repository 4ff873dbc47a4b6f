"""tools/bench/borders.py: the stand-in depends on the clip, and flicker is told by place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tools.bench import borders
from videocodec import encode
from videocodec.decoder.latents import LatentStream
from videocodec.models.denoiser import Conditions, SlidingWindow
from videocodec.restoration.diffusion import DiffusionRestoration


def conditions(frames: torch.Tensor) -> Conditions:
    planes = torch.zeros(len(frames), *frames.shape[2:])
    return Conditions(frames, frames, planes, planes, latents=frames)


def test_the_stand_in_averages_what_is_alike_and_leaves_the_rest() -> None:
    frames = torch.zeros(4, 3, 2, 2)
    frames[:, 0, 0, 0] = torch.tensor([0.05, -0.05, 0.05, -0.05])
    frames[2:, :, 1, 1] = 50.0
    made = borders.MeanOfClip(SlidingWindow(4, 2)).predict(
        frames, torch.zeros(4, dtype=torch.int64), conditions(frames)
    )
    assert made.shape == frames.shape
    assert made[:, 0, 0, 0].abs().max() < 0.005
    assert torch.allclose(made[:, :, 1, 1], frames[:, :, 1, 1])


def test_flicker_at_borders_is_told_from_other_flicker(texture: Callable[..., np.ndarray]) -> None:
    source = [texture(64, 64, 0)] * 6
    brighter = [
        np.clip(picture.astype(int) + 4 * (number >= 3), 0, 255).astype(np.uint8)
        for number, picture in enumerate(source)
    ]
    at_borders, elsewhere = borders.flicker(brighter, source, range(3, 6, 3))
    assert 3 < at_borders <= 4 and elsewhere == 0


def test_ways_differ_in_their_windows(
    panned: Callable[..., list[np.ndarray]], write_movie: Callable[..., Path], tmp_path: Path
) -> None:
    movie, coded = write_movie(tmp_path / "clip.mp4", panned(3, 32, 48, (0, 1))), tmp_path / "c.mp4"
    encode(movie, coded, preset="ultrafast", model="embedded-unet", device="cpu", threads=1)
    named = dict(borders.restorations(LatentStream(coded, "embedded-unet"), 4))
    assert list(named) == ["as decoded", "side by side", "blended"]
    clips = [named[name] for name in ("side by side", "blended")]
    assert all(isinstance(each, DiffusionRestoration) and each.takes_clips for each in clips)
    assert {each.reach for each in clips} == {3}
