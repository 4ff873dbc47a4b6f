"""A short run of every fuzz target from the committed corpus, and every input that once broke
something.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
# Inputs that each target tries: some seconds of work on one core, the starting of the process
# apart.
EXECUTIONS = {
    "header": 20_000,
    "unit": 8_000,
    "payload": 200,
    "payload-2": 200,
    "container": 600,
    "repair": 40,
    "attached": 4_000,
    "captions": 10_000,
    "tables": 200,
    "tables-2": 100,
    "config": 3_000,
    "pictures": 2_000,
    "labels": 1_000,
}
BROKEN = sorted((FOLDER / "crashes").glob("*/*"))


def targets() -> dict[str, object]:
    """Without atheris: single inputs need no guidance."""
    from tools.fuzz.targets import TARGETS

    return TARGETS


def test_every_target_is_run_and_has_a_corpus() -> None:
    assert (
        sorted(targets())
        == sorted(EXECUTIONS)
        == sorted(folder.name for folder in (FOLDER / "corpus").iterdir())
    )


def test_the_corpus_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*/*/*") if file.is_file()) < 200_000


@pytest.mark.parametrize("name", EXECUTIONS)
def test_the_first_inputs_of_a_target_are_in_order(name: str) -> None:
    """Seeds made anew run through; real ones are not refused at the first byte."""
    target = targets()[name]
    run = target.make()
    for seed in target.seeds():
        assert len(seed) <= target.longest
        run(seed)


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: f"{file.parent.name}-{file.name}"[:40])
def test_what_once_broke_something_breaks_nothing(file: Path) -> None:
    targets()[file.parent.name].make()(file.read_bytes())


@pytest.mark.parametrize("name", EXECUTIONS)
def test_a_short_run(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("fuzzing needs atheris, which is not installed: pip install '.[fuzz]'")
    command = [
        sys.executable,
        "-m",
        "tools.fuzz",
        name,
        "--executions",
        str(EXECUTIONS[name]),
        "--seed",
        "1",
    ]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    (done,) = re.findall(r"stat::number_of_executed_units: (\d+)", ran.stderr)
    assert int(done) >= EXECUTIONS[name]
    assert list(tmp_path.iterdir()) == [], "an input that broke something"
