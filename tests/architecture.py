"""The modules of the project and what they import, read from their source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("bitstream", "videocodec", "tools")

_WORD = re.compile(r"\b_[a-zA-Z]\w*")
_OWN_NAME = re.compile(r"\b(?:def |class |self\.|cls\.)(_[a-zA-Z]\w*)")
_VARIABLE = re.compile(r"^[\w ,]*\b(_[a-zA-Z]\w*)[\w ,]*(?::[^=]+)?=", re.MULTILINE)


def python_files() -> list[str]:
    """All Python files of the project, relative to its root."""
    found = (file for folder in (*PACKAGES, "tests") for file in (ROOT / folder).rglob("*.py"))
    return sorted(file.relative_to(ROOT).as_posix() for file in found)


def module_name(file: str) -> str:
    """``videocodec/cli/__init__.py`` → ``videocodec.cli``."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def parsed(file: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / file).read_text(), file)


def modules() -> dict[str, str]:
    """File of every module of the packages, by its dotted name."""
    files = (file for file in python_files() if file.startswith(tuple(f"{p}/" for p in PACKAGES)))
    return {module_name(file): file for file in files}


def imports(file: str) -> Iterator[str]:
    """Dotted names that a module imports, inside functions too; names taken from a module come with
    it.  What only type checkers see is left out.
    """
    package = module_name(file).split(".")
    if not file.endswith("/__init__.py"):
        package.pop()
    for node in _statements(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            children: list[ast.stmt] = child.orelse
            for statement in children:
                yield statement
                yield from _statements(statement)
            continue
        yield child
        yield from _statements(child)


def import_graph() -> dict[str, set[str]]:
    """What every module imports of the others.

    A package that re-exports counts as itself; importing a name of a package that is a module
    counts as that module alone.
    """
    known = modules()
    return {
        module: {_target(name, known) for name in imports(file)} - {module, None}
        for module, file in known.items()
    }


def _target(name: str, known: dict[str, str]) -> str | None:
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, by Tarjan's algorithm."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            at = stack.index(module)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(graph):
        if module not in order:
            visit(module)
    return found


def functions(file: str) -> Iterator[tuple[str, int]]:
    """Name and lines of every function of a file: those of its body, without the docstring."""
    for node in ast.walk(parsed(file)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        yield node.name, lines


def parameters(file: str) -> Iterator[tuple[str, int]]:
    """Name of every function of a file, with its class, and how many parameters it takes."""
    tree = parsed(file)
    owners = {
        function: node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for function in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(argument.arg not in ("self", "cls") for argument in taken)
            yield (f"{owners[node]}.{node.name}" if node in owners else node.name), count


@cache
def _text(file: str) -> str:
    return (ROOT / file).read_text()


def private_names(file: str) -> set[str]:
    """Names with one leading underscore that a file defines, by the look of its lines: functions,
    classes, attributes and variables.
    """
    return set(_OWN_NAME.findall(_text(file))) | set(_VARIABLE.findall(_text(file)))


def mentions(file: str, names: set[str]) -> bool:
    """Whether any of these words is in a file."""
    return not names.isdisjoint(_WORD.findall(_text(file)))


def private_uses(file: str) -> Iterator[tuple[str, int]]:
    """Private names of other objects and modules that a file reads, sets, imports or has in a
    string, as those that are patched, and their lines.
    """
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Attribute):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            names = [] if is_own else [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = re.findall(r"(?:^|\.)(_\w+)", node.value)
        else:
            continue
        yield from ((name, node.lineno) for name in names if _is_private(name))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"
