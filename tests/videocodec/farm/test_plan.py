"""The plan's file: what it says comes back, and what it must not be is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from bitstream.container import Caption
from videocodec.errors import OutputError, OutputExistsError, PlanError
from videocodec.farm.plan import FarmPlan, PlannedFile
from videocodec.farm.planning import write_plan

from .choices import GOP_SIZE


@pytest.fixture
def plan(planned: Callable[..., FarmPlan]) -> FarmPlan:
    return planned()


@pytest.fixture
def file(plan: FarmPlan, tmp_path: Path) -> Path:
    write_plan(plan, tmp_path / "plan.json", overwrite=False)
    return tmp_path / "plan.json"


def test_a_plan_comes_back_as_it_was(plan: FarmPlan, file: Path) -> None:
    back = FarmPlan.read(file)
    assert back == plan
    assert back.id == plan.id


def test_captions_come_back_and_count_for_the_id(plan: FarmPlan, tmp_path: Path) -> None:
    captions = (Caption(Fraction(-1, 2), "a street"), Caption(Fraction(1, 10**6), "☀"))
    worded = replace(plan, captions=captions)
    write_plan(worded, tmp_path / "worded.json", overwrite=False)
    assert FarmPlan.read(tmp_path / "worded.json") == worded
    assert worded.id != plan.id


def test_its_chunks_cover_the_video_and_say_when_they_are_shown(plan: FarmPlan) -> None:
    chunks = [planned.chunk for planned in plan.chunks]
    assert [chunk.frames for chunk in chunks] == [GOP_SIZE, GOP_SIZE, GOP_SIZE, 2]
    assert [chunk.first for chunk in chunks] == [0, 4, 8, 12]
    assert [chunk.is_last for chunk in chunks] == [False, False, False, True]
    for planned, following in zip(plan.chunks, plan.chunks[1:], strict=False):
        assert planned.pts + planned.ticks == following.pts


def test_the_id_stands_for_what_the_bytes_depend_on_and_for_no_place(plan: FarmPlan) -> None:
    elsewhere = replace(
        plan,
        source=replace(plan.source, path="/mnt/film.mp4"),
        model=replace(plan.model, name="/mnt/model"),
    )
    assert elsewhere.id == plan.id
    others = [
        replace(plan, source=replace(plan.source, bytes=1)),
        replace(plan, model=replace(plan.model, sha256="00" * 32)),
        replace(plan, perceptual=PlannedFile("weights", "00" * 32)),
        replace(plan, settings=replace(plan.settings, crf=41)),
        replace(plan, goal=replace(plan.goal, maxrate=1000)),
        replace(plan, chunks=plan.chunks[:-1]),
    ]
    assert len({plan.id, *(other.id for other in others)}) == 1 + len(others)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_chunk_that_is_not_in_it_is_refused(plan: FarmPlan, index: int) -> None:
    with pytest.raises(PlanError, match=f"chunks 0 to 3, and no {index}"):
        plan.first_task(index)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda values: values.update(made_by="me"), "is no plan"),
        (lambda values: values.update(version="0.0"), "was made by videocodec 0.0, and this is"),
        (lambda values: values.update(format=2), "all machines need the same one"),
        (lambda values: values.pop("chunks"), "is damaged"),
        (lambda values: values.update(header="00"), "is damaged"),
        (lambda values: values["settings"].update(crf=64), "is damaged"),
        (lambda values: values["goal"].update(speed=1), "is damaged"),
        (lambda values: values.update(captions=[[0, ""]]), "is damaged"),
        (lambda values: values.update(captions=[["0", "a"]]), "is damaged"),
        (lambda values: values.update(captions=[[10**400, "a"]]), "is damaged"),
    ],
)
def test_what_is_no_sound_plan_is_refused(file: Path, change, complaint: str) -> None:
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    with pytest.raises(PlanError, match=complaint):
        FarmPlan.read(file)


def test_no_json_and_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b"\xff{")
    with pytest.raises(PlanError, match="is no plan"):
        FarmPlan.read(tmp_path / "plan.json")
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        FarmPlan.read(tmp_path / "absent.json")


def test_a_plan_is_not_written_over_a_file_unasked(plan: FarmPlan, file: Path) -> None:
    with pytest.raises(OutputExistsError):
        write_plan(plan, file, overwrite=False)
    with pytest.raises(OutputError, match="a plan is JSON"):
        write_plan(plan, file.with_suffix(".mp4"), overwrite=False)
    before = file.read_bytes()
    write_plan(plan, file, overwrite=True)
    assert file.read_bytes() == before
    assert [other.name for other in file.parent.iterdir()] == ["plan.json"]
