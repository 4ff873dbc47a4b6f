"""Commands of ``tools/`` in the docs: the module is there, and takes the options."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"python -m (tools\.\w+(?:\.\w+)?)((?:[^\n`#]|\\\n)*)")
# Pages of decisions give the commands of the commits they name.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[tuple[str, str, list[str]]]:
    """Page, module and words of every command, without what stands in brackets."""
    found = {}
    for page in filter(Path.exists, PAGES):
        for module, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
            if not module.endswith("NAME"):
                words = shlex.split(re.sub(r"\[[^\]]*\]|…|\\\n", " ", rest))
                found[page.name, module, *words] = (page.name, module, words)
    return list(found.values())


@pytest.mark.parametrize(("page", "module", "words"), commands())
def test_a_documented_command_exists_and_takes_its_options(
    page: str, module: str, words: list[str]
) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    if module.startswith("tools.bench.") and module != "tools.bench.tables":
        if module == "tools.bench.player":
            pytest.importorskip("playwright")
        parser = importlib.import_module(module).parser()
        if words:  # else the tool is named, not called
            parser.parse_args(words)
        return
    folder = Path(spec.origin).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    missing = [word for word in words if word.startswith("--") and f'"{word}"' not in sources]
    assert not missing
