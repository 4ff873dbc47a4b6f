"""Disks, outputs and inputs that fail: what the person sees is one line, what stands in the folder
afterwards is what stood there before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import ContainerError
from videocodec import encode
from videocodec.cli import main
from videocodec.errors import InputError

from .conftest import POSIX_ONLY, QUICK, ROOT, contents, failure

OUTPUTS = ["out.mp4", "out.mkv", "out.y4m", "%03d.png"]


class TestFullDisk:
    @POSIX_ONLY
    @pytest.mark.parametrize("share", [0, 0.2, 0.95])
    @pytest.mark.parametrize("name", OUTPUTS)
    def test_of_a_decode(
        self, coded_movie, folder: Path, name: str, share: float, file_size_limit, capsys
    ) -> None:
        (folder / "elsewhere").mkdir()
        assert (
            main(
                [
                    "decode",
                    str(coded_movie.coded),
                    str(folder / "elsewhere" / name),
                    "--device",
                    "cpu",
                    "--threads",
                    "1",
                ]
            )
            == 0
        )
        largest = max(path.stat().st_size for path in (folder / "elsewhere").iterdir())
        before = contents(folder)
        capsys.readouterr()
        file_size_limit(int(largest * share))
        arguments = (
            "decode",
            coded_movie.coded,
            folder / name,
            "-y",
            "--device",
            "cpu",
            "--threads",
            "1",
        )
        assert "cannot be written" in failure(capsys, *arguments)
        assert contents(folder) == before

    @POSIX_ONLY
    @pytest.mark.parametrize("share", [0, 0.3, 0.99])
    def test_of_an_encode(
        self, coded_movie, folder: Path, share: float, file_size_limit, capsys
    ) -> None:
        before = contents(folder)
        target = folder / "out.lv.mp4"
        file_size_limit(int(coded_movie.coded.stat().st_size * share))
        assert "check the disk" in failure(
            capsys,
            "encode",
            coded_movie.movie,
            target,
            "--gop-size",
            "10",
            "--crf",
            "32",
            "-y",
            *QUICK,
        )
        after = contents(folder)
        assert {
            name: data for name, data in after.items() if not name.startswith("out.lv.mp4.chunks")
        } == before
        file_size_limit(1 << 30)
        assert (
            main(
                [
                    "encode",
                    str(coded_movie.movie),
                    str(target),
                    "--gop-size",
                    "10",
                    "--crf",
                    "32",
                    "-y",
                    "--resume",
                    *QUICK,
                ]
            )
            == 0
        )
        assert contents(folder).keys() == before.keys()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's")
    def test_of_standard_output(self, coded_movie) -> None:
        command = (
            f"{sys.executable} -m videocodec info {coded_movie.coded} --headers-only > /dev/full"
        )
        done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)
        assert (
            done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr
        )


class TestOutput:
    @pytest.mark.parametrize("name", ["missing/out", "file/out", "folder"])
    @pytest.mark.parametrize("command", ["encode", "decode"])
    def test_that_cannot_be_there(
        self, coded_movie, tmp_path: Path, command: str, name: str, capsys
    ) -> None:
        (tmp_path / "file").write_text("mine")
        (tmp_path / "folder.mp4").mkdir()
        source = coded_movie.movie if command == "encode" else coded_movie.coded
        line = failure(capsys, command, source, tmp_path / f"{name}.mp4", "-y", "--device", "cpu")
        assert str(tmp_path / name) in line
        assert contents(tmp_path) == {"file": b"mine"}

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's")
    @pytest.mark.parametrize("kind", [".mp4", ".y4m"])
    def test_that_is_a_device(self, coded_movie, tmp_path: Path, kind: str, capsys) -> None:
        (tmp_path / f"full{kind}").symlink_to("/dev/full")
        assert "no ordinary file" in failure(
            capsys, "decode", coded_movie.coded, tmp_path / f"full{kind}", "-y", "--device", "cpu"
        )

    @POSIX_ONLY
    @pytest.mark.skipif(
        hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere"
    )
    def test_in_a_folder_that_is_read_only(self, coded_movie, tmp_path: Path, capsys) -> None:
        tmp_path.chmod(0o500)
        try:
            assert "not writable" in failure(
                capsys, "encode", coded_movie.movie, tmp_path / "out.lv.mp4", *QUICK
            )
        finally:
            tmp_path.chmod(0o700)

    @POSIX_ONLY
    @pytest.mark.parametrize(
        "count",
        [100, pytest.param(0, marks=pytest.mark.slow), pytest.param(30000, marks=pytest.mark.slow)],
    )
    def test_nobody_reads_is_no_news(self, coded_movie, count: int) -> None:
        command = (
            f"{sys.executable} -m videocodec decode {coded_movie.coded} - --device cpu | head -c"
            f" {count}"
        )
        done = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT)
        assert (len(done.stdout), done.stderr) == (count, b"")


class TestInput:
    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX's")
    @pytest.mark.parametrize("command", ["encode", "decode", "info", "verify"])
    def test_that_is_a_pipe_is_refused_at_once(self, tmp_path: Path, command: str, capsys) -> None:
        os.mkfifo(tmp_path / "pipe.mp4")
        assert "pipe.mp4" in failure(
            capsys,
            command,
            tmp_path / "pipe.mp4",
            *([tmp_path / "out.mp4"] if command.endswith("code") else []),
        )

    @pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
    @pytest.mark.parametrize(
        "harm",
        [
            pytest.param(lambda movie: os.truncate(movie, 5000), id="cut"),
            pytest.param(lambda movie: movie.unlink(missing_ok=True), id="deleted"),
        ],
    )
    def test_that_goes_while_it_is_encoded_is_refused_and_nothing_is_written(
        self, write_movie, folder: Path, harm: Callable[[Path], None], jobs: int
    ) -> None:
        """A movie of noise is far longer than what is read ahead, and its other tracks are read
        last.
        """
        rng = np.random.default_rng(0)
        noise = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(12)]
        movie = write_movie(folder / "movie.mp4", noise, sound_seconds=0.4)
        assert movie.stat().st_size > 100_000
        with pytest.raises((InputError, ContainerError), match=r"movie\.mp4") as refused:
            encode(
                movie,
                folder / "out.lv.mp4",
                gop_size=4,
                preset="ultrafast",
                overwrite=True,
                device="cpu",
                threads=1,
                jobs=jobs,
                progress=lambda progress: harm(movie),
                model="embedded",
            )
        assert "\n" not in str(refused.value)
        assert contents(folder)["out.lv.mp4"] == b"the old one"
        assert contents(folder)["notes.txt"] == b"mine"
        assert not list(folder.glob(".*"))
