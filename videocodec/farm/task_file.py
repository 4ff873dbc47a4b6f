"""A task as JSON: a chunk, and the plans to code it by.

Numbers come back exactly as they were, so that the name of a task's result is the same everywhere.
"""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from ..encoder.chunk_coder import ChunkTask, CodingPlan
from ..encoder.chunks import Chunk
from ..encoder.pace import Budget
from ..encoder.peak_rate import FrameBits
from ..encoder.settings import EncoderSettings
from ..regions import regions_from_json


def settings_to_json(settings: EncoderSettings) -> dict[str, Any]:
    """Settings without an override of the effort, which only experiments have."""
    values = asdict(settings)
    del values["effort_override"]
    for later in ("tune", "guard"):  # as in plans of before
        if values[later] is None:
            del values[later]
    if not settings.regions:
        del values["regions"]
    if settings.layer_offsets is None:
        del values["layer_offsets"]
    else:
        values["layer_offsets"] = list(settings.layer_offsets)
    return values


def settings_from_json(values: dict[str, Any]) -> EncoderSettings:
    """Of what ``settings_to_json`` gave.  Raises ``SettingsError``, ``TypeError``."""
    lists: dict[str, Any] = {"regions": regions_from_json(values.get("regions", ()))}
    if "layer_offsets" in values:
        lists["layer_offsets"] = tuple(values["layer_offsets"])
    return EncoderSettings(**values | lists)


def task_to_json(task: ChunkTask) -> dict[str, Any]:
    """A task."""
    return {"chunk": asdict(task.chunk), "plans": [_plan_to_json(plan) for plan in task.plans]}


def task_from_json(values: dict[str, Any]) -> ChunkTask:
    """Of what ``task_to_json`` gave.  Raises ``KeyError``, ``TypeError``, ``ValueError``."""
    return ChunkTask(
        Chunk(**values["chunk"]), tuple(_plan_from_json(plan) for plan in values["plans"])
    )


def _plan_to_json(plan: CodingPlan) -> dict[str, Any]:
    budget = plan.budget
    return {
        "settings": settings_to_json(plan.settings),
        "budget": None if budget is None else [budget.crf, list(budget.costs), budget.slope],
        "maxrate": plan.maxrate,
        "carry": [
            [frame.pts, frame.bits.numerator, frame.bits.denominator] for frame in plan.carry
        ],
        "keep": plan.keep,
    }


def _plan_from_json(values: dict[str, Any]) -> CodingPlan:
    budget = None
    if values["budget"] is not None:
        crf, costs, slope = values["budget"]
        budget = Budget(crf, tuple(costs), slope)
    return CodingPlan(
        settings_from_json(values["settings"]),
        budget,
        values["maxrate"],
        tuple(FrameBits(pts, Fraction(over, under)) for pts, over, under in values["carry"]),
        values["keep"],
    )
