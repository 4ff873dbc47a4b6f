"""Models attached to files: decoding from a file alone, damage, other models forced on it, and what
is said of all that.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.container.boxes import read_layout
from bitstream.errors import ContainerError
from videocodec import VideoReader, decode, decode_frames, encode, info, verify
from videocodec.cli import main
from videocodec.decoder.latents import LatentStream
from videocodec.errors import (
    DamagedFrameError,
    ForcedModelWarning,
    ModelMismatchError,
    UnknownModelError,
)
from videocodec.models.attached import attached_bundle
from videocodec.models.bundle import BUNDLES, TABLES_FILE, ModelBundle

from ..stock_models import quick_bundle

CPU = {"device": "cpu", "threads": 1}
WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
ROOT = BUNDLES.parents[1]


class Made:
    """A bundle, a stream with it attached, and one without."""

    def __init__(self, folder: Path, movie: Path) -> None:
        self.bundle = quick_bundle(folder / "away", restores="plain")
        self.sha256, self.files = (
            ModelBundle.find(self.bundle).sha256,
            dict(ModelBundle.find(self.bundle).files),
        )
        self.stream, self.without = folder / "with.lv.mp4", folder / "without.lv.mp4"
        self.report = encode(
            movie, self.stream, model=self.bundle, preset="veryfast", embed_model=True, **CPU
        )
        self.plain_report = encode(movie, self.without, model=self.bundle, preset="veryfast", **CPU)
        self.frames = [
            frame.data for frame in decode_frames(self.without, model=self.bundle, **CPU)
        ]
        self.kept = folder / "kept"
        shutil.move(self.bundle, self.kept)  # from here on nobody finds it by where it was


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list],
) -> Made:
    """Five frames of 56×40 by a tiny Stable Diffusion, whose bundle is gone afterwards."""
    folder = tmp_path_factory.mktemp("attached")
    return Made(folder, write_movie(folder / "movie.mp4", panned(5, 40, 56, (1, 2))))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are unpacked."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def damaged(made: Made, tmp_path: Path) -> Path:
    """A stream whose attached weights have a flipped bit."""
    data = bytearray(made.stream.read_bytes())
    data[-100] ^= 1
    (tmp_path / "damaged.lv.mp4").write_bytes(data)
    return tmp_path / "damaged.lv.mp4"


class TestFromTheFileAlone:
    def test_pictures_are_those_of_the_bundle_and_nothing_is_left_behind(
        self, made: Made, temporary: Path
    ) -> None:
        assert not made.bundle.exists()
        with pytest.raises(ModelMismatchError, match="which is unknown here"):
            list(decode_frames(made.without, **CPU))
        frames = [frame.data for frame in decode_frames(made.stream, **CPU)]
        assert len(frames) == 5 and all(
            np.array_equal(one, other) for one, other in zip(frames, made.frames, strict=True)
        )
        gc.collect()
        assert list(temporary.iterdir()) == []

    def test_a_reader_of_an_open_file_does_it_too(self, made: Made) -> None:
        with made.stream.open("rb") as file, VideoReader(file, **CPU) as video:
            assert np.array_equal(video[4].data, made.frames[4])
            assert video.bundle.sha256 == made.sha256

    @pytest.mark.slow
    def test_another_process_with_nothing_but_the_file(
        self, made: Made, tmp_path: Path, temporary: Path
    ) -> None:
        alone = tmp_path / "alone"
        alone.mkdir()
        shutil.copy(made.stream, alone / "clip.lv.mp4")
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(temporary),
            "VIDEOCODEC_MODELS": str(alone / "none"),
        }
        words = [
            sys.executable,
            "-m",
            "videocodec",
            "decode",
            "clip.lv.mp4",
            "%02d.png",
            "--device=cpu",
            "--threads=1",
        ]
        ran = subprocess.run(words, cwd=alone, env=environment, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert len(list(alone.glob("*.png"))) == 5
        assert list(temporary.iterdir()) == []

    def test_what_is_unpacked_is_the_bundle_for_nobody_else_to_read(
        self, made: Made, temporary: Path
    ) -> None:
        bundle = attached_bundle(StreamReader(made.stream))
        assert bundle.folder.parent == temporary and bundle.folder.stat().st_mode & 0o077 == 0
        assert bundle.sha256 == made.sha256
        assert {name for name, _ in bundle.files} == set(made.files)
        for name, path in bundle.files:
            assert path.read_bytes() == (made.kept / name).read_bytes()

    def test_verify_and_info_need_no_network(self, made: Made) -> None:
        program = (
            "import sys; sys.modules['torch'] = None; sys.modules['diffusers'] = None\n"
            "import videocodec\n"
            "assert videocodec.verify(sys.argv[1]).ok and videocodec.info(sys.argv[1]).provenance\n"
        )
        words = [sys.executable, "-c", program, str(made.stream)]
        ran = subprocess.run(
            words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr

    def test_an_installed_model_goes_first(
        self, made: Made, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEOCODEC_MODELS", str(made.kept.parent))
        assert LatentStream(made.stream).bundle.folder == made.kept.resolve()
        assert list(temporary.iterdir()) == []


class TestEncoding:
    def test_bytes_are_told_apart(self, made: Made) -> None:
        layout = read_layout(made.stream)
        assert made.report.attached_model_bytes == layout.attached_model.box_bytes
        assert made.report.attached_model_bytes > sum(
            (made.kept / name).stat().st_size for name in made.files
        )
        assert (
            made.stream.stat().st_size
            == made.without.stat().st_size + made.report.attached_model_bytes
        )
        assert made.report.container_bytes == made.plain_report.container_bytes
        assert (made.report.video_bytes, made.plain_report.attached_model_bytes) == (
            made.plain_report.video_bytes,
            0,
        )

    def test_a_bundle_with_other_files_is_refused_before_any_work(
        self, made: Made, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        shutil.copytree(made.kept, other)
        (other / "vae" / "notes.json").write_text("{}")
        with pytest.raises(
            UnknownModelError,
            match="other: cannot be attached: 'vae/notes.json' is no file of a model",
        ):
            encode(
                tmp_path.parent / "movie.mp4",
                tmp_path / "out.lv.mp4",
                model=other,
                embed_model=True,
            )
        assert not (tmp_path / "out.lv.mp4").exists()

    def test_the_command(
        self, made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source, target = made.stream.with_name("movie.mp4"), tmp_path / "by-hand.lv.mp4"
        words = [
            "encode",
            str(source),
            str(target),
            "--embed-model",
            "--preset=ultrafast",
            "--device=cpu",
            "--threads=1",
        ]
        assert main(words) == 0
        assert "  model embedded attached, 5.4 MB more" in capsys.readouterr().out
        assert info(target, headers_only=True).model_attached


class TestDamage:
    def test_without_the_model_here_it_is_one_clear_line(
        self, damaged: Path, made: Made, temporary: Path
    ) -> None:
        line = (
            "damaged.lv.mp4: the model attached to the file is damaged .*…, the stream needs"
            f" {made.sha256[:16]}….*: copy the file again"
        )
        with pytest.raises(ModelMismatchError, match=line) as error:
            LatentStream(damaged)
        assert "\n" not in str(error.value)
        assert list(temporary.iterdir()) == []  # nothing was unpacked

    def test_with_the_model_here_it_does_not_matter_and_is_reported(
        self, damaged: Path, made: Made
    ) -> None:
        assert len(list(decode_frames(damaged, model=made.kept, **CPU))) == 5
        report = verify(damaged, model=made.kept)
        assert (report.frames, len(report.problems)) == (5, 1)
        assert report.problems[0].startswith("the attached model is damaged: it is ")

    def test_cut_short_the_video_is_all_there(self, made: Made, tmp_path: Path) -> None:
        cut = tmp_path / "cut.lv.mp4"
        cut.write_bytes(made.stream.read_bytes()[:-1000])
        assert len(list(LatentStream(cut, made.kept).frames())) == 5
        assert info(cut, model=made.kept).damage is None
        assert "it is cut short" in verify(cut, model=made.kept).problems[0]
        with pytest.raises(ModelMismatchError, match="it is cut short: .* bytes are there"):
            LatentStream(cut)

    def test_the_model_of_another_stream_is_damage(self, made: Made, tmp_path: Path) -> None:
        box = made.stream.read_bytes()[made.without.stat().st_size :]
        other = tmp_path / "other.lv.mp4"
        files = {"vae/config.json": b'"_class_name"', "codec/tables.safetensors": b"phase_filters"}
        for name, word in files.items():
            at = box.index(word) + 2
            other.write_bytes(made.without.read_bytes() + box[:at] + b"X" + box[at + 1 :])
            with pytest.raises(ModelMismatchError, match="is damaged"):
                LatentStream(other)
            assert name in {entry.name for entry in StreamReader(other).attached_model().files}

    def test_a_damaged_first_header_is_the_file_and_no_model(
        self, made: Made, tmp_path: Path
    ) -> None:
        data = bytearray(made.stream.read_bytes())
        data[data.index(bytes.fromhex(made.sha256))] ^= 1
        broken = tmp_path / "broken.lv.mp4"
        broken.write_bytes(data)
        for arguments in ({}, {"model": made.kept}, {"model": made.kept, "force_model": True}):
            with pytest.raises(
                ContainerError, match="broken.lv.mp4: the first access unit is damaged"
            ):
                LatentStream(broken, **arguments)


@pytest.fixture
def with_other(made: Made, tmp_path: Path) -> Callable[..., Path]:
    """with_other(name, content): the stream with a model attached of which one file is another,
    hash and header right.
    """

    def make(name: str, content: bytes) -> Path:
        folder, path = tmp_path / "strange", tmp_path / "strange.lv.mp4"
        for file, source in made.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(
                content
                if file == name
                else (made.kept / source.relative_to(made.bundle)).read_bytes()
            )
        bundle = ModelBundle("strange", folder)
        with (
            StreamReader(made.stream) as reader,
            StreamWriter(path, reader.header.time_base) as writer,
        ):
            writer.attach_model(bundle.files, bundle.sha256)
            for sample in reader.units():
                unit = AccessUnit.parse(sample.data)
                if unit.header is not None:
                    unit = replace(
                        unit,
                        header=replace(
                            unit.header, model_name="strange", model_sha256=bundle.sha256
                        ),
                    )
                writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
            writer.commit()
        return path

    return make


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vae/config.json", b'{"_class_name": "AutoencoderOfPaper"}'),
        ("vae/config.json", b"{\x9c"),
        ("unet/config.json", b'{"_class_name": "UNetOfPaper"}'),
        (WEIGHTS, (2).to_bytes(8, "little") + b"{}"),
        (TABLES_FILE, (2).to_bytes(8, "little") + b"{}"),
    ],
)
def test_a_model_that_cannot_be_used_is_named_by_the_file_that_it_came_with(
    with_other: Callable[..., Path],
    temporary: Path,
    tmp_path: Path,
    name: str,
    content: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not by the temporary folder that it was unpacked into, which is gone when somebody reads the
    line.
    """
    path = with_other(str(Path(name).as_posix()), content)
    assert (
        main(["decode", str(path), str(tmp_path / "out.mp4"), "--device", "cpu", "--threads", "1"])
        == 1
    )
    err = capsys.readouterr().err
    assert (
        err.startswith(f"videocodec: error: {path}: the model attached to it cannot be used: ")
        and err.count("\n") == 1
    )
    assert str(temporary) not in err and not (tmp_path / "out.mp4").exists()
    gc.collect()
    assert list(temporary.iterdir()) == []


class TestInfo:
    def test_all_it_takes_in_ten_years(self, made: Made) -> None:
        told = info(made.stream)
        assert told.model == {"name": "away", "sha256": made.sha256}
        assert told.specification == "bitstream/FORMAT.md, format version 1"
        assert (ROOT / "bitstream/FORMAT.md").is_file()
        assert "CRC-32" in told.latents_checksum
        assert (told.model_installed, told.model_attached, told.model_attached_damage) == (
            False,
            True,
            None,
        )
        assert told.model_attached_bytes == made.report.attached_model_bytes
        assert (
            told.container_bytes
            == info(made.without).container_bytes
            == made.without.stat().st_size
        )
        assert told.provenance is not None  # decoded with the attached one

    def test_where_the_model_is(self, made: Made, damaged: Path, coded_movie) -> None:
        told = info(made.without, headers_only=True)
        assert (told.model_installed, told.model_attached, told.model_attached_bytes) == (
            False,
            False,
            0,
        )
        assert info(made.without, headers_only=True, model=made.kept).model_installed
        assert info(coded_movie.coded, headers_only=True).model_installed
        assert info(damaged).model_attached_damage.startswith("it is ")

    def test_the_command_says_it_in_words_and_as_json(
        self, made: Made, damaged: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["info", str(made.stream)]) == 0
        out = capsys.readouterr().out
        assert f"away, SHA-256 {made.sha256}; not installed here, attached to the file (" in out
        assert "specified in bitstream/FORMAT.md, format version 1" in out and "CRC-32" in out
        assert main(["info", str(made.without), "--headers-only"]) == 0
        assert "not installed here, not attached to the file" in capsys.readouterr().out
        assert main(["info", str(damaged), "--json"]) == 0
        told = capsys.readouterr()
        assert (
            json.loads(told.out)["model_attached_damage"]
            and "the attached model is damaged: it is" in told.err
        )


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
