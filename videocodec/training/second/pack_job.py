"""Packing a job for an accelerator: a folder with data, weights and the code that they need."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors.torch import load_file

from ...errors import OutputError, OutputExistsError
from ...networks.second.autoencoder import SecondShape
from .. import checkpoints
from . import pack
from .job import DATA_FILE, LPIPS_FILE, SETTINGS_FILE, WEIGHTS_FILE
from .run import AVERAGE_FILE, CHECKPOINT

LARGEST_DATA = 45_000_000  # bytes
_ENTRY_MODULE = "videocodec.training.second.job"
_PACKAGES = ("videocodec", "bitstream")
_SCRIPT = f"""#!/usr/bin/env bash
# Minutes, and a folder for what comes of them; more options: --help.
cd "$(dirname "$0")" && PYTHONPATH="code:${{PYTHONPATH:-}}" exec "${{PYTHON:-python3}}" \\
  -m {_ENTRY_MODULE} --minutes "$1" --output "$2" "${{@:3}}"
"""


@dataclass(frozen=True)
class Job:
    """What a job is packed of.

    data: a pack; what of it is more than ``most_bytes`` is left out.
    lpips: weights of LPIPS.
    weights: to start from where there is no ``run``.
    run: folder of a run that is gone on with: its average, and with ``with_state`` its checkpoint
    too (31 MB), so that it goes on exactly.
    """

    data: Path
    lpips: Path
    weights: Path | None = None
    run: Path | None = None
    with_state: bool = False
    most_bytes: int = LARGEST_DATA
    shape: SecondShape = field(default_factory=SecondShape)


def pack_job(job: Job, folder: Path) -> list[str]:
    """Make the folder → lines on what is in it.

    Raises ``OutputExistsError`` for a folder that is there, ``InputError`` for data that is none,
    ``OutputError`` without weights.
    """
    if folder.exists():
        raise OutputExistsError(f"{folder} exists: name a new folder")
    weights = job.run / AVERAGE_FILE if job.run else job.weights
    if weights is None or not weights.is_file():
        raise OutputError(f"{weights}: no weights to start from: give --init or --run")
    entries = pack.within(pack.read_entries(job.data), job.most_bytes)
    folder.mkdir(parents=True)
    pack.write(entries, folder / DATA_FILE)
    shutil.copyfile(job.lpips, folder / LPIPS_FILE)
    state = checkpoints.half_precision(load_file(str(weights)))
    checkpoints.save_tensors(state, folder / WEIGHTS_FILE)
    record = checkpoints.read_record(job.run / CHECKPOINT) if job.run else {}
    if job.run and job.with_state:
        shutil.copytree(job.run / CHECKPOINT, folder / CHECKPOINT)
    settings = {"pixels_before": record.get("pixels", 0), "shape": asdict(job.shape)}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")
    modules = _copy_code(folder / "code")
    (folder / "run.sh").write_text(_SCRIPT)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    counts = ", ".join(f"{n} {kind}" for kind, n in pack.count_kinds(entries).items())
    return [counts, f"{modules} modules", f"{size / 1e6:.1f} MB in {folder}"]


def _copy_code(target: Path) -> int:
    """Copy the modules that the job's own imports → how many."""
    program = (
        f"import sys, {_ENTRY_MODULE}\n"
        f"names = [n for n in sys.modules if n.split('.')[0] in {_PACKAGES!r}]\n"
        "print(*sorted(sys.modules[n].__file__ for n in names), sep='\\n')"
    )
    root = Path(__file__).resolve().parents[3]
    files = _lines([sys.executable, "-c", program], root)
    for file in files:
        place = target / Path(file).resolve().relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return len(files)


def _lines(command: Sequence[str], folder: Path) -> list[str]:
    """What a program writes, run in a folder, which Python then imports from first."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.split("\n")[:-1]
