"""Kernels come when they are wanted, and nothing goes wrong where they do not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from bitstream.v2.compiled import VARIABLE
from bitstream.v2.frame_coder import FrameCoder
from tests.bitstream.synthetic.second_streams import second_header

from ..synthetic import random_tables
from .numpy_alone import needs_kernels

ROOT = Path(__file__).parents[4]
STATE = "from bitstream.v2.compiled import await_kernels; print(await_kernels())"


def run(program: str, folder: Path = ROOT, **environment: str | Path) -> str:
    """What a process of its own prints, which must not complain."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": "", **{name: str(v) for name, v in environment.items()}},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_variable_turns_them_off() -> None:
    program = f"{STATE}; import sys; print('numba' in sys.modules)"
    assert run(program, **{VARIABLE: "0"}) == "None\nFalse"


def test_the_variable_waits_for_them() -> None:
    needs_kernels()
    program = "from bitstream.v2.compiled import kernels; print(kernels() is not None)"
    assert run(program, **{VARIABLE: "1"}) == "True"


def test_nobody_waits_longer_than_he_said() -> None:
    """And a second time not at all."""
    program = """
import time
from threading import Event
from unittest.mock import patch
from bitstream.v2.compiled import await_kernels

never, begin = Event(), time.monotonic()
with patch("bitstream.v2.compiled.import_module", lambda name: never.wait()):
    found = [await_kernels(0.3), await_kernels(0.3)]
never.set()
print(found, time.monotonic() - begin >= 0.3, await_kernels() is None)
"""
    assert run(program, **{VARIABLE: ""}) == "[None, None] True False"


@pytest.mark.parametrize(("size", "waits"), [((1024, 512), True), ((512, 288), False)])
def test_they_are_waited_for_before_large_keyframes_alone(
    size: tuple[int, int], waits: bool
) -> None:
    with patch("bitstream.v2.compiled.await_kernels") as waiting:
        FrameCoder.for_header(random_tables(0, (1, 1), 32, 10), second_header(*size, 0, 2))
    assert waiting.called == waits
    if waits:
        assert waiting.call_args.args[0] < 5.0  # where they are compiled first it takes a minute


def test_nothing_of_numba_is_imported_before_they_are_wanted() -> None:
    program = "import bitstream.formats, sys; print('numba' in sys.modules)"
    assert run(program) == "False"


def test_without_numba_there_are_none() -> None:
    assert run(f"import sys; sys.modules['numba'] = None; {STATE}", **{VARIABLE: ""}) == "None"


def test_where_nothing_can_be_kept_there_are_none(tmp_path: Path) -> None:
    """Folders that cannot be written to, here because files are in their place."""
    needs_kernels()
    package = tmp_path / "bitstream"
    shutil.copytree(ROOT / "bitstream", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "v2" / "compiled" / "__pycache__").write_text("")
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    homes = {name: nowhere for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE")}
    environment = {**homes, VARIABLE: "", "NUMBA_CACHE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"}
    assert run(STATE, tmp_path, **environment) == "None"


@pytest.mark.parametrize("seconds", [0, 0.5, 2])
def test_a_program_may_end_while_they_are_compiled(seconds: float, tmp_path: Path) -> None:
    program = "import time; from bitstream.v2.compiled import kernels; kernels()"
    program = f"{program}; time.sleep({seconds}); print('done')"
    assert run(program, **{VARIABLE: "", "NUMBA_CACHE_DIR": tmp_path}) == "done"


def test_no_compiler_works_on_when_the_process_takes_itself_apart(tmp_path: Path) -> None:
    """Beside libraries that end slowly, as PyTorch does, it crashed."""
    needs_kernels()
    program = (
        "import atexit, threading, time; from bitstream.v2.compiled import kernels;"
        "atexit.register(lambda: print([t.name for t in threading.enumerate()]));"
        "kernels(); time.sleep(1); print(len(threading.enumerate()))"
    )
    found = run(program, **{VARIABLE: "", "NUMBA_CACHE_DIR": tmp_path})
    assert found.splitlines() == ["2", "['MainThread']"]
