"""``tools.train.calibrate`` makes a bundle of any diffusers autoencoder, and the codec works with
it from end to end.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from videocodec import decode, decode_frames, encode, info, verify
from videocodec.errors import ModelMismatchError
from videocodec.models.bundle import ModelBundle

CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, write_movie, panned) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for index in range(2):
        write_movie(folder / f"{index}.mp4", panned(8, 64, 96, (1, 2), seed=index))
    return folder


@pytest.fixture(scope="module")
def bundle(
    tmp_path_factory: pytest.TempPathFactory, run_tool, picture_folder: Path, clips: Path
) -> Path:
    """A bundle of diffusers' AutoencoderTiny with random weights and four latent channels."""
    from diffusers import AutoencoderTiny

    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    torch.manual_seed(0)
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).save_pretrained(str(folder / "vae"))
    settings = ("--training-steps", 20, "--picture-count", 12, "--clip-frames", 8, "--threads", 1)
    ran = run_tool(
        "train.calibrate",
        "--pictures",
        picture_folder,
        "--clips",
        clips,
        "--bundle",
        folder,
        *settings,
    )
    assert ran.returncode == 0, ran.stderr
    assert "wrote" in ran.stdout.splitlines()[-1]
    return folder


@pytest.mark.slow
class TestATinyAutoencoder:
    def test_its_tables_are_complete(self, bundle: Path) -> None:
        found = ModelBundle.find(bundle)
        assert (found.name, found.tables.latent_channels, found.tables.slices) == (
            "tiny",
            4,
            (1, 1, 2),
        )
        assert found.latent_scale.shape == (4,)
        assert len(set(found.latent_scale.tolist())) == 1

    def test_encoding_and_decoding_work_with_it_by_its_folder(
        self, bundle: Path, clips: Path, tmp_path: Path
    ) -> None:
        coded = tmp_path / "movie.lv.mp4"
        report = encode(clips / "0.mp4", coded, model=bundle, **CPU)
        assert (report.model_name, report.frames) == ("tiny", 8)
        assert info(coded).model == {"name": "tiny", "sha256": ModelBundle.find(bundle).sha256}
        assert info(coded).latent["channels"] == 4
        assert verify(coded, model=bundle).ok
        assert decode(coded, tmp_path / "back.mp4", model=bundle, **CPU).frames == 8
        assert [frame.data.shape for frame in decode_frames(coded, model=bundle, **CPU)] == [
            (3, 64, 96)
        ] * 8

    def test_without_its_folder_the_error_says_to_give_it(
        self, bundle: Path, clips: Path, tmp_path: Path
    ) -> None:
        coded = tmp_path / "movie.lv.mp4"
        encode(clips / "0.mp4", coded, model=bundle, max_frames=1, **CPU)
        for attempt in (lambda: decode(coded, tmp_path / "back.mp4"), lambda: verify(coded)):
            with pytest.raises(
                ModelMismatchError,
                match="movie.lv.mp4: stream needs model tiny .*give that folder as the model",
            ):
                attempt()
        assert not (tmp_path / "back.mp4").exists()

    def test_block_tables_are_fitted_alone(
        self, bundle: Path, clips: Path, tmp_path: Path, run_tool
    ) -> None:
        from safetensors.numpy import load_file

        copied = shutil.copytree(bundle, tmp_path / "tiny")
        settings = ("--block-tables-only", "--clip-frames", 4, "--threads", 1, "--jobs", 1)
        ran = run_tool("train.calibrate", "--clips", clips, "--bundle", copied, *settings)
        assert ran.returncode == 0, ran.stderr
        before, after = (
            load_file(str(folder / "codec" / "tables.safetensors")) for folder in (bundle, copied)
        )
        assert before.keys() == after.keys()
        changed = {name for name in before if not np.array_equal(before[name], after[name])}
        assert "block.mode" in changed and all(name.startswith("block.") for name in changed)

    def test_a_timestep_belongs_to_every_quantiser_and_grows_with_it(self, bundle: Path) -> None:
        from safetensors.numpy import load_file

        steps = load_file(str(bundle / "codec" / "tables.safetensors"))["timesteps"]
        assert steps.shape == (128,)
        assert np.all(np.diff(steps) >= 0)
        assert 0 <= steps[0] < steps[-1] < 1000
