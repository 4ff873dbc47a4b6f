"""Stores of every kind keep whole chunks or none."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk, CodedUnit, CodingPlan
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.settings import EncoderSettings
from videocodec.errors import OutputError, SettingsError
from videocodec.farm.store import FarmStore

TASK = ChunkTask(Chunk(3, 40, 3, False), (CodingPlan(EncoderSettings()),))
RESULTS = (
    CodedChunk((CodedUnit(80, (2,), 3, 28), CodedUnit(82, (2, 2), 5, 29)), b"key\ngroup"[:8]),
)


@pytest.fixture(params=["folder", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    places = {
        "folder": f"{tmp_path}/store",
        "file": f"file://{tmp_path}/store",
        "memory": f"memory://{uuid.uuid4().hex}",
    }
    return places[request.param]


def test_what_one_worker_saves_another_loads(url: str) -> None:
    assert FarmStore(url, "plan").load(TASK) is None
    for _ in range(2):  # a second worker did the same
        FarmStore(url, "plan").save(TASK, RESULTS)
    assert FarmStore(url, "plan").load(TASK) == RESULTS
    assert FarmStore(url, "another").load(TASK) is None


def test_what_is_published_last_counts(url: str) -> None:
    store = FarmStore(url, "plan")
    assert store.published(3) is None
    store.publish(TASK)
    other = ChunkTask(TASK.chunk, (CodingPlan(EncoderSettings(crf=50)),))
    store.publish(other)
    assert FarmStore(url, "plan").published(3) == other
    assert store.published(4) is None


def test_a_torn_chunk_counts_as_missing_and_a_torn_task_is_an_error(tmp_path: Path) -> None:
    store = FarmStore(tmp_path, "plan")
    store.save(TASK, RESULTS)
    store.publish(TASK)
    for file in (tmp_path / "plan").iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    assert store.load(TASK) is None
    with pytest.raises(OutputError, match="00000003.task is damaged"):
        store.published(3)
    store.publish(TASK)
    store.save(TASK, RESULTS)
    assert store.published(3) == TASK and store.load(TASK) == RESULTS


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        path.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="the store cannot be used .No space left on device"):
        FarmStore(tmp_path, "plan").save(TASK, RESULTS)
    assert list((tmp_path / "plan").iterdir()) == []


def test_an_address_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match="carrier-pigeon"):
        FarmStore("carrier-pigeon://loft", "plan")
