"""Attaching a model while encoding: what it costs, and which bundles are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bitstream.container.boxes import read_layout
from videocodec import encode, info
from videocodec.cli import main
from videocodec.errors import (
    UnknownModelError,
)

from .streams import Made


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
            "--model=embedded",
            "--embed-model",
            "--preset=ultrafast",
            "--device=cpu",
            "--threads=1",
        ]
        assert main(words) == 0
        assert "  model embedded attached, 5.6 MB more" in capsys.readouterr().out
        assert info(target, headers_only=True).model_attached
