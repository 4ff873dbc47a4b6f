"""``make lint`` and ``make types`` refuse, by their settings, what they are there to refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from .architecture import ROOT

pytestmark = pytest.mark.skipif(
    find_spec("mypy") is None or find_spec("ruff") is None, reason="needs the extra dev"
)

# A caller of the packages, as in tools/.
SOUND = '''"""A table."""

from tools.bench.markdown import Table
from videocodec.presets import preset_named

made = Table(columns=[preset_named("fast")], formats=["{}"])
'''
WRONG = SOUND.replace("formats=", "format=").replace('preset_named("fast")', "preset_named(3)")
UNUSED = SOUND.replace("import preset_named", "import PRESETS, preset_named")


def gate(modules: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the gate, with the project's settings, on modules by their names."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", *words, *(str(folder / f"{name}.py") for name in modules)]
    environment = os.environ | {"MYPYPATH": str(ROOT), "RUFF_NO_CACHE": "true"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def lint(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return gate({"caller": source}, folder, "ruff", "check", "--config=pyproject.toml")


def test_types_refuses_a_renamed_keyword_and_a_wrong_type_and_nothing_else(tmp_path: Path) -> None:
    modules = {"sound": SOUND, "wrong": WRONG}
    done = gate(modules, tmp_path, "mypy", "--config-file=pyproject.toml")
    assert done.returncode == 1
    assert 'Unexpected keyword argument "format"' in done.stdout
    assert 'incompatible type "int"; expected "str"' in done.stdout
    assert "wrong.py" in done.stdout and "sound.py" not in done.stdout


def test_lint_refuses_an_unused_import_and_a_sound_module_passes(tmp_path: Path) -> None:
    done = lint(UNUSED, tmp_path)
    assert done.returncode == 1
    assert "F401" in done.stdout
    done = lint(SOUND, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_code_but_the_tests_is_checked_and_nothing_of_it_is_exempt() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"]
    assert set(settings["files"]) == {"bitstream", "videocodec", "tools"}
    assert not any(part.get("ignore_errors") for part in settings["overrides"])


def test_continuous_integration_runs_the_gate() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make lint", "make types", "make test"} <= set(lines)
