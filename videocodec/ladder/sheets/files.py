"""Contact sheets of a ladder as PNG files: SHEETS/CLIP-RUNG.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ...errors import ProgramError
from ..clips import Clip
from ..jobs import Job
from ..planes import ToRgb, read
from ..runner import Runner
from ..schema import LadderResults, SheetEntry
from .drawing import columns, drawn, rule
from .regions import Rgb
from .rule import SheetPlan, plans

FOLDER = "sheets"


def write_sheets(
    results: LadderResults, jobs: Mapping[str, Job], runner: Runner, output: Path, count: int
) -> None:
    """Write the sheets of a ladder, and put into ``results`` what they show.

    jobs: of the records, by their identity.  count: rates of each clip; 0 for no sheets.  A sheet
    whose frames cannot be decoded again is a note.
    """
    folder = output / FOLDER
    for left in folder.glob("*.png"):
        left.unlink()
    results["sheets"] = []
    labels = {codec["name"]: codec["label"] for codec in results["codecs"]}
    planned = plans(results, count) if count else []
    pictures = _decoded(planned, jobs, runner, results)
    for plan in planned:
        if not all(record["id"] in pictures for record in plan.records):
            continue
        clip = jobs[plan.records[0]["id"]].clip
        decoded = [
            {index: pictures[record["id"]][index] for index in plan.frames}
            for record in plan.records
        ]
        shown = columns(plan, labels, source_pictures(clip, list(plan.frames)), decoded)
        folder.mkdir(exist_ok=True)
        path = folder / f"{plan.clip}-{plan.rung.replace('_', '')}.png"
        cv2.imwrite(str(path), drawn(plan, labels, shown)[..., ::-1])
        results["sheets"].append(_entry(plan, labels, path.relative_to(output)))


def source_pictures(clip: Clip, indices: Sequence[int]) -> dict[int, Rgb]:
    """Frames of a clip by their indices."""
    to_rgb, pictures = ToRgb(clip), {}
    for index, frame in enumerate(read(clip.path()) if indices else ()):
        if index in indices:
            pictures[index] = np.asarray(to_rgb(np.asarray(frame.to_ndarray(), np.uint8)), np.uint8)
        if len(pictures) == len(indices):
            break
    return pictures


def _decoded(
    planned: Sequence[SheetPlan], jobs: Mapping[str, Job], runner: Runner, results: LadderResults
) -> dict[str, dict[int, Rgb]]:
    """Record → index → picture, of all records that could be decoded again."""
    wanted: dict[str, set[int]] = {}
    for plan in planned:
        for record in plan.records:
            wanted.setdefault(record["id"], set()).update(plan.frames)
    pictures: dict[str, dict[int, Rgb]] = {}

    def decode(name: str) -> None:
        try:
            files = runner.pictures(jobs[name], sorted(wanted[name]))
        except ProgramError as error:
            results["notes"].append(f"no contact sheet with {name}: {error}")
            return
        pictures[name] = {
            index: np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1]
            for index, path in files.items()
        }

    runner.run([partial(decode, name) for name in wanted], [], [])
    return pictures


def _entry(plan: SheetPlan, labels: Mapping[str, str], path: Path) -> SheetEntry:
    return {
        "clip": plan.clip,
        "rung": plan.rung,
        "records": [record["id"] for record in plan.records],
        "figure": plan.figure.name,
        "median_codec": plan.median,
        "frames": {str(index): rank for index, rank in plan.frames.items()},
        "rule": rule(plan, labels),
        "file": path.as_posix(),
    }
