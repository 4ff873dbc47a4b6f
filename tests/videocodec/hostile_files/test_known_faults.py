"""One file of every kind that was once a traceback, a hang or too much memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import videocodec
from bitstream.access_unit import MAX_DURATION, MAX_PTS
from bitstream.container import StreamReader
from tools.fuzz.mp4 import boxes
from videocodec.cli import main
from videocodec.decoder.index import StreamIndex

from .conftest import Small, assert_frames_or_a_named_error, written


def hostile_files(small: Small, folder: Path) -> Iterator[Path]:
    """One of every kind that was once a traceback, a hang or too much memory
    (docs/trust-fuzzing.md).
    """
    content = small.path.read_bytes()
    by_kind = {box.kind: box for box in boxes(content)}

    def changed(name: str, kind: bytes, offset: int, value: int, size: int = 4) -> Path:
        data, at = bytearray(content), by_kind[kind].start + 8 + offset
        data[at : at + size] = value.to_bytes(size, "big")
        (folder / name).write_bytes(data)
        return folder / name

    yield changed("samples.mp4", b"stsz", 4, 1 << 32 | 0xFFFFFFF0, 8)
    yield changed("durations.mp4", b"stts", 8, 0xFFFFFFF0)
    yield changed("entries.mp4", b"stsc", 4, 0xFFFFFFF0)
    (folder / "playlist.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/\n#EXT-X-ENDLIST\n"
    )
    yield folder / "playlist.mp4"
    (folder / "boxes.mp4").write_bytes(
        content[: by_kind[b"moov"].start]
        + b"\0\0\0\x08free" * 10_001
        + content[by_kind[b"moov"].start :]
    )
    yield folder / "boxes.mp4"
    (folder / "empty.mp4").write_bytes(b"")
    yield folder / "empty.mp4"


def test_the_command_line_says_one_line(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, command in itertools.product(
        hostile_files(small, tmp_path), ("info", "verify", "decode")
    ):
        arguments = [command, str(path)] + (
            [str(tmp_path / "out.y4m")] if command == "decode" else []
        )
        assert main(arguments) == 1, path
        said = capsys.readouterr()
        assert (
            said.out == ""
            and said.err.count("\n") == 1
            and said.err.startswith(f"videocodec: error: {path}")
        ), said.err


def test_access_units_that_are_all_damaged_and_last_no_time(small: Small, tmp_path: Path) -> None:
    """Once a division by zero in ``VideoMetadata.frame_rate``."""
    damaged = bytearray(small.units[0].to_bytes())
    damaged[-1] ^= 1
    path = written(tmp_path, [bytes(damaged)])
    content = bytearray(path.read_bytes())
    start = content.index(b"LVID")
    # time_base: a tick of 136 years
    content[start + 19 : start + 27] = 0xFFFFFFFF.to_bytes(4, "big") + (1).to_bytes(4, "big")
    content[start + 27 : start + 35] = (1).to_bytes(8, "big")  # frame_rate, 0/1: unknown
    path.write_bytes(content)
    assert_frames_or_a_named_error(path)


def test_times_of_tables_that_fit_no_integer(small: Small, tmp_path: Path) -> None:
    """Once an OverflowError in ``StreamIndex``: the tables' seconds times four thousand million
    ticks of a damaged header.
    """
    units = [bytearray(unit.to_bytes()) for unit in small.units]
    for unit in units:
        unit[-1] ^= 1
    content = bytearray(written(tmp_path, [bytes(unit) for unit in units]).read_bytes())
    for box in boxes(bytes(content)):
        if box.kind == b"mdhd":
            content[box.start + 20 : box.start + 24] = (1).to_bytes(4, "big")
        elif box.kind == b"stts":
            content[box.start + 20 : box.start + 24] = 0x7FFFFFFF.to_bytes(4, "big")
    base = content.index(b"LVID") + 19  # time_base
    content[base : base + 8] = (1).to_bytes(4, "big") + 0xFFFFFFFF.to_bytes(4, "big")
    path = tmp_path / "mutated.mp4"
    path.write_bytes(content)
    index = StreamIndex(StreamReader(path))
    assert (
        0 < len(index.units) <= len(units) and abs(index.pts).max() <= MAX_PTS + 16 * MAX_DURATION
    )
    assert_frames_or_a_named_error(path)


def test_times_that_add_up_to_more_than_64_bits(small: Small, tmp_path: Path) -> None:
    """Once a duration below 0: a gap as long as times go, before and behind what is whole."""
    units = [
        replace(small.units[0], first_pts=-MAX_PTS),
        replace(small.units[3], first_pts=MAX_PTS - 5),
    ]
    units = [unit.to_bytes() for unit in (units[0], small.units[1], small.units[2], units[1])]
    path = written(tmp_path, units)
    assert videocodec.info(path).duration_seconds > 0
    assert_frames_or_a_named_error(path)
