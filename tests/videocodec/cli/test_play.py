"""``videocodec play`` as a person runs it: its own process, Ctrl-C, errors of one line."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from videocodec.cli import main

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{43,})\n")
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="signals of other systems")


@contextmanager
def started(*arguments: object, folder: Path) -> Iterator[tuple[subprocess.Popen, int, str]]:
    """The command, with the port and the token it printed.  folder: for its temporary files."""
    environment = {**os.environ, "TMPDIR": str(folder), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    command = [
        sys.executable,
        "-m",
        "videocodec",
        "play",
        *map(str, arguments),
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        line = process.stdout.readline()
        found = ADDRESS.fullmatch(line)
        assert found, (line, process.stderr.read())
        yield process, int(found[1]), found[2]
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


@POSIX_ONLY
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)]
)
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in the middle of requests"])
def test_ctrl_c_ends_it_cleanly(coded_movie, tmp_path, number, busy) -> None:
    arguments = (coded_movie.coded, "--source", coded_movie.movie, "--no-browser")
    with started(*arguments, folder=tmp_path) as (process, port, token):
        assert get(port, "/") == 403
        assert get(port, f"/?token={token}") == 200
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        if busy:
            connection.request(
                "GET", "/api/events", headers={"Cookie": f"videocodec_play_{port}={token}"}
            )
            other = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            other.request(
                "GET", "/api/frame/21", headers={"Cookie": f"videocodec_play_{port}={token}"}
            )
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        connection.close()
    assert err == "" and out == ""
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_it_takes_the_port_it_is_given(coded_movie, tmp_path) -> None:
    with started(coded_movie.coded, "--no-browser", folder=tmp_path) as (_, port, _):
        pass
    with started(coded_movie.coded, "--no-browser", "--port", port, folder=tmp_path) as (
        _,
        again,
        _,
    ):
        assert again == port


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other systems always have a screen"
)
def test_without_a_screen_it_says_so(coded_movie, tmp_path) -> None:
    with started(coded_movie.coded, folder=tmp_path) as (process, port, token):
        assert get(port, f"/?token={token}") == 200
        assert "open that address yourself" in process.stderr.readline()


def test_a_terminal_shows_the_first_of_several_and_says_so(
    coded_movie, capsys, monkeypatch
) -> None:
    played: list[int] = []
    monkeypatch.setattr("videocodec.terminal.screen.check_terminal", lambda: None)
    monkeypatch.setattr(
        "videocodec.terminal.player.play_in_terminal", lambda video: played.append(len(video))
    )
    files = [str(coded_movie.coded), str(coded_movie.movie)]
    assert main(["play", "--terminal", *files, "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert played == [22] and out == "" and err.count("\n") == 1
    assert f"a terminal shows one file: {files[0]}" in err and "all 2" in err
    assert main(["play", "--terminal", files[0], "--device", "cpu"]) == 0
    assert capsys.readouterr().err == ""


class TestErrors:
    def fails(self, capsys, *arguments: object) -> str:
        assert main(["play", *map(str, arguments), "--no-browser", "--device", "cpu"]) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and err.startswith("videocodec: error: ")
        return err

    def test_a_file_that_there_is_not(self, capsys, tmp_path) -> None:
        assert "none.mp4: no such file" in self.fails(capsys, tmp_path / "none.mp4")

    def test_what_is_no_video(self, capsys, coded_movie, tmp_path) -> None:
        (tmp_path / "words.txt").write_text("no video at all\n" * 50)
        assert "words.txt" in self.fails(capsys, coded_movie.coded, tmp_path / "words.txt")

    def test_files_of_two_sizes(self, capsys, coded_movie, tmp_path, write_movie, panned) -> None:
        other = write_movie(tmp_path / "other.mp4", panned(3, 48, 64, (0, 1)))
        assert "other.mp4 is 64×48" in self.fails(capsys, coded_movie.coded, other)

    def test_more_files_than_keys(self, capsys, coded_movie) -> None:
        assert "one to 8" in self.fails(capsys, *[coded_movie.coded] * 9)

    def test_an_original_that_there_is_not(self, capsys, coded_movie, tmp_path) -> None:
        assert "none.mp4: no such file" in self.fails(
            capsys, coded_movie.coded, "--source", tmp_path / "none.mp4"
        )

    def test_an_original_of_another_size(
        self, capsys, coded_movie, tmp_path, write_movie, panned
    ) -> None:
        other = write_movie(tmp_path / "other.mp4", panned(3, 48, 64, (0, 1)))
        assert "the original is 64×48, the stream 96×64" in self.fails(
            capsys, coded_movie.coded, "--source", other
        )

    def test_an_original_without_frames_is_no_frame_of_its_own(self, capsys, coded_movie) -> None:
        assert "latent-video file" in self.fails(
            capsys, coded_movie.coded, "--source", coded_movie.coded
        )

    def test_a_taken_port(self, capsys, coded_movie) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            started(coded_movie.coded, "--no-browser", folder=Path(folder)) as (_, port, _),
        ):
            assert f"port {port} cannot be used" in self.fails(
                capsys, coded_movie.coded, "--port", port
            )

    @pytest.mark.parametrize(
        "arguments", [("--port", "0"), ("--port", "65536"), ("--steps", "0"), ("--device", "gpu")]
    )
    def test_wrong_usage(self, coded_movie, arguments) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["play", str(coded_movie.coded), *arguments])
        assert stopped.value.code == 2
