"""Words as prompts: which text a frame is restored under, and that a stock UNet is told it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bitstream.container import Caption, StreamReader
from videocodec import decode, encode
from videocodec.decoder.frames import decode_frames
from videocodec.restoration import words as restoration_words
from videocodec.restoration.words import Words, captions_that_count

from ..stock_models import PROMPT_WIDTH, quick_bundle

CPU = {"device": "cpu", "threads": 1}
CAPTIONS = (Caption(Fraction(1), "a dog"), Caption(Fraction(2), "a cat"))


def test_every_frame_has_the_words_of_its_time() -> None:
    asked: list[str] = []

    def embed(text: str) -> torch.Tensor:
        asked.append(text)
        return torch.full((1, 5, 3), float(len(text)))

    words = Words(CAPTIONS, Fraction(1, 25), embed)
    frames = [SimpleNamespace(pts=pts) for pts in (0, 24, 25, 49, 50, 400)]
    prompts = words.prompts(frames, torch.device("cpu"))
    assert prompts.shape == (6, 5, 3)
    assert prompts[:, 0, 0].tolist() == [0, 0, 5, 5, 5, 5]
    assert asked == ["", "a dog", "a cat"]


@pytest.fixture(scope="module")
def captioned(
    tmp_path_factory: pytest.TempPathFactory, write_movie: Callable, panned: Callable
) -> dict[str, tuple[Path, Path]]:
    """kind of UNet → bundle and a stream of three frames with words."""
    folder = tmp_path_factory.mktemp("words")
    movie = write_movie(folder / "movie.mp4", panned(3, 40, 56, (1, 2)))
    made = {}
    for kind in ("plain", "motion"):
        bundle, stream = quick_bundle(folder / kind, restores=kind), folder / f"{kind}.lv.mp4"
        encode(movie, stream, model=bundle, preset="ultrafast", caption="a dog", **CPU)
        made[kind] = bundle, stream
    return made


@pytest.mark.parametrize("kind", ["plain", "motion"])
def test_words_change_what_a_stock_unet_makes(
    captioned: dict[str, tuple[Path, Path]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, stream = captioned[kind]

    def shown(scale: float | None) -> torch.Tensor:
        if scale is not None:
            monkeypatch.setattr(
                restoration_words, "captions_that_count", lambda reader, folder: reader.captions()
            )
            words = Words(
                CAPTIONS[:1] and (replace(CAPTIONS[0], begin=Fraction(0)),),
                Fraction(1, 25),
                lambda text: torch.full((1, 5, PROMPT_WIDTH), scale),
            )
            monkeypatch.setattr(Words, "of", lambda *arguments: words)
        decoded = decode_frames(stream, model=bundle, **CPU)
        return torch.stack([frame.to_torch() for frame in decoded])

    without, some, other = shown(None), shown(3.0), shown(-3.0)
    assert not torch.equal(without, some)
    assert not torch.equal(some, other)


def test_without_a_text_encoder_words_are_ignored_and_it_is_said(
    captioned: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    bundle, stream = captioned["plain"]
    assert captions_that_count(StreamReader(stream), bundle) == ()
    report = decode(stream, tmp_path / "%d.png", model=bundle, frames="0:1", **CPU)
    assert report.notes == ["its captions are ignored: model plain takes no words"]


def test_damaged_words_count_for_nothing(
    captioned: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videocodec.restoration.words.takes_words", lambda folder: True)
    bundle, stream = captioned["plain"]
    assert [each.text for each in captions_that_count(StreamReader(stream), bundle)] == ["a dog"]
    damaged = tmp_path / "damaged.lv.mp4"
    damaged.write_bytes(stream.read_bytes().replace(b"a dog", b"a \x00og"))
    assert captions_that_count(StreamReader(damaged), bundle) == ()
