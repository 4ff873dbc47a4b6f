"""Sinks: what goes in comes out with its size, colours and timestamps, or not at all."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bitstream.container import Labels
from bitstream.sequence_header import ColourDescription
from videocodec.errors import OutputError
from videocodec.media.sinks import open_sink

from .conftest import PATCHES, flat, picture, read, write

SIZES = [(64, 48), (63, 47), (1, 1), (2, 33), (130, 2)]


TASKS = Path("/proc/self/task")
FILES = ["out.mp4", "out.mov", "out.mkv", "out.y4m"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", SIZES)
def test_sizes_and_frame_count(tmp_path, make_header, name, size) -> None:
    frames = [picture(*size, index) for index in range(4)]
    write(tmp_path / name, make_header(*size), frames)
    source, decoded = read(tmp_path / name)
    assert (source.width, source.height, len(decoded)) == (*size, 4)
    for before, after in zip(frames, decoded, strict=True):
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


@pytest.mark.skipif(not TASKS.exists(), reason="threads are counted under /proc")
def test_the_encoder_has_the_threads_that_it_is_told_to_have(tmp_path, make_header) -> None:
    counts = []
    for threads in (1, 5):
        with open_sink(tmp_path / "out.mp4", make_header(640, 480), threads=threads) as sink:
            sink.write(picture(640, 480, 0), 0, 1)
            counts.append(len(list(TASKS.iterdir())))
    assert counts[1] - counts[0] >= 4


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


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
def test_the_video_track_has_its_language_and_title(tmp_path, make_header, name) -> None:
    tags = {"language": "ger", "title": "Kamera 2"}
    labels = Labels({"creation_time": "2021-02-03T04:05:06.000000Z"}, track_tags=tags)
    write(tmp_path / name, make_header(), [picture(64, 48)] * 2, labels=labels)
    with av.open(str(tmp_path / name)) as container:
        found = Labels.of(container, container.streams.video[0])
    assert found.track_tags == tags
    assert found.tags["creation_time"].startswith("2021-02-03T04:05:06")
