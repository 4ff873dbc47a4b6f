"""Which sources of this project a module needs, by its import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def needed_by(*modules: str) -> tuple[Path, ...]:
    """Files of the modules, relative to ``ROOT`` as in "videocodec/decoder/frames.py", and of all
    that they import from this project, sorted.

    Imports inside functions count, those for type checkers alone do not.
    """
    waiting, reached = [ROOT / module for module in modules], set()
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += _imported(file)
    return tuple(sorted(reached))


def _imported(file: Path) -> Iterator[Path]:
    for node in _statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from _files(name.name.split("."))
            continue
        package: list[str] = []
        if node.level:
            folder = file.parents[node.level - 1]
            package = list(folder.relative_to(ROOT).parts)
        package += node.module.split(".") if node.module else []
        yield from _files(package)
        for name in node.names:
            yield from _files([*package, name.name])


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _statements(child)


def _files(parts: list[str]) -> Iterator[Path]:
    """The file of a module or package of this project; none for anything else."""
    # The package itself imports all its tools, but only for those who ask for them by its name.
    if not parts or parts[0] not in ("bitstream", "videocodec") or parts == ["videocodec"]:
        return
    path = ROOT.joinpath(*parts)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            yield file
