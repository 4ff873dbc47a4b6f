"""The wheel: what is in it, and that it works where it is installed by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "balls.mp4"
PACKAGES = ("bitstream", "videocodec")
SETUP = ("pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the working tree."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for name in SETUP:
        shutil.copy(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source)
    (found,) = target.glob("videocodec-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in a fresh environment that has the wheel, and sees the libraries of this one.

    Path files of this environment are not read there, so that an editable install is not seen.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    scripts, libraries = Path(paths["scripts"]), Path(paths["purelib"])
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (libraries / "libraries.pth").write_text("\n".join(sorted(here)), encoding="utf-8")
    python = scripts / Path(sys.executable).name
    _pip("--python", python, "install", "--no-deps", wheel)
    return scripts / "videocodec"


def _pip(*arguments: str | Path) -> None:
    # PYTHONPATH would offer the working tree to what is to do without it.
    command = [sys.executable, "-m", "pip", *map(str, arguments)]
    environment = _without_path() | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _without_path() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _run(program: Path, *arguments: str | Path, folder: Path) -> str:
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=_without_path(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_holds_the_packages_with_their_data_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(ROOT).as_posix())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"bitstream/py.typed", "videocodec/py.typed", "bitstream/FORMAT.md"} <= expected
    assert expected <= names
    others = {name for name in names - expected if ".dist-info/" not in name}
    assert others == set()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_installed_wheel_encodes_and_decodes(installed: Path, tmp_path: Path) -> None:
    options = ("--max-frames", "3", "--preset", "ultrafast", "--device", "cpu", "--jobs", "1")
    _run(installed, "encode", SAMPLE, "coded.mp4", *options, folder=tmp_path)
    told = json.loads(_run(installed, "info", "coded.mp4", "--json", folder=tmp_path))
    assert told["frames"] == 3
    _run(installed, "verify", "coded.mp4", folder=tmp_path)
    _run(installed, "decode", "coded.mp4", "decoded.y4m", "--device", "cpu", folder=tmp_path)
    assert (tmp_path / "decoded.y4m").read_bytes().startswith(b"YUV4MPEG2 ")


def test_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    python = installed.with_name(Path(sys.executable).name)
    code = "import bitstream, videocodec; print(bitstream.__file__, videocodec.__file__, sep='\\n')"
    for file in _run(python, "-c", code, folder=tmp_path).splitlines():
        assert Path(file).is_relative_to(installed.parents[1])
