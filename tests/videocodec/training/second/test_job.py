"""Packing a run of training for another machine, and what comes back from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from videocodec.errors import OutputError, OutputExistsError
from videocodec.training.budget import Budget
from videocodec.training.second import pack
from videocodec.training.second.pack_job import Job, pack_job
from videocodec.training.second.recipe import SecondTraining
from videocodec.training.second.run import train

BLOCKED = """
import sys
for name in ("av", "diffusers", "constriction", "tqdm", "transformers", "starlette"):
    sys.modules[name] = None
"""


@pytest.mark.slow
class TestJob:
    """A few steps of the whole path, in the folder that is carried, without what is not there."""

    def job(self, asked: SecondTraining, data: Path) -> Job:
        train(asked, pack.read(data), Budget(steps=1))
        return Job(data, asked.lpips, run=asked.folder, with_state=True, shape=asked.shape)

    def test_three_steps_on_the_cpu(
        self, asked: SecondTraining, data: Path, tmp_path: Path
    ) -> None:
        folder, output = tmp_path / "job", tmp_path / "out"
        lines = pack_job(self.job(asked, data), folder)
        assert "4 frame" in lines[0]
        (tmp_path / "blocked").mkdir()
        (tmp_path / "blocked" / "sitecustomize.py").write_text(BLOCKED)
        environment = os.environ | {
            "PYTHON": sys.executable,
            "PYTHONPATH": str(tmp_path / "blocked"),
            "OMP_NUM_THREADS": "1",
        }
        options = ["--steps", "3", "--batch", "1", "--crop", "96", "--workers", "2"]
        command = ["bash", str(folder / "run.sh"), "9", str(output), *options]
        ran = subprocess.run(
            [*command, "--device", "cpu"], env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert "Gpx a minute at a constant rate, 3 steps" in ran.stdout
        files = [file for file in output.rglob("*") if file.is_file()]
        assert len(files) == 9 and max(file.stat().st_size for file in files) < 16 << 20
        state = json.loads((output / "checkpoint" / "state.json").read_text())
        assert (state["steps"], state["pixels"]) == (3, 64 * 64 + 2 * 96 * 96)  # one before the job
        log = (output / "log.jsonl").read_text()
        lines = [json.loads(line) for line in log.splitlines()]
        assert lines[0]["iteration"] == 1
        assert lines[-1]["decaying"] and lines[-1]["iteration"] == 6
        assert "decayed.safetensors" in (output / "panel.md").read_text()
        self.goes_on(replace(asked, folder=output), data)

    @staticmethod
    def goes_on(asked: SecondTraining, data: Path) -> None:
        """What came back is a run like any other."""
        assert train(asked, pack.read(data), Budget(steps=4)).steps == 4

    def test_code_is_what_it_imports_and_no_more(
        self, asked: SecondTraining, data: Path, tmp_path: Path
    ) -> None:
        pack_job(self.job(asked, data), tmp_path / "job")
        code = tmp_path / "job" / "code"
        modules = {str(file.relative_to(code)) for file in code.rglob("*.py")}
        assert "videocodec/training/second/job.py" in modules
        assert not any(
            name.startswith(("videocodec/encoder", "videocodec/models", "bitstream/v1"))
            for name in modules
        )

    def test_a_folder_that_is_there_and_weights_that_are_not_are_refused(
        self, asked: SecondTraining, data: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "there").mkdir()
        job = Job(data, asked.lpips, weights=tmp_path / "absent")
        with pytest.raises(OutputExistsError, match="there exists"):
            pack_job(job, tmp_path / "there")
        with pytest.raises(OutputError, match="absent: no weights to start from"):
            pack_job(job, tmp_path / "job")
        assert not (tmp_path / "job").exists()
