"""Tools are programs: ``python -m tools.bench.NAME`` calls the ``main`` that tests call."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture import ROOT, parsed, python_files

GUARD = 'if __name__ == "__main__":'
PROGRAMS = [
    file
    for file in python_files()
    if file.startswith("tools/")
    and any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in parsed(file).body)
]


@pytest.mark.parametrize("file", PROGRAMS)
def test_a_tool_calls_its_main_when_it_is_run(file: str) -> None:
    *_, last = parsed(file).body
    assert ast.unparse(last).startswith(GUARD.replace('"', "'"))
    (call,) = last.body
    assert ast.unparse(call) in {"main()", "sys.exit(main())"}


def test_a_tool_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "tools.bench.tables", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m tools.bench.tables")
