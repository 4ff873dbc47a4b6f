"""Targets of sinks: they appear whole or not at all, and nothing else is touched."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from bitstream.sequence_header import ColourDescription
from videocodec.errors import OutputError, OutputExistsError
from videocodec.media.sinks import keeps_rotation, open_sink, would_collide

from .conftest import flat, picture, read, write

FILES = ["out.mp4", "out.mov", "out.mkv", "out.y4m"]


@pytest.mark.parametrize("name", [*FILES, "frames/%03d.png", "new/%03d.png"])
def test_nothing_is_left_without_commit(tmp_path, make_header, name) -> None:
    (tmp_path / "frames").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RuntimeError), open_sink(tmp_path / name, make_header()) as sink:
        for index in range(3):
            sink.write(picture(64, 48, index), index, 1)
        raise RuntimeError
    with open_sink(tmp_path / name, make_header()):
        pass
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", [*FILES, "f%03d.png"])
def test_existing_target_is_kept_unless_told_otherwise(tmp_path, make_header, name) -> None:
    existing = tmp_path / name.replace("%03d", "001")
    existing.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="exists: pass -y to overwrite"):
        open_sink(tmp_path / name, make_header())
    with (
        pytest.raises(RuntimeError),
        open_sink(tmp_path / name, make_header(), overwrite=True) as sink,
    ):
        sink.write(picture(64, 48), 0, 1)
        raise RuntimeError
    assert existing.read_bytes() == b"precious"
    write(tmp_path / name, make_header(), [picture(64, 48)], overwrite=True)
    assert existing.read_bytes() != b"precious" and [path.name for path in tmp_path.iterdir()] == [
        existing.name
    ]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links may need rights elsewhere")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_symbolic_link_is_written_through(tmp_path, make_header, name, is_there) -> None:
    (tmp_path / "far").mkdir()
    far, link = tmp_path / "far" / f"real-{name}", tmp_path / name
    if is_there:
        far.write_bytes(b"old")
    link.symlink_to(Path("far") / far.name)
    write(link, make_header(), [picture(64, 48)], overwrite=True)
    assert link.is_symlink() and len(far.read_bytes()) > 100
    assert len(list(far.parent.iterdir())) == 1 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["nowhere/out.mp4", "nowhere/out.y4m", "no/where/%d.png", "file/out.mp4", "file/%d.png"]
)
def test_missing_folder(tmp_path, make_header, name) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="folder .*(does not exist|not writable)"):
        open_sink(tmp_path / name, make_header())


@pytest.mark.parametrize(
    "name", ["out.webm", "out", "out.png", "out%d%d.png", "out%s.png", "out%5.2f.png", "out.mp4%d"]
)
def test_unknown_kind_lists_the_choices(tmp_path, make_header, name) -> None:
    with pytest.raises(OutputError, match=r"\.mp4, \.mov, \.mkv or \.y4m"):
        open_sink(tmp_path / name, make_header())


def test_directory_as_target(tmp_path, make_header) -> None:
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        open_sink(tmp_path / "out.mp4", make_header(), overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_ordinary_file_is_never_replaced(tmp_path, make_header) -> None:
    os.mkfifo(tmp_path / "out.mp4")
    with pytest.raises(OutputError, match="no ordinary file"):
        open_sink(tmp_path / "out.mp4", make_header(), overwrite=True)
    assert (tmp_path / "out.mp4").is_fifo()


@pytest.mark.parametrize("name", FILES)
def test_wrong_frames_are_refused(tmp_path, make_header, name) -> None:
    with open_sink(tmp_path / name, make_header()) as sink:
        for frame in (
            picture(48, 64),
            picture(64, 48).astype(np.float32),
            picture(64, 48)[..., :1],
        ):
            with pytest.raises(ValueError, match="uint8 of shape"):
                sink.write(frame, 0, 1)


def test_time_base_no_container_can_hold(tmp_path, make_header) -> None:
    with pytest.raises(OutputError, match="time base"):
        open_sink(tmp_path / "out.mp4", make_header(time_base=Fraction(1, 2**32 - 1)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_strange_code_points_in_a_header_become_unspecified(tmp_path, make_header, name) -> None:
    colour = ColourDescription(primaries=200, transfer=99, matrix=250, full_range=True)
    write(tmp_path / name, make_header(colour=colour), [picture(64, 48)])
    assert read(tmp_path / name)[0].colour.primaries == 2


@pytest.mark.parametrize("pts", [[2**61, 2**61 + 1], [-(2**61), 0], [5, 5], [9, 3]])
def test_impossible_timestamps_are_one_error_or_a_file(tmp_path, make_header, pts) -> None:
    try:
        write(tmp_path / "out.mp4", make_header(), [picture(64, 48)] * 2, pts, [1, 1])
    except OutputError:
        assert not list(tmp_path.iterdir())


def test_failed_rename_leaves_nothing(tmp_path, make_header, monkeypatch) -> None:
    for name in FILES:
        with (
            pytest.raises(OutputError, match="cannot be written"),
            open_sink(tmp_path / name, make_header()) as sink,
        ):
            sink.write(picture(64, 48), 0, 1)
            (tmp_path / name / "in the way").mkdir(parents=True)
            sink.commit()
        assert [path.name for path in (tmp_path / name).iterdir()] == ["in the way"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", [*FILES, "frames/%03d.png"])
def test_a_finished_output_has_no_name_before_it_is_committed(tmp_path, make_header, name) -> None:
    for commit in (False, True):
        with open_sink(tmp_path / name, make_header()) as sink:
            sink.write(picture(64, 48), 0, 1)
            sink.finish()
            assert not [
                path for path in tmp_path.rglob("*") if path.is_file() and ".part" not in str(path)
            ]
            if commit:
                sink.commit()
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == commit


def test_two_outputs_in_one_folder_of_pictures(tmp_path, make_header) -> None:
    with (
        open_sink(tmp_path / "a%d.png", make_header()) as first,
        open_sink(tmp_path / "b%d.png", make_header()) as second,
    ):
        for sink, shade in ((first, 10), (second, 200)):
            sink.write(flat(64, 48, (shade,) * 3), 0, 1)
            sink.commit()
    assert [cv2.imread(str(tmp_path / f"{letter}1.png"))[0, 0, 0] for letter in "ab"] == [10, 200]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a1.png", "b1.png"]


@pytest.mark.parametrize(
    ("first", "second", "collide"),
    [
        ("a.mp4", "a.mp4", True),
        ("a.mp4", "b.mp4", False),
        ("a.mp4", "./x/../a.mp4", True),
        ("-", "-", True),
        ("-", "a.y4m", False),
        ("a.y4m", "-", False),
        ("%d.png", "%d.png", True),
        ("%d.png", "%02d.png", True),  # from 10 on
        ("%02d.png", "%03d.png", False),  # up to 30 frames
        ("%d.png", "1%d.png", True),
        ("%d.png", "x/%d.png", False),
        ("%d.png", "12.mp4", False),
    ],
)
def test_outputs_that_would_take_each_others_files(
    tmp_path, monkeypatch, first, second, collide
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    assert would_collide(first, second, 30) is would_collide(second, first, 30) is collide


def test_two_names_of_one_file_collide(tmp_path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    os.link(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert would_collide(tmp_path / "a.mp4", tmp_path / "b.mp4", 1)


def test_containers_alone_keep_a_rotation() -> None:
    assert [keeps_rotation(name) for name in [*FILES, "-", "%d.png"]] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
