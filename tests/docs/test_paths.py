"""Files and folders that pages name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name

# docs/decisions is history: it names files as they were.
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
_PATH = re.compile(r"`((?:bitstream|videocodec|tools|tests|docs|samples)/[\w/.-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_exist(page: Path) -> None:
    paths = set(_PATH.findall(page.read_text("utf-8")))
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert not sorted(path for path in missing if "vN" not in path)  # vN stands for any version


def test_every_folder_of_code_is_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    folders = {
        f"{init.parent.relative_to(ROOT).as_posix()}/"
        for package in ("bitstream", "videocodec", "tools")
        for init in (*ROOT.glob(f"{package}/__init__.py"), *ROOT.glob(f"{package}/*/__init__.py"))
    }
    missing = {folder for folder in folders if f"`{folder}`" not in page}
    assert missing <= {"videocodec/", "tools/"}
