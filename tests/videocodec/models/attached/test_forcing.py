"""Other models forced on a stream, and what is said of that."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from videocodec import VideoReader, decode, verify
from videocodec.cli import main
from videocodec.decoder.latents import LatentStream
from videocodec.errors import (
    DamagedFrameError,
    ForcedModelWarning,
    ModelMismatchError,
)
from videocodec.models.bundle import TABLES_FILE, ModelBundle

from .streams import CPU, WEIGHTS, Made


class TestForcing:
    @pytest.fixture
    def other_networks(self, made: Made, tmp_path: Path) -> Path:
        """The same tables and another autoencoder."""
        folder = tmp_path / "networks"
        shutil.copytree(made.kept, folder)
        weights = load_file(str(folder / WEIGHTS))
        weights["decoder.conv_out.bias"] = weights["decoder.conv_out.bias"] + 0.5
        save_file(weights, str(folder / WEIGHTS), metadata={"format": "pt"})
        return folder

    @pytest.fixture
    def other_tables(self, made: Made, tmp_path: Path) -> Path:
        """Tables of the same shape for other statistics."""
        folder = tmp_path / "tables"
        shutil.copytree(made.kept, folder)
        tables = load_file(str(folder / TABLES_FILE))
        tables["block.mode"] = np.ascontiguousarray(np.roll(tables["block.mode"], 1, axis=1))
        tables["intra.levels"] = np.ascontiguousarray(tables["intra.levels"][::-1])
        save_file(tables, str(folder / TABLES_FILE))
        return folder

    def test_without_it_both_are_named_with_both_hashes_by_every_command(
        self, made: Made, other_networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = ModelBundle.find(other_networks).sha256[:16]
        line = (
            f"without.lv.mp4: needs model away {made.sha256[:16]}…, networks is {found}…: give the"
            " bundle that wrote the stream"
        )
        for words in (["decode", "OUT"], ["verify"], ["play", "--no-browser"]):
            command, *rest = words
            rest = [str(tmp_path / "out.mp4") if word == "OUT" else word for word in rest]
            assert main([command, str(made.without), *rest, "--model", str(other_networks)]) == 1, (
                command
            )
            assert line in capsys.readouterr().err, command
        assert main(["info", str(made.without), "--model", str(other_networks)]) == 0
        assert line.partition(": ")[2] in capsys.readouterr().err
        assert not (tmp_path / "out.mp4").exists()

    def test_other_networks_give_other_pictures_of_the_same_latents(
        self, made: Made, other_networks: Path
    ) -> None:
        with pytest.warns(
            ForcedModelWarning,
            match=f"away {made.sha256[:16]}…, forced to decode with networks .*…: with other",
        ):
            stream = LatentStream(made.without, other_networks, force_model=True)
        own = [frame.latent.latents for frame in LatentStream(made.without, made.kept).frames()]
        assert all(
            np.array_equal(frame.latent.latents, one)
            for frame, one in zip(stream.frames(), own, strict=True)
        )
        with (
            pytest.warns(ForcedModelWarning),
            VideoReader(made.without, model=other_networks, force_model=True, **CPU) as video,
        ):
            assert not np.array_equal(video[0].data, made.frames[0])
        with pytest.warns(ForcedModelWarning):
            assert verify(made.without, model=other_networks, force_model=True).ok

    def test_other_tables_are_found_out_by_checksums(
        self, made: Made, other_tables: Path, tmp_path: Path
    ) -> None:
        with pytest.warns(ForcedModelWarning):
            report = verify(made.without, model=other_tables, force_model=True)
        assert (report.frames, report.ok) == (0, False)
        with (
            pytest.warns(ForcedModelWarning),
            pytest.raises(DamagedFrameError, match="access unit 0: reconstructed latents differ"),
        ):
            decode(made.without, tmp_path / "out.mp4", model=other_tables, force_model=True, **CPU)
        assert not (tmp_path / "out.mp4").exists()

    def test_another_number_of_channels_cannot_be_forced(
        self, made: Made, linear_codec, tmp_path: Path
    ) -> None:
        folder = tmp_path / "narrow"
        shutil.copytree(made.kept, folder)
        linear_codec.tables.save(folder / TABLES_FILE)
        with pytest.raises(
            ModelMismatchError,
            match=(
                "needs model away .*… with 16 latent channels, narrow .*… has 4 and cannot be"
                " forced"
            ),
        ):
            LatentStream(made.without, folder, force_model=True)

    def test_the_right_model_needs_no_force_and_gives_no_warning(self, made: Made) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            LatentStream(made.without, made.kept, force_model=True)

    def test_it_needs_a_model(self, made: Made, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(ValueError, match="force_model needs a model to force"):
            LatentStream(made.without, force_model=True)
        with pytest.raises(SystemExit) as stop:
            main(["verify", str(made.without), "--force-model"])
        assert stop.value.code == 2
        assert "--force-model needs --model" in capsys.readouterr().err

    def test_the_command_says_what_it_means_on_standard_error(
        self, made: Made, other_networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [
            "decode",
            str(made.without),
            str(tmp_path / "out.mp4"),
            "--model",
            str(other_networks),
            "--force-model",
            "--device=cpu",
        ]
        assert main(words) == 0
        said = capsys.readouterr().err
        assert (
            said.startswith(f"videocodec: warning: {made.without}: needs model away ")
            and said.count("\n") == 1
        )
        assert "with other networks the pictures are not those that were encoded" in said
        with av.open(str(tmp_path / "out.mp4")) as container:
            told = container.metadata["comment"]
        found = ModelBundle.find(other_networks).sha256
        assert (
            f"model networks {found[:16]} forced in place of model away {made.sha256[:16]}" in told
        )
