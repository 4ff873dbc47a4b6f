"""Sinks: what goes in comes out with its size, colours and timestamps, or not at all."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from bitstream.sequence_header import ColourDescription
from videocodec.errors import OutputError, OutputExistsError
from videocodec.media.sinks import keeps_rotation, open_sink, would_collide
from videocodec.media.source import VideoSource

from .conftest import PATCHES, flat, picture

SIZES = [(64, 48), (63, 47), (1, 1), (2, 33), (130, 2)]
FILES = ["out.mp4", "out.mov", "out.mkv", "out.y4m"]


def write(target: str | Path, header, frames, pts=None, durations=None, **arguments) -> None:
    pts = list(range(len(frames))) if pts is None else pts
    durations = (
        [later - earlier for earlier, later in zip(pts, pts[1:])] + [1]
        if durations is None
        else durations
    )
    with open_sink(str(target), header, **arguments) as sink:
        for frame, time, duration in zip(frames, pts, durations, strict=True):
            sink.write(frame, time, duration)
        sink.commit()


def read(path: Path) -> tuple[VideoSource, list]:
    with VideoSource(path) as source:
        return source, list(source)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", SIZES)
def test_sizes_and_frame_count(tmp_path, make_header, name, size) -> None:
    frames = [picture(*size, index) for index in range(4)]
    write(tmp_path / name, make_header(*size), frames)
    source, decoded = read(tmp_path / name)
    assert (source.width, source.height, len(decoded)) == (*size, 4)
    for before, after in zip(frames, decoded):
        assert np.abs(before.astype(int) - after.rgb).mean() < 6


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.y4m"])
def test_the_same_pictures_make_the_same_file(tmp_path, make_header, name) -> None:
    """Whatever lies in the memory that encoders get (macroblock-tree of x264 depends on it).

    Matroska has random numbers in it.
    """
    frames = [picture(64, 48, index) for index in range(10)]
    made, kept = set(), []
    for run in range(15):
        kept = [np.full(size, run, np.uint8) for size in (1000, 70_000, 300_000 >> run)]
        write(tmp_path / name, make_header(64, 48), frames, overwrite=True)
        made.add((tmp_path / name).read_bytes())
        del kept[run % 2]
    assert len(made) == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_colours(tmp_path, make_header, name, matrix, full_range, size) -> None:
    if name == "out.y4m" and matrix == 1:
        pytest.skip("y4m has no matrix tag: a reader takes BT.601 at this height")
    colour = ColourDescription(
        primaries=matrix, transfer=matrix, matrix=matrix, full_range=full_range
    )
    write(
        tmp_path / name,
        make_header(*size, colour=colour),
        [flat(*size, patch) for patch in PATCHES],
    )
    source, decoded = read(tmp_path / name)
    assert source.colour.full_range == full_range
    if name != "out.y4m":
        assert source.colour == colour
    for frame, patch in zip(decoded, PATCHES, strict=True):
        assert np.abs(frame.rgb.astype(int) - patch).max() <= 2


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), 6), ((16, 720), 1)])
@pytest.mark.parametrize("tagged", [0, 2])
def test_unspecified_and_rgb_colours_are_written_as_players_expect(
    tmp_path, make_header, size, matrix, tagged
) -> None:
    colour = ColourDescription(primaries=1, transfer=13, matrix=tagged, full_range=tagged == 0)
    write(
        tmp_path / "out.mp4",
        make_header(*size, colour=colour),
        [flat(*size, patch) for patch in PATCHES],
    )
    source, decoded = read(tmp_path / "out.mp4")
    assert source.colour == ColourDescription(
        primaries=1, transfer=13, matrix=matrix, full_range=False
    )
    for frame, patch in zip(decoded, PATCHES, strict=True):
        assert np.abs(frame.rgb.astype(int) - patch).max() <= 2


@pytest.mark.parametrize(
    ("time_base", "pts"),
    [
        (Fraction(1, 90000), [0, 3003, 6006, 10000, 10001, 20000, 21000, 25000]),
        (Fraction(1, 90000), [3004, 3005, 6006, 10000, 10001, 20000, 21000, 25000]),
        (Fraction(1001, 30000), [0, 1, 2, 3, 5, 8, 9, 10]),
        (Fraction(1, 25), [7, 8, 9, 10, 20, 21, 22, 23]),
        (Fraction(1, 7), [1, 2, 3, 4, 5, 6, 7, 8]),
        (
            Fraction(1, 1_000_000_000),
            [
                0,
                33_366_700,
                66_733_400,
                99_000_001,
                99_000_002,
                200_000_000,
                233_000_000,
                250_000_000,
            ],
        ),
        (Fraction(1, 1000), [0, 33, 67, 100, 133, 36_000_000, 36_000_033, 72_000_000]),
    ],
)
@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_timestamps_are_exact(tmp_path, make_header, name, time_base, pts) -> None:
    header = make_header(time_base=time_base, frame_rate=Fraction(30))
    write(tmp_path / name, header, [picture(64, 48, index) for index in range(8)], pts)
    source, decoded = read(tmp_path / name)
    assert [frame.pts * source.time_base for frame in decoded] == [time * time_base for time in pts]


def test_matroska_keeps_milliseconds(tmp_path, make_header) -> None:
    pts = [0, 3003, 6006, 10000]
    write(
        tmp_path / "out.mkv", make_header(time_base=Fraction(1, 90000)), [picture(64, 48)] * 4, pts
    )
    source, decoded = read(tmp_path / "out.mkv")
    assert [frame.pts * source.time_base for frame in decoded] == [
        Fraction(round(time / 90), 1000) for time in pts
    ]


def test_negative_first_timestamp_moves_to_zero(tmp_path, make_header) -> None:
    write(tmp_path / "out.mp4", make_header(), [picture(64, 48)] * 4, [-3, -2, 0, 1])
    source, decoded = read(tmp_path / "out.mp4")
    assert [frame.pts * source.time_base * 25 for frame in decoded] == [0, 1, 3, 4]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rotation_and_aspect_survive(tmp_path, make_header, name, turns) -> None:
    write(
        tmp_path / name,
        make_header(rotation=turns, sample_aspect_ratio=Fraction(12, 11)),
        [picture(64, 48)] * 2,
    )
    source, _ = read(tmp_path / name)
    assert source.rotation % 360 == 90 * turns and source.sample_aspect_ratio == Fraction(12, 11)


def test_pictures_are_numbered_from_one_and_exact(tmp_path, make_header) -> None:
    frames = [picture(63, 47, index) for index in range(3)]
    write(tmp_path / "frames" / "f%05d.png", make_header(63, 47), frames)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [
        "f00001.png",
        "f00002.png",
        "f00003.png",
    ]
    for index, frame in enumerate(frames):
        decoded = cv2.imread(str(tmp_path / "frames" / f"f{index + 1:05d}.png"))
        assert np.array_equal(decoded[..., ::-1], frame)


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_standard_output_is_y4m(tmp_path, make_header, capfdbinary, size) -> None:
    frames = [picture(*size, index) for index in range(3)]
    write("-", make_header(*size, frame_rate=Fraction(30000, 1001)), frames)
    data = capfdbinary.readouterr().out
    first_line = data.split(b"\n")[0].decode()
    assert first_line.startswith(f"YUV4MPEG2 W{size[0]} H{size[1]} F30000:1001 Ip A0:0 C4")
    (tmp_path / "piped.y4m").write_bytes(data)
    source, decoded = read(tmp_path / "piped.y4m")
    assert source.frame_rate == Fraction(30000, 1001) and len(decoded) == 3
    assert np.abs(decoded[2].rgb.astype(int) - frames[2]).mean() < 4


def test_closed_standard_output_is_one_error(make_header, monkeypatch) -> None:
    class Closed:
        def write(self, data: bytes) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    class Stdout:
        buffer = Closed()

        def fileno(self) -> int:
            raise OSError("no file")

    monkeypatch.setattr(sys, "stdout", Stdout())
    with pytest.raises(OutputError, match="closed by the program"):
        write("-", make_header(), [picture(64, 48)])


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


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_colours_stay_where_they_are(tmp_path, make_header, name) -> None:
    """Decoders take chroma samples to lie on the left: written as if they lay in the middle,
    colours move by half a pixel.
    """

    def waves(shift: float) -> np.ndarray:
        red = 100 * np.sin(2 * np.pi * (np.arange(64) + shift) / 16)
        # Luma stays the same: 0.299 R + 0.587 G + 0.114 B.
        rgb = np.stack([128 + red, 128 - red * 0.299 / 0.587, np.full(64, 128.0)], axis=-1)
        return np.broadcast_to(rgb, (48, 64, 3)).round().astype(np.uint8)

    write(tmp_path / name, make_header(64, 48), [waves(0)] * 3)
    _, decoded = read(tmp_path / name)
    errors = {
        shift: np.abs(decoded[1].rgb[:, 8:-8].astype(int) - waves(shift)[:, 8:-8]).mean()
        for shift in (-0.5, 0, 0.5)
    }
    assert errors[0] < 0.5 * min(errors[-0.5], errors[0.5]), errors
