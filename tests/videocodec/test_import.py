"""What ``import videocodec`` does to the process: nothing heavy, and threads that do not spin; and
what the packaged model needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def environment_after_import(**given: str) -> dict[str, str]:
    """The two settings of libgomp as a new process has them after the import."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    chosen = f"{{n: os.environ[n] for n in {names!r} if n in os.environ}}"
    program = (
        f"import json, os, sys, videocodec; print(json.dumps({chosen})); assert 'torch' not in"
        " sys.modules"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=inherited | given, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_threads_wait_without_spinning_for_long() -> None:
    assert environment_after_import() == {"GOMP_SPINCOUNT": "10000"}


@pytest.mark.parametrize("given", [{"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}])
def test_what_the_user_has_set_stays(given: dict[str, str]) -> None:
    assert environment_after_import(**given) == given


def loaded_after(program: str, *arguments: str) -> set[str]:
    """Names of the modules that a program has loaded in the end."""
    program = f"import sys; {program}; print('loaded', *sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split()[1:])


COMMAND = "from videocodec.cli import main; assert main(sys.argv[1:]) == 0"


def test_the_packaged_model_needs_no_pytorch(tmp_path: Path) -> None:
    """Most of a start: nor diffusers, which bring its compiler along."""
    clip, coded = tmp_path / "clip.y4m", tmp_path / "coded.mp4"
    clip.write_bytes(b"YUV4MPEG2 W64 H64 F25:1 C420\nFRAME\n" + bytes(64 * 64 * 3 // 2))
    player = (
        "from videocodec.player.opening import DecodingOptions, opened_files;"
        " from videocodec.player.played import Settings;"
        " from videocodec.player.server import PlayerServer;"
        " held = opened_files(sys.argv[1:], Settings(True, 1),"
        " DecodingOptions(None, False, 0, 'cpu', 1)); files = held.__enter__();"
        " files[0].png(0, Settings(True, 1))"
    )
    for program, arguments in (
        (COMMAND, ("encode", str(clip), str(coded))),
        (COMMAND, ("encode", str(clip), str(tmp_path / "scaled.mp4"), "--scale", "auto")),
        (COMMAND, ("decode", str(coded), str(tmp_path / "out.y4m"), "--device", "cpu")),
        (player, (str(coded),)),
    ):
        loaded = loaded_after(program, *arguments)
        assert not loaded & {"torch", "diffusers", "torch._dynamo", "sympy", "scipy.stats"}, (
            arguments
        )
