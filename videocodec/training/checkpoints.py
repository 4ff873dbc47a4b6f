"""A state of training in a folder: tensors as safetensors, everything else as JSON.

``state.json`` holds counters and settings; every other file is ``NAME.safetensors``.  Nothing is
pickled, so that a checkpoint from anywhere is safe to read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..errors import InputError

Record = dict[str, Any]  # what JSON holds of a state
_RECORD = "state.json"


def exists(folder: Path) -> bool:
    """Whether a complete checkpoint is there."""
    return _complete(folder) is not None


def write(
    folder: Path, tensors: Mapping[str, Mapping[str, torch.Tensor]], record: Mapping[str, object]
) -> None:
    """Replace the checkpoint in ``folder`` by one with a file for every entry of ``tensors``.

    The old one is there until the new one is complete, wherever the process is stopped.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial, replaced = (folder.with_name(folder.name + end) for end in (".part", ".replaced"))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name, values in tensors.items():
        save_tensors(values, partial / f"{name}.safetensors")
    (partial / _RECORD).write_text(json.dumps(record, indent=1) + "\n")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    partial.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def read(folder: Path) -> tuple[dict[str, dict[str, torch.Tensor]], Record]:
    """Tensors by file and name, and the record.

    Raises ``InputError`` where no complete checkpoint is.
    """
    complete = _complete(folder)
    if complete is None:
        raise InputError(f"{folder}: no checkpoint of a training: name the folder of a run")
    tensors = {file.stem: load_file(str(file)) for file in sorted(complete.glob("*.safetensors"))}
    record: Record = json.loads((complete / _RECORD).read_text())
    return tensors, record


def read_record(folder: Path) -> Record:
    """The record alone; empty where no complete checkpoint is."""
    complete = _complete(folder)
    return json.loads((complete / _RECORD).read_text()) if complete else {}


def save_tensors(
    values: Mapping[str, torch.Tensor], file: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors of any device and memory format, beside first and then renamed."""
    partial = file.with_name(file.name + ".part")
    tensors = {name: value.detach().cpu().contiguous() for name, value in values.items()}
    save_file(tensors, partial, metadata)
    partial.rename(file)


def half_precision(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors as float16, as weights are handed on."""
    return {name: value.half() for name, value in state.items()}


def _complete(folder: Path) -> Path | None:
    """The folder with the newest complete checkpoint: of a process that was stopped between two
    renames it is the one that was to be replaced.
    """
    for candidate in (folder, folder.with_name(folder.name + ".replaced")):
        if (candidate / _RECORD).is_file():
            return candidate
    return None
