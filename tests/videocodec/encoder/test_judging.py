"""The judge of pictures: that its gradient is one of what is seen, whole or in tiles, by one thread
or several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.sequence_header import SequenceHeader
from bitstream.v1.block_fields import BlockFields, Mode
from bitstream.v1.frame_coder import LatentFrame
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from videocodec.encoder import picture_tiles
from videocodec.encoder.aiming import CodedVersion
from videocodec.encoder.judging import KEYFRAME_REACH, REACH, PerceptualJudge
from videocodec.encoder.pipeline import sequence_header
from videocodec.encoder.settings import EncoderSettings
from videocodec.judges.lpips import LpipsSqueeze
from videocodec.judges.structure import lost_structure
from videocodec.media.source import VideoSource
from videocodec.models.bundle import ModelBundle
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.restoration.diffusion import DiffusionRestoration

from ..stock_models import temporal_bundle

QUANTISER = 45
WIDTH, HEIGHT = 120, 88  # padded to 128 × 96


@pytest.fixture(scope="module")
def perceptual(lpips_weights: Path) -> LpipsSqueeze:
    return LpipsSqueeze(lpips_weights)


@pytest.fixture(scope="module")
def runtime() -> AutoencoderRuntime:
    return AutoencoderRuntime(ModelBundle.find("embedded"), "cpu")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The embedded autoencoder and tables with a UNet."""
    return ModelBundle.find(
        temporal_bundle(tmp_path_factory.mktemp("bundles") / "judged", trained=False)
    )


@pytest.fixture(scope="module")
def header_of(write_movie, panned, tmp_path_factory) -> Callable[[int, int], SequenceHeader]:
    """header_of(width, height) → of a stream of that size."""

    def make(width: int, height: int) -> SequenceHeader:
        movie = write_movie(
            tmp_path_factory.mktemp("movies") / "movie.mp4", panned(1, height, width, (0, 0))
        )
        with VideoSource(movie) as source:
            return sequence_header(source, ModelBundle.find("embedded"), EncoderSettings())

    return make


@pytest.fixture(scope="module")
def header(header_of) -> SequenceHeader:
    return header_of(WIDTH, HEIGHT)


def coarse(
    runtime: AutoencoderRuntime, header: SequenceHeader, picture: np.ndarray
) -> CodedVersion:
    """A picture's latents, rounded to a coarse step."""
    (latents,) = runtime.encode(picture[None], header.padded_height, header.padded_width)
    step = step_latent(QUANTISER)
    rounded = (np.rint(latents / step) * step * UNITS_PER_LATENT).astype(np.int16)
    shape = latents.shape[1:]
    fields = BlockFields.blank(shape[0] // 2, shape[1] // 2, Mode.INTRA)
    return CodedVersion(
        LatentFrame(rounded, fields, QUANTISER, 0.0, 0.0),
        np.full(shape, QUANTISER, np.uint8),
        np.ones(shape, bool),
    )


def seen(
    runtime: AutoencoderRuntime, perceptual: LpipsSqueeze, scaled: torch.Tensor, picture: np.ndarray
) -> torch.Tensor:
    """What the judge minimises, worked out from the decoded picture, for pictures whose sides need
    no padding.
    """
    decoded = runtime.pictures(scaled, torch.full((1, *scaled.shape[2:]), step_latent(QUANTISER)))
    source = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    error = (decoded - source) * 127.5
    squared = error.square().mean() + 0.5 * torch.nn.functional.avg_pool2d(error, 8).square().mean()
    lost = lost_structure(decoded, source)[0]
    return (
        torch.log(squared + 4)
        + torch.log(perceptual(decoded, source)[0] + 0.02)
        + torch.log(lost + 0.01) / 2
    )


def loss(
    runtime: AutoencoderRuntime, perceptual: LpipsSqueeze, latents: np.ndarray, picture: np.ndarray
) -> float:
    """The same, of latents in units of the stream."""
    with torch.no_grad():
        return float(
            seen(
                runtime,
                perceptual,
                torch.from_numpy(latents / np.float32(UNITS_PER_LATENT))[None],
                picture,
            )
        )


def test_it_is_the_gradient_of_what_is_seen(runtime, perceptual, header_of, texture) -> None:
    header, picture = header_of(128, 96), texture(96, 128)
    coded = coarse(runtime, header, picture)
    scaled = torch.from_numpy(
        coded.frame.latents.astype(np.float32) / np.float32(UNITS_PER_LATENT)
    )[None].requires_grad_(True)
    (expected,) = torch.autograd.grad(seen(runtime, perceptual, scaled, picture), scaled)
    expected = expected[0].numpy() / np.sqrt(np.mean(np.square(expected.numpy(), dtype=np.float64)))
    found = PerceptualJudge(runtime, header, perceptual).gradient(coded, picture)
    assert np.mean(found * expected, dtype=np.float64) > 0.9999


def test_against_its_gradient_pictures_get_better_and_along_it_worse(
    runtime, perceptual, header_of, texture
) -> None:
    header, picture = header_of(128, 96), texture(96, 128)
    coded = coarse(runtime, header, picture)
    gradient = PerceptualJudge(runtime, header, perceptual).gradient(coded, picture)
    assert gradient.shape == coded.frame.latents.shape and gradient.dtype == np.float32
    assert np.mean(np.square(gradient, dtype=np.float64)) == pytest.approx(1)
    here, unit = coded.frame.latents.astype(np.float32), step_latent(QUANTISER) * UNITS_PER_LATENT
    before, after, worse = (
        loss(runtime, perceptual, here + far * unit * gradient, picture) for far in (0, -0.03, 0.03)
    )
    assert after < before < worse
    # The slope of central differences along the gradient is the gradient's own length, which a
    # random direction has none of.
    other = np.random.default_rng(0).standard_normal(gradient.shape).astype(np.float32)
    sideways = abs(loss(runtime, perceptual, here + 0.03 * unit * other, picture) - before)
    assert worse - after > 10 * sideways


def test_tiles_of_a_picture_together_see_what_is_seen_of_it_whole(
    runtime, perceptual, header, texture, monkeypatch
) -> None:
    coded = coarse(runtime, header, texture(HEIGHT, WIDTH))
    whole = PerceptualJudge(runtime, header, perceptual).gradient(coded, texture(HEIGHT, WIDTH))
    monkeypatch.setattr(picture_tiles, "TILE_SIDES", (9, 9))
    parts = PerceptualJudge(runtime, header, perceptual)
    assert len(parts.tiles) == 4
    pieces = parts.gradient(coded, texture(HEIGHT, WIDTH))
    # What differs is LPIPS and structure at the sides of tiles.
    assert float((whole * pieces).mean()) > 0.8


@pytest.mark.parametrize(("rounds", "between"), [(1, False), (4, False), (2, True)])
def test_aims_go_against_the_gradient_where_latents_are_sent(
    runtime, perceptual, header, texture, rounds: int, between: bool
) -> None:
    coded, picture = coarse(runtime, header, texture(HEIGHT, WIDTH)), texture(HEIGHT, WIDTH)
    prediction = coded.frame.latents if between else None
    coded = CodedVersion(coded.frame, coded.quantisers, coded.sent.copy(), prediction)
    coded.sent[2:4] = False
    aim, judge = (
        np.ones(coded.frame.latents.shape, np.float32),
        PerceptualJudge(runtime, header, perceptual),
    )
    look = judge.look(aim, coded, picture, rounds)
    moved = look.nearer - aim
    assert look.cost is None
    reach = (REACH if between else KEYFRAME_REACH) * step_latent(QUANTISER)
    assert np.all(moved[:, 2:4] == 0) and np.any(moved)
    assert moved == pytest.approx(
        -reach / rounds * judge.gradient(coded, picture) * coded.sent, abs=1e-5
    )


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_number_of_threads_changes_no_bit_and_stays_what_it_was(
    runtime, perceptual, header, texture, threads
) -> None:
    coded, judge = (
        coarse(runtime, header, texture(HEIGHT, WIDTH)),
        PerceptualJudge(runtime, header, perceptual),
    )
    found = []
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        found.append(judge.gradient(coded, texture(HEIGHT, WIDTH)).tobytes())
        assert torch.get_num_threads() == number
    assert found[0] == found[1] == found[2]


def test_pictures_too_small_for_lpips_are_judged_by_their_error(
    runtime, perceptual, header_of, texture
) -> None:
    header, picture = header_of(16, 16), texture(16, 16)
    gradient = PerceptualJudge(runtime, header, perceptual).gradient(
        coarse(runtime, header, picture), picture
    )
    assert np.mean(np.square(gradient, dtype=np.float64)) == pytest.approx(1)


class TestRestoration:
    """Models with a UNet are judged by what becomes of latents behind it."""

    def test_it_is_shown_the_frame_and_its_prediction(
        self, bundle, perceptual, header, runtime, texture, monkeypatch
    ) -> None:
        restoration = DiffusionRestoration(bundle, header, torch.device("cpu"))
        shown: list[tuple[np.ndarray, ...]] = []
        real = restoration.restore_latents
        monkeypatch.setattr(
            restoration, "restore_latents", lambda *given: shown.append(given) or real(*given)
        )
        coded = coarse(runtime, header, texture(HEIGHT, WIDTH))
        coded.frame.fields.modes[1, 2] = Mode.GENERATE
        prediction = (coded.frame.latents + 3).astype(np.int32)
        judge = PerceptualJudge(AutoencoderRuntime(bundle, "cpu"), header, perceptual, restoration)
        judge.gradient(coded, texture(HEIGHT, WIDTH))
        judge.gradient(
            CodedVersion(coded.frame, coded.quantisers, coded.sent, prediction),
            texture(HEIGHT, WIDTH),
        )
        (alone, mask, quantisers), (between, _, _) = shown
        assert all(np.array_equal(plane, coded.frame.latents) for plane in alone[0])
        assert [
            np.array_equal(between[0, i], coded.frame.latents + 3 * (i > 0)) for i in range(3)
        ] == [True] * 3
        assert np.argwhere(mask[0]).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]
        assert np.all(quantisers == QUANTISER)

    def test_what_it_makes_of_latents_is_what_is_judged(
        self, bundle, perceptual, header, runtime, texture, monkeypatch
    ) -> None:
        restoration = DiffusionRestoration(bundle, header, torch.device("cpu"))
        coded, picture = coarse(runtime, header, texture(HEIGHT, WIDTH)), texture(HEIGHT, WIDTH)
        moved = coded.frame.latents.astype(np.float32) + 20
        monkeypatch.setattr(restoration, "restore_latents", lambda *given: moved[None])
        found = PerceptualJudge(runtime, header, perceptual, restoration).gradient(coded, picture)
        there = LatentFrame(moved.astype(np.int16), coded.frame.fields, QUANTISER, 0.0, 0.0)
        expected = PerceptualJudge(runtime, header, perceptual).gradient(
            CodedVersion(there, coded.quantisers, coded.sent), picture
        )
        assert np.array_equal(found, expected)
