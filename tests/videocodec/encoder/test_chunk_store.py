"""The folder beside the target: what is kept, what is taken back, and whose folders are left
alone.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from videocodec.encoder.chunk_coder import ChunkTask, CodedChunk, CodedUnit, CodingPlan
from videocodec.encoder.chunk_store import ChunkStore, manifest, source_identity
from videocodec.encoder.chunks import Chunk
from videocodec.encoder.pace import Budget
from videocodec.encoder.peak_rate import FrameBits
from videocodec.encoder.settings import EncoderSettings
from videocodec.errors import OutputError, ResumeError

PLAN = CodingPlan(EncoderSettings())
TASK = ChunkTask(Chunk(3, 40, 17, False), (PLAN, CodingPlan(EncoderSettings(crf=50), keep=False)))
RESULTS = (
    CodedChunk(
        (CodedUnit(80, (2,), 3, 28), CodedUnit(82, (2, 2, 3), 5, 29, ("80", "00", "c0"))),
        b"key\ngroup"[:8],
    ),
    CodedChunk((CodedUnit(80, (2, 2, 2, 3), 1, 50),), b""),
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "clip.lv.mp4"


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "source.mp4").write_bytes(b"source" * 1000)
    return manifest(tmp_path / "source.mp4", EncoderSettings(), "ab" * 32, maxrate=None)


def kept(target: Path, contents: dict[str, object]) -> Path:
    """A folder with one finished task, as an interrupted encode leaves it."""
    with ChunkStore(target, contents, resume=False) as store:
        store.save(TASK, RESULTS)
    return store.folder


def test_what_was_saved_is_there_for_who_resumes(target: Path, contents: dict[str, object]) -> None:
    assert kept(target, contents) == target.with_name("clip.lv.mp4.chunks")
    with ChunkStore(target, contents, resume=True) as store:
        assert store.finished == 1
        assert store.load(TASK) == RESULTS
        store.discard()
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "other",
    [
        ChunkTask(Chunk(3, 40, 18, False), TASK.plans),
        ChunkTask(TASK.chunk, (PLAN,)),
        ChunkTask(
            TASK.chunk,
            (CodingPlan(EncoderSettings(), Budget(28.5, (3.0, 4.0), 0.1)), TASK.plans[1]),
        ),
        ChunkTask(
            TASK.chunk,
            (CodingPlan(EncoderSettings(), carry=(FrameBits(3, Fraction(1)),)), TASK.plans[1]),
        ),
    ],
)
def test_another_task_finds_nothing(
    target: Path, contents: dict[str, object], other: ChunkTask
) -> None:
    kept(target, contents)
    with ChunkStore(target, contents, resume=True) as store:
        assert store.load(other) is None


def test_without_resume_an_old_folder_is_emptied(target: Path, contents: dict[str, object]) -> None:
    kept(target, contents)
    with ChunkStore(target, {**contents, "version": "0"}, resume=False) as store:
        assert store.finished == 0 and store.load(TASK) is None


def test_an_encode_that_finished_no_chunk_leaves_no_folder(
    target: Path, contents: dict[str, object]
) -> None:
    with pytest.raises(KeyboardInterrupt), ChunkStore(target, contents, resume=False) as store:
        raise KeyboardInterrupt
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[:70] + b"\0" + data[71:],
        lambda data: b"",
        lambda data: b"x\n",
    ],
)
def test_a_damaged_chunk_counts_as_none(target: Path, contents: dict[str, object], change) -> None:
    (file,) = kept(target, contents).glob("*.chunk")
    file.write_bytes(change(file.read_bytes()))
    with ChunkStore(target, contents, resume=True) as store:
        assert store.load(TASK) is None
        store.save(TASK, RESULTS)
        assert store.load(TASK) == RESULTS


def test_what_differs_is_named_and_the_folder_left_as_it_was(
    target: Path, contents: dict[str, object], tmp_path: Path
) -> None:
    folder = kept(target, contents)
    before = sorted(file.read_bytes() for file in folder.iterdir())
    (tmp_path / "source.mp4").write_bytes(b"other" * 1000)
    others = {
        r"settings crf \(28, now 40\)": manifest(
            tmp_path / "source.mp4", EncoderSettings(crf=40), "ab" * 32, maxrate=None
        ),
        "source sha256_of_ends": manifest(
            tmp_path / "source.mp4", EncoderSettings(), "ab" * 32, maxrate=None
        ),
        "model_sha256": {**contents, "model_sha256": "cd" * 32},
        r"maxrate \(None, now 5\)": {**contents, "maxrate": 5},
        "format_version": {**contents, "format_version": 99},
    }
    for named, other in others.items():
        with pytest.raises(ResumeError, match=f"cannot be resumed.*{named}"):
            ChunkStore(target, other, resume=True)
    assert sorted(file.read_bytes() for file in folder.iterdir()) == before


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["notes.txt", "manifest.json", "a.chunk", "b.part"])
def test_a_folder_of_somebody_else_is_never_touched(
    target: Path, contents: dict[str, object], name: str, resume: bool
) -> None:
    folder = target.with_name("clip.lv.mp4.chunks")
    folder.mkdir()
    (folder / name).write_text('{"made_by": "me"}')
    with pytest.raises(OutputError, match="is in the way and is no folder of an unfinished encode"):
        ChunkStore(target, contents, resume=resume)
    assert [file.name for file in folder.iterdir()] == [name]


def test_a_file_of_that_name_is_never_touched(target: Path, contents: dict[str, object]) -> None:
    target.with_name("clip.lv.mp4.chunks").write_text("precious")
    with pytest.raises(OutputError, match="is in the way"):
        ChunkStore(target, contents, resume=False)


def test_files_put_into_our_folder_survive_it(target: Path, contents: dict[str, object]) -> None:
    with ChunkStore(target, contents, resume=False) as store:
        (store.folder / "notes.txt").write_text("mine")
        store.discard()
    assert [file.name for file in store.folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("left", [[], ["lock"], ["lock", "manifest.json.part"], ["0.chunk.part"]])
def test_what_a_kill_leaves_while_the_folder_is_made_or_removed_is_ours(
    target: Path, contents: dict[str, object], left: list[str]
) -> None:
    folder = target.with_name("clip.lv.mp4.chunks")
    folder.mkdir()
    for name in left:
        (folder / name).write_bytes(b"")
    with ChunkStore(target, contents, resume=True) as store:
        assert store.finished == 0
    assert not folder.exists()


def test_two_encodes_into_one_file_do_not_share_a_folder(
    target: Path, contents: dict[str, object]
) -> None:
    with ChunkStore(target, contents, resume=False) as store:
        store.save(TASK, RESULTS)
        for resume in (False, True):
            with pytest.raises(OutputError, match="another encode into this file is at work"):
                ChunkStore(target, contents, resume=resume)
        assert store.load(TASK) == RESULTS


def test_a_source_is_known_by_its_size_time_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(bytes(3 << 20))
    before = source_identity(file)
    assert source_identity(file) == before
    with file.open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"x")
    assert source_identity(file).sha256_of_ends != before.sha256_of_ends
    assert source_identity(file).mtime_ns != before.mtime_ns
