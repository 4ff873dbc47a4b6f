"""Tables that lead to the same bytes again and again: a small file must not become hundreds of GB
of access units or sound.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from bitstream.container import StreamReader, StreamWriter
from bitstream.errors import ContainerError
from tools.fuzz.mp4 import boxes

AGAIN = "lead to the same bytes again and again"


def repeat_first_sample(path: Path, track: int, count: int) -> None:
    """A track then has ``count`` samples, all of them its first one.

    The new tables stand at the end of the file.
    """
    data = bytearray(path.read_bytes())
    found = [
        box
        for box in boxes(bytes(data))
        if box.kind in (b"moov", b"trak", b"stsz", b"stco", b"stsc", b"stts")
    ]
    movie = next(box for box in found if box.kind == b"moov")
    begin, end = next(
        (box.start, box.start + box.size)
        for box in [box for box in found if box.kind == b"trak"][track:]
    )
    own = {
        box.kind: bytes(data[box.start + 8 : box.start + box.size])
        for box in found
        if begin < box.start < end
    }
    uniform, _, first = struct.unpack(
        ">III", own[b"stsz"][4:12] + own[b"stsz"][12:16].ljust(4, b"\0")
    )
    tables = {
        b"stsz": struct.pack(">III", 0, uniform or first, count),
        b"stco": struct.pack(">II", 0, count) + own[b"stco"][8:12] * count,
        b"stsc": struct.pack(">IIIII", 0, 1, 1, 1, 1),
        b"stts": struct.pack(">IIII", 0, 1, count, struct.unpack(">I", own[b"stts"][12:16])[0]),
    }

    def made_anew(at: int, stop: int) -> bytes:
        out = b""
        while at < stop:
            size, kind = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
            content = bytes(data[at + 8 : at + size])
            # or FFmpeg drops what lies behind the end of the edit
            kind = b"free" if kind == b"edts" and begin <= at < end else kind
            if begin <= at < end and kind in tables:
                content = tables[kind]
            elif kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
                content = made_anew(at + 8, at + size)
            out += struct.pack(">I4s", 8 + len(content), kind) + content
            at += size
        return out

    new = made_anew(movie.start, movie.start + movie.size)
    data[movie.start + 4 : movie.start + 8] = b"free"
    path.write_bytes(bytes(data) + new)


def test_access_units_end_where_they_are_more_than_the_file(
    tmp_path: Path, write: Callable, make_units: Callable
) -> None:
    path = tmp_path / "clip.mp4"
    write(path, make_units(1, unit_bytes=5000))
    repeat_first_sample(path, 0, 100)
    reader = StreamReader(path)
    read = 0
    with pytest.raises(ContainerError, match=AGAIN):
        for sample in reader.units():
            read += len(sample.data)
    assert 5000 < read <= path.stat().st_size < 20_000


def test_no_keyframe_among_them_is_whole(
    tmp_path: Path, write: Callable, make_units: Callable
) -> None:
    path = tmp_path / "clip.mp4"
    write(path, make_units(1, unit_bytes=5000))
    repeat_first_sample(path, 0, 100)
    data = bytearray(path.read_bytes())
    data[data.index(b"LVID") + 200] ^= 1
    path.write_bytes(data)
    assert not StreamReader(path).header_is_intact


def test_sound_is_not_copied_without_end(
    tmp_path: Path, write: Callable, make_units: Callable, make_video: Callable
) -> None:
    path = tmp_path / "clip.mp4"
    units = make_units()
    write(path, units, copy_from=make_video(subtitles=None))
    repeat_first_sample(path, 1, 20_000)
    with av.open(str(path)) as container:
        packets = (
            packet
            for packet in container.demux(container.streams.audio[0])
            if packet.dts is not None
        )
        assert sum(packet.size for packet in packets) > 2 << 20

    def copy(**options: bool) -> Path:
        with StreamWriter(
            tmp_path / "copy.mp4", Fraction(1, 25), copy_from=path, **options
        ) as writer:
            for unit in units:
                writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
            writer.commit()
        return tmp_path / "copy.mp4"

    with pytest.raises(ContainerError, match=AGAIN):
        copy()
    assert not (tmp_path / "copy.mp4").exists()
    assert copy(copy_may_end=True).stat().st_size < 2 * path.stat().st_size + (3 << 20)
