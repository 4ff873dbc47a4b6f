"""Attached models that are damaged or cannot be used."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.errors import ContainerError
from videocodec import decode_frames, info, verify
from videocodec.cli import main
from videocodec.decoder.latents import LatentStream
from videocodec.errors import (
    ModelMismatchError,
)
from videocodec.models.bundle import TABLES_FILE, ModelBundle

from .streams import CPU, WEIGHTS, Made


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
