"""Commands of benchmarks in the docs: their own parser takes them, values and all."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"python -m (tools\.bench\.\w+)((?:[^\n`#]|\\\n)*)")
# Pages of decisions give the commands of the commits they name.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[tuple[str, str, list[str]]]:
    """Page, module and words of every command, without what stands in brackets."""
    found = {}
    for page in filter(Path.exists, PAGES):
        for module, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
            if not module.endswith(("NAME", "tables")):
                words = shlex.split(re.sub(r"\[[^\]]*\]|…|\\\n", " ", rest))
                found[page.name, module, *words] = (page.name, module, words)
    return list(found.values())


@pytest.mark.parametrize(("page", "module", "words"), commands())
def test_the_parser_of_a_benchmark_takes_the_documented_command(
    page: str, module: str, words: list[str]
) -> None:
    if module == "tools.bench.player":
        pytest.importorskip("playwright")
    parser = importlib.import_module(module).parser()
    if words:  # else the tool is named, not called
        parser.parse_args(words)
