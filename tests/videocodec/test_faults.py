"""Faults of the machine: what the person sees is one line, what stands in the folder afterwards is
what stood there before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from videocodec import encode
from videocodec.cli import main
from videocodec.errors import InputError
from videocodec.models.runtime import AutoencoderRuntime
from videocodec.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--preset", "ultrafast", "--device", "cpu", "--threads", "1"]
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="POSIX's")
OUTPUTS = ["out.mp4", "out.mkv", "out.y4m", "%03d.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of the user's and an older output."""
    (tmp_path / "notes.txt").write_text("mine")
    for name in ("out.lv.mp4", "out.mp4", "out.mkv", "out.y4m", "001.png"):
        (tmp_path / name).write_text("the old one")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command which fails says."""
    assert main([str(one) for one in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("videocodec: error: ") and err.count("\n") == 1, err
    return err


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """file_size_limit(bytes) → no file that is written may become longer, as on a disk that is
    full.  Python ignores the signal of it.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


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
    @pytest.mark.parametrize("what", ["cut", "deleted"])
    def test_that_goes_while_it_is_encoded(
        self, write_movie, panned, folder: Path, what: str, jobs: int
    ) -> None:
        movie, before = (
            write_movie(folder / "movie.mp4", panned(40, 64, 96, (1, 2)), sound_seconds=1.6),
            contents(folder),
        )

        def harm(progress: Progress) -> None:
            if what == "cut" and movie.stat().st_size > 5000:
                os.truncate(movie, 5000)
            elif what == "deleted":
                movie.unlink(missing_ok=True)

        try:
            encode(
                movie,
                folder / "out.lv.mp4",
                gop_size=8,
                preset="ultrafast",
                overwrite=True,
                device="cpu",
                threads=1,
                jobs=jobs,
                progress=harm,
            )
        except (InputError, ValueError) as error:
            assert "movie.mp4" in str(error)  # noqa: PT017 (see above: either outcome is right)
            assert "\n" not in str(error)  # noqa: PT017
            assert contents(folder).get("out.lv.mp4") == b"the old one"
        else:
            # what is open can be read to its end though it has no name any more; of one that was
            # cut, FFmpeg may have read all
            assert main(["verify", str(folder / "out.lv.mp4")]) == 0
        assert contents(folder)["notes.txt"] == before["notes.txt"]
        assert not list(folder.glob(".*"))


ACCELERATOR_ERROR = getattr(torch, "AcceleratorError", RuntimeError)
ENDS = [
    (MemoryError(), "not enough memory"),
    (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate"
            " memory: ...\nmany\nlines"
        ),
        "not enough",
    ),
    (
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        "not enough memory",
    ),
    (RuntimeError("could not create a primitive"), "not enough memory"),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        "not enough memory",
    ),
]
if ACCELERATOR_ERROR is not RuntimeError:
    ENDS.append(
        (
            ACCELERATOR_ERROR(
                "CUDA error: unspecified launch failure\nCUDA kernel errors might be ...", 719
            ),
            "device cpu failed",
        )
    )


class TestNetworks:
    @pytest.mark.parametrize(
        ("error", "expected"),
        ENDS,
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    @pytest.mark.parametrize("command", ["encode", "decode"])
    def test_that_fail_on_the_way(
        self, coded_movie, folder: Path, command, error, expected, capsys, monkeypatch
    ) -> None:
        """The fifth picture or the third batch of them."""
        calls, name = [], f"_{command}"
        usual = getattr(AutoencoderRuntime, name)

        def failing(self: AutoencoderRuntime, *arguments: object) -> object:
            calls.append(1)
            if len(calls) == 3:
                raise error
            return usual(self, *arguments)

        monkeypatch.setattr(AutoencoderRuntime, name, failing)
        monkeypatch.setattr("videocodec.encoder.chunk_coder._BATCH_PIXELS", 4 * 96 * 64)
        before = contents(folder)
        if command == "encode":
            line = failure(capsys, "encode", coded_movie.movie, folder / "out.lv.mp4", "-y", *QUICK)
        else:
            line = failure(
                capsys, "decode", coded_movie.coded, folder / "out.mp4", "-y", "--device", "cpu"
            )
        assert expected in line and ("smaller video" in line or "still there" in line)
        assert contents(folder) == before

    @pytest.mark.skipif(
        torch.cuda.is_available(), reason="the device that must be missing is there"
    )
    @pytest.mark.parametrize("command", ["encode", "decode"])
    def test_on_a_device_that_is_not_there(
        self, coded_movie, folder: Path, command: str, capsys
    ) -> None:
        before = contents(folder)
        source, target = (
            (coded_movie.movie, "out.lv.mp4")
            if command == "encode"
            else (coded_movie.coded, "out.mp4")
        )
        line = failure(capsys, command, source, folder / target, "-y", "--device", "cuda")
        assert "device cuda is not available" in line and "--device auto" in line
        assert contents(folder) == before


@POSIX_ONLY
@pytest.mark.slow
def test_a_worker_that_the_system_kills(write_movie, panned, folder: Path) -> None:
    """As the kernel does where memory ends: a line that says what to try, nothing that looks
    complete, and something to resume.
    """
    movie = write_movie(folder / "movie.mp4", panned(60, 64, 96, (1, 2)))
    before = contents(folder)
    command = [sys.executable, "-c", _KILLS_A_WORKER, str(movie), str(folder / "out.lv.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 1
    assert (
        "was killed by signal 9" in done.stderr
        and "fewer --jobs" in done.stderr
        and done.stderr.count("\n") == 1
    )
    after = contents(folder)
    assert {
        name: data for name, data in after.items() if not name.startswith("out.lv.mp4.chunks")
    } == before


_KILLS_A_WORKER = """
import os, signal, sys
from videocodec.cli import main
from videocodec.encoder import worker_pool

receive, seen = worker_pool._receive, []

def killing(worker):
    seen.append(worker)
    if len(seen) == 3:
        os.kill(worker.process.pid, signal.SIGKILL)
    return receive(worker)

if __name__ == "__main__":
    worker_pool._receive = killing
    options = "-y --gop-size 8 --preset ultrafast --jobs 2 --device cpu".split()
    sys.exit(main(["encode", *sys.argv[1:], *options]))
"""


@POSIX_ONLY
@pytest.mark.slow
def test_kills_and_ctrl_c_at_random_moments() -> None:
    """A few trials of tools/bench/faults.py."""
    from tools.bench.faults import run

    found = run(
        ["encode", "decode"],
        [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        4,
        seed=1,
    )
    assert [line for one in found.values() for line in one.wrong] == []
    assert all(one.trials == 4 for one in found.values())
