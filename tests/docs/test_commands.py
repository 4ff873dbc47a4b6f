"""Commands in the pages are ones that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, commands, name
from videocodec.cli import parser

_PLACEHOLDER_FOR_A_NUMBER = re.compile(r"(?<=[ =])N\b")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_command_line_takes_them(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = []
    for command in commands(page, "videocodec"):
        words = shlex.split(_PLACEHOLDER_FOR_A_NUMBER.sub("1", command))[1:]
        try:
            parser().parse_args(words)
        except SystemExit as ended:
            if ended.code != 0:  # --help and --version end with 0
                refused.append(f"{command}: {capsys.readouterr().err.splitlines()[-1]}")
    assert not refused


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_modules_and_their_options_exist(page: Path) -> None:
    missing = []
    for command in commands(page, "python -m"):
        module, *words = shlex.split(command)[2:]
        if module == "pytest":
            paths = [word for word in words if "/" in word]
            missing += [f"{command}: no {path}" for path in paths if not (ROOT / path).exists()]
            continue
        if not module.startswith(("tools.", "tests.")):
            continue
        path = ROOT / module.replace(".", "/")
        source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        if not source.is_file():
            missing.append(f"{command}: no module {module}")
            continue
        folder = "".join(file.read_text("utf-8") for file in sorted(source.parent.glob("*.py")))
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        missing += [f"{command}: no {option}" for option in options if f'"{option}"' not in folder]
    assert not missing
