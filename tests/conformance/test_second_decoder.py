"""The second decoder: plain Python, nothing of the product, and the same integers on all of the
corpus.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from . import corpus, second_decoder
from .scenarios.second import SECOND_SCENARIOS

ROOT = Path(__file__).parents[2]
MODULES = [
    Path(second_decoder.__file__),
    *sorted((ROOT / "tests" / "conformance" / "reference_v2").glob("[!_]*.py")),
    *sorted((ROOT / "tests" / "conformance" / "reference_v1").glob("[!_]*.py")),
]
LONG = ["1.1/counts_at_their_limit", "1/halved_counts"]
LONG += [f"2/{name}" for name, scenario in SECOND_SCENARIOS.items() if scenario.long]

# Refuses whatever is neither Python's own nor one of the modules above.
ALONE = """
import importlib.abc, sys
allowed = {"tests", "tests.conformance", "tests.conformance.reference_v1"}
allowed |= {"tests.conformance.reference_v2"}
allowed |= set(sys.argv.pop(1).split(","))
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name not in allowed and name.partition(".")[0] not in sys.stdlib_module_names:
            raise ImportError(f"the second decoder imports {name}")
sys.meta_path.insert(0, Refuse())
from tests.conformance import second_decoder
second_decoder.main(sys.argv[1:])
assert not {"numpy", "bitstream", "videocodec", "av", "constriction", "torch"} & set(sys.modules)
"""


def decode_alone(
    names: list[str], allowed: list[Path] = MODULES
) -> subprocess.CompletedProcess[str]:
    modules = ",".join(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in allowed)
    return subprocess.run(
        [sys.executable, "-c", ALONE, modules, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def check(names: list[str]) -> None:
    done = decode_alone(names)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for stream in corpus.streams():
        if stream.full_name in names:
            assert found[stream.part][stream.name] == stream.entry["units"], stream.name


@pytest.mark.parametrize("version", corpus.VERSIONS)
def test_it_agrees_on_every_frame(version: int) -> None:
    check(sorted({stream.full_name for stream in corpus.streams((version,))} - set(LONG)))


@pytest.mark.slow
def test_it_agrees_on_every_frame_of_a_long_stream() -> None:
    check(LONG)


def test_the_refusal_refuses() -> None:
    done = decode_alone(["1/keyframes"], MODULES[:-1])
    assert (
        done.returncode == 1
        and "the second decoder imports tests.conformance.reference_v1." in done.stderr
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_nothing_but_python_and_itself(path: Path) -> None:
    own = {module.stem for module in MODULES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert all(
                name.name.partition(".")[0] in sys.stdlib_module_names for name in node.names
            )
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert node.module.rpartition(".")[2] in own
        elif isinstance(node, ast.ImportFrom):
            assert node.module.partition(".")[0] in sys.stdlib_module_names
