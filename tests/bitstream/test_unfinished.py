"""What is not finished stands under a hidden name, goes with its owner, and with the next one if
that was killed.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bitstream.container import Unfinished

_LEFT_BEHIND = """
import os, signal, sys
from pathlib import Path
from bitstream.container import Unfinished

one = Unfinished(Path(sys.argv[1]), folder=sys.argv[2] == "folder")
if one.path.is_dir():
    (one.path / "00001.png").write_bytes(b"some")
print(one.path.name, flush=True)
sys.stdin.read() if sys.argv[3] == "wait" else os.kill(os.getpid(), signal.SIGKILL)
"""


def another(target: Path, kind: str, end: str) -> subprocess.Popen:
    command = [sys.executable, "-c", _LEFT_BEHIND, str(target), kind, end]
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout.readline().startswith(f".{target.name[:40]}.")
    return process


@pytest.mark.parametrize("folder", [False, True])
def test_it_goes_with_its_owner(tmp_path: Path, folder: bool) -> None:
    one = Unfinished(tmp_path / "out.mp4", folder=folder)
    assert (
        one.path.exists() and one.path.name.startswith(".out.mp4.") and one.path.suffix == ".part"
    )
    del one
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_it_gets_its_name_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    one = Unfinished(target)
    one.path.write_bytes(b"new")
    assert target.read_bytes() == b"old"
    one.replace(target)
    one.remove()
    assert [path.name for path in tmp_path.iterdir()] == [
        "out.mp4"
    ] and target.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="needs locks and SIGKILL")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path, kind: str) -> None:
    killed = another(tmp_path / "out.mp4", kind, "die")
    assert killed.wait() == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 1
    for name in (
        ".out.mp4.notes.part",
        ".out.mp4.part",
        "out.mp4.12-abcdef.part",
        ".other.mp4.12-abcdef.part",
    ):
        (tmp_path / name).write_text("not ours")
    with Unfinished(tmp_path / "out.mp4") as one:
        assert (
            sum(
                path.name == one.path.name or path.read_text() == "not ours"
                for path in tmp_path.iterdir()
            )
            == 5
        )
        assert len(list(tmp_path.iterdir())) == 5
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.skipif(os.name != "posix", reason="needs locks")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_another_process_is_making_stays(tmp_path: Path, kind: str) -> None:
    other = another(tmp_path / "out.mp4", kind, "wait")
    with Unfinished(tmp_path / "out.mp4"):
        assert len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.iterdir())) == 1
    other.communicate()
    assert other.returncode == 0 and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_hold_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Unfinished(tmp_path / "missing" / "out.mp4")
