"""The restoration inside the encoder: what it is shown, and what presets make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.v1.block_fields import Mode
from bitstream.v1.quantiser import UNITS_PER_LATENT, step_latent
from videocodec import encode
from videocodec.decoder.latents import LatentStream
from videocodec.encoder.generation import BlockScene
from videocodec.encoder.restoring import DiffusionRestorer
from videocodec.models.bundle import ModelBundle
from videocodec.models.denoiser import Conditions, Denoiser, SlidingWindow

from ..stock_models import temporal_bundle

QUANTISER = 40


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The embedded autoencoder and tables with a UNet that returns what it gets."""
    return ModelBundle.find(
        temporal_bundle(tmp_path_factory.mktemp("bundles") / "restoring", trained=False)
    )


class Witness(Denoiser):
    """Takes decoded latents for clean ones, and remembers the conditions of every call."""

    def __init__(self) -> None:
        self.shown: list[Conditions] = []

    def predict(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions
    ) -> torch.Tensor:
        self.shown.append(conditions)
        return conditions.latents

    def to(self, device: torch.device) -> Witness:
        return self


def test_latents_references_and_masks_reach_the_network_in_its_units(
    bundle, coded_movie, monkeypatch
) -> None:
    header, witness = LatentStream(coded_movie.coded).header, Witness()
    monkeypatch.setattr(ModelBundle, "load_denoiser", lambda self: witness)
    shape = (16, header.latent_height, header.latent_width)
    planes = np.random.default_rng(0).normal(0, 2, (3, *shape)).astype(np.float32)
    grid = header.block_rows, header.block_columns
    zeros = np.zeros(shape, np.float32)
    scene = BlockScene(
        zeros,
        zeros,
        zeros,
        planes[1],
        planes[2],
        zeros + 1,
        2,
        np.zeros(grid),
        mark=0.1,
        quantiser=QUANTISER,
    )
    mask = np.zeros((1, *grid), dtype=bool)
    mask[0, 1, 2] = True
    restored = DiffusionRestorer(bundle, header, torch.device("cpu"))(scene, planes[:1], mask)
    step, (shown,) = step_latent(QUANTISER), witness.shown
    for seen, given in zip((shown.latents, shown.before, shown.after), planes, strict=True):
        assert seen[0].numpy() == pytest.approx(given * step * 0.5, abs=0.5 / UNITS_PER_LATENT)
    assert np.argwhere(shown.generate[0].numpy()).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]
    assert np.all(shown.log2_step.numpy() == np.float32(np.log2(step)))
    assert restored == pytest.approx(planes[:1], abs=1 / (UNITS_PER_LATENT * step))  # back in steps


def test_versions_of_a_frame_are_no_clip(bundle, coded_movie, monkeypatch) -> None:
    """A network that takes clips would find in the version that is sent what is missing in the one
    that is not.
    """
    header, witness = LatentStream(coded_movie.coded).header, Witness()
    witness.window = SlidingWindow(8, 4)
    monkeypatch.setattr(ModelBundle, "load_denoiser", lambda self: witness)
    shape, grid = (
        (16, header.latent_height, header.latent_width),
        (header.block_rows, header.block_columns),
    )
    sent, held_back, past, future = (
        np.random.default_rng(0).normal(0, 2, (4, *shape)).astype(np.float32)
    )
    zeros, masks = (
        np.zeros(shape, np.float32),
        np.stack([np.zeros(grid, bool), np.ones(grid, bool)]),
    )
    scene = BlockScene(
        zeros,
        zeros,
        sent,
        past,
        future,
        zeros + 1,
        2,
        np.zeros(grid),
        mark=0.1,
        quantiser=QUANTISER,
    )
    restored = DiffusionRestorer(bundle, header, torch.device("cpu"))(
        scene, np.stack([sent, held_back]), masks
    )
    step = step_latent(QUANTISER)
    for shown, version, mask in zip(witness.shown, (sent, held_back), (0, 1), strict=True):
        assert shown.latents.numpy() == pytest.approx(
            np.stack([past, version, future]) * step * 0.5, abs=0.5 / UNITS_PER_LATENT
        )
        assert [plane.unique().tolist() for plane in shown.generate] == [[0], [mask], [0]]
    assert restored == pytest.approx(np.stack([sent, held_back]), abs=1 / (UNITS_PER_LATENT * step))


class _Knowing:
    """In the place of ``DiffusionRestorer``: what is made up is the source itself."""

    def __init__(self, bundle: ModelBundle, header: object, device: torch.device) -> None:
        pass

    def __call__(self, scene: BlockScene, latents: np.ndarray, generate: np.ndarray) -> np.ndarray:
        made_up = generate.repeat(scene.block, 1).repeat(scene.block, 2)[:, None]
        return np.where(made_up, scene.target, latents)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "generation", "marks"),
    [("slow", None, True), ("medium", None, False), ("slow", 1.0, False)],
)
def test_presets_from_slow_on_leave_to_a_restoration_what_it_can_do(
    bundle,
    coded_movie,
    tmp_path: Path,
    monkeypatch,
    preset: str,
    generation: float | None,
    marks: bool,
) -> None:
    monkeypatch.setattr("videocodec.encoder.restoring.DiffusionRestorer", _Knowing)
    target = tmp_path / "coded.mp4"
    encode(
        coded_movie.movie,
        target,
        crf=24,
        preset=preset,
        generation=generation,
        model=bundle.folder,
        max_frames=10,
    )
    frames = list(LatentStream(target, bundle.folder).frames())
    made_up = [
        frame.index for frame in frames if np.any(frame.latent.fields.modes == Mode.GENERATE)
    ]
    assert bool(made_up) == marks
    referred = {number for frame in frames for number in frame.references}
    assert not referred & set(made_up)


@pytest.mark.slow
def test_a_network_that_restores_nothing_is_left_nothing(
    bundle, coded_movie, tmp_path: Path
) -> None:
    target = tmp_path / "coded.mp4"
    encode(coded_movie.movie, target, crf=24, preset="slow", model=bundle.folder, max_frames=10)
    modes = [frame.latent.fields.modes for frame in LatentStream(target, bundle.folder).frames()]
    assert not np.any(np.stack(modes) == Mode.GENERATE)
