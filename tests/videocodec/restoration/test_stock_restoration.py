"""Streams restored by Stable Diffusion's UNets, tiny and untrained: everything reaches them, and
batches make no difference.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec import decode_frames, encode
from videocodec.decoded import DecodedLatents
from videocodec.decoder.latents import LatentStream
from videocodec.restoration.diffusion import DiffusionRestoration
from videocodec.restoration.settings import RestorationSettings

from ..stock_models import quick_bundle

CPU = {"device": "cpu", "threads": 1}
KINDS = ("plain", "inpainting", "adapter", "motion")
FRAMES = 9


@pytest.fixture(scope="module")
def coded(
    tmp_path_factory: pytest.TempPathFactory, write_movie, panned
) -> dict[str, tuple[Path, Path]]:
    """kind → bundle and a stream of nine frames of 56×40, a keyframe every five."""
    folder = tmp_path_factory.mktemp("stock")
    movie = write_movie(folder / "movie.mp4", panned(FRAMES, 40, 56, (1, 2)))
    made = {}
    for kind in KINDS:
        bundle, stream = quick_bundle(folder / kind, restores=kind), folder / f"{kind}.lv.mp4"
        encode(movie, stream, model=bundle, gop_size=5, preset="veryfast", **CPU)
        made[kind] = bundle, stream
    return made


def restored(coded: tuple[Path, Path], batch: int, **settings: int) -> np.ndarray:
    """All latents of a stream, restored in batches of that many frames."""
    stream = LatentStream(coded[1], coded[0])
    restoration, frames = (
        DiffusionRestoration(
            stream.bundle, stream.header, torch.device("cpu"), RestorationSettings(**settings)
        ),
        list(stream.frames()),
    )
    assert len(frames) == FRAMES
    return np.concatenate(
        [restoration.restore(frames, i, min(batch, FRAMES - i)) for i in range(0, FRAMES, batch)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_batches_make_no_difference(coded, kind: str) -> None:
    whole = restored(coded[kind], FRAMES, steps=2)
    assert np.allclose(restored(coded[kind], 1, steps=2), whole, atol=0.05)
    assert np.allclose(restored(coded[kind], 4, steps=2), whole, atol=0.05)
    plain = np.stack(
        [frame.latent.latents for frame in LatentStream(coded[kind][1], coded[kind][0]).frames()]
    )
    assert np.abs(whole - plain).mean() > 1


@pytest.mark.parametrize(
    ("kind", "reach"), [("plain", 1), ("inpainting", 1), ("adapter", 5), ("motion", 5)]
)
def test_it_reaches_as_far_as_its_network_looks(coded, kind: str, reach: int) -> None:
    stream = LatentStream(coded[kind][1], coded[kind][0])
    assert DiffusionRestoration(stream.bundle, stream.header, torch.device("cpu")).reach == reach


@pytest.mark.parametrize("kind", KINDS)
def test_no_frame_sees_past_a_keyframe(coded, kind: str) -> None:
    """Decoding may begin at any of them."""
    stream = LatentStream(coded[kind][1], coded[kind][0])
    frames = list(stream.frames())
    assert [frame.index for frame in frames if frame.kind == "keyframe"] == [0, 5]
    for part in (frames[:5], frames[5:]):
        restoration = DiffusionRestoration(stream.bundle, stream.header, torch.device("cpu"))
        alone = restoration.restore(part, 0, len(part))
        among = restoration.restore(frames, part[0].index, len(part))
        assert np.allclose(alone, among, atol=0.05)


@pytest.mark.parametrize("kind", ["plain", "adapter"])
def test_a_neighbour_makes_a_difference(coded, kind: str) -> None:
    from dataclasses import replace

    stream = LatentStream(coded[kind][1], coded[kind][0])
    frames = list(stream.frames())[:5]
    other = replace(frames[1], latent=replace(frames[1].latent, latents=-frames[1].latent.latents))
    restoration = DiffusionRestoration(stream.bundle, stream.header, torch.device("cpu"))
    before, after = (
        restoration.restore([frames[0], second, *frames[2:]], 2, 1) for second in (frames[1], other)
    )
    assert np.abs(before - after).max() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_generated_blocks_are_filled_by_the_seed_and_others_are_not(coded, kind: str) -> None:
    stream = LatentStream(coded[kind][1], coded[kind][0])
    frames = list(stream.frames())

    def latents(seed: int, frames: list[DecodedLatents]) -> np.ndarray:
        return DiffusionRestoration(
            stream.bundle, stream.header, torch.device("cpu"), RestorationSettings(seed=seed)
        ).restore(frames, 2, 1)

    assert np.array_equal(latents(1, frames), latents(2, frames))
    marked = [generated(frame) if frame.index == 2 else frame for frame in frames]
    assert not np.allclose(latents(1, marked), latents(2, marked), atol=0.5)


def generated(frame: DecodedLatents) -> DecodedLatents:
    """The frame with its first block marked for generation."""
    from dataclasses import replace

    from bitstream.v1.block_fields import Mode

    modes = frame.latent.fields.modes.copy()
    modes[0, 0] = Mode.GENERATE
    return replace(
        frame, latent=replace(frame.latent, fields=replace(frame.latent.fields, modes=modes))
    )


def test_without_restoration_the_latents_stay(coded) -> None:
    bundle, stream = coded["plain"]
    as_they_are = [
        frame.data for frame in decode_frames(stream, model=bundle, restore=False, **CPU)
    ]
    restored = [frame.data for frame in decode_frames(stream, model=bundle, **CPU)]
    assert len(as_they_are) == len(restored) == FRAMES
    assert any(not np.array_equal(a, b) for a, b in zip(as_they_are, restored, strict=True))
