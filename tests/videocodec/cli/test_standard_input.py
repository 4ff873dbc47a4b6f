"""Inputs that can be read only once, and names that are not ordinary."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from videocodec.cli import main
from videocodec.cli.standard_input import ordinary_file
from videocodec.errors import OutputExistsError, SettingsError

from .program import complaint

QUICK = ("--preset", "ultrafast", "--threads", "1", "--max-frames", "2", "--json")


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let standard input give these bytes."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


class TestStandardInput:
    def test_it_is_encoded_with_its_sound(
        self,
        clip: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        feed(monkeypatch, clip.read_bytes())
        assert main(["encode", "-", str(tmp_path / "a.mp4"), *QUICK]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["input"], report["frames"]) == ("-", 2)
        assert report["source_bytes"] == clip.stat().st_size
        assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

    def test_what_is_no_video_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        feed(monkeypatch, b"nothing of the kind")
        assert "standard-input is not a video" in complaint(
            capsys, "encode", "-", tmp_path / "a.mp4"
        )
        assert not list(tmp_path.iterdir())

    def test_it_is_not_read_where_that_would_be_in_vain(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        target = tmp_path / "a.mp4"
        with (
            pytest.raises(SettingsError, match="--resume goes on with a file"),
            ordinary_file("-", target, overwrite=False, resume=True),
        ):
            pass
        target.touch()
        with (
            pytest.raises(OutputExistsError),
            ordinary_file("-", target, overwrite=False, resume=False),
        ):
            pass

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
    def test_a_pipe_of_the_shell_is_copied(self, tmp_path: Path) -> None:
        reading, writing = os.pipe()
        os.write(writing, b"abc")
        os.close(writing)
        with ordinary_file(
            f"/dev/fd/{reading}", tmp_path / "a.mp4", overwrite=False, resume=False
        ) as name:
            assert Path(name).read_bytes() == b"abc"
        os.close(reading)
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
@pytest.mark.parametrize("name", [b"-dash.mp4", b"not\xffutf-8.mp4"])
def test_any_name_goes_in_and_out(
    clip: Path, tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, coded = os.fsdecode(name), os.fsdecode(b"coded" + name)
    try:
        os.link(clip, source)
    except OSError:
        pytest.skip("this file system has no such names")
    with open(os.devnull, "w") as quiet:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        assert main(["encode", *QUICK[:-1], "--", source, coded]) == 0
        assert main(["decode", "--device", "cpu", "--", coded, f"out{source}"]) == 0
        monkeypatch.setattr(sys, "stdout", quiet)
        assert main(["info", "--json", "--", coded]) == 0
    assert {os.fsencode(path.name) for path in tmp_path.iterdir()} == {
        name,
        b"coded" + name,
        b"out" + name,
    }
