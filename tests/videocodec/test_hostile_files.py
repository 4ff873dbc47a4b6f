"""Real streams with fields, payload and boxes changed, checksums right: frames or one named error,
through everything that reads files.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import videocodec
from bitstream.access_unit import MAX_DURATION, MAX_PTS, AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.errors import BitstreamError
from bitstream.group_structure import Structure
from bitstream.sequence_header import SequenceHeader
from tools.fuzz.mp4 import boxes
from videocodec.cli import main
from videocodec.decoder.index import StreamIndex
from videocodec.errors import VideoCodecError

EXTREMES = [0, 1, 2, 7, 8, 9, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


@dataclass(frozen=True)
class Small:
    """A stream of 16 frames in five access units, with sound."""

    path: Path
    units: tuple[AccessUnit, ...]


@pytest.fixture(scope="module")
def small(
    tmp_path_factory: pytest.TempPathFactory,
    write_movie: Callable[..., Path],
    panned: Callable[..., list[np.ndarray]],
) -> Small:
    folder = tmp_path_factory.mktemp("hostile")
    movie = write_movie(folder / "pan.mp4", panned(16, 32, 40, (1, 2)), sound_seconds=0.6)
    videocodec.encode(
        movie,
        folder / "pan.lv.mp4",
        crf=36,
        gop_size=6,
        threads=1,
        device="cpu",
        preset="superfast",
    )
    with StreamReader(folder / "pan.lv.mp4") as reader:
        return Small(
            folder / "pan.lv.mp4", tuple(AccessUnit.parse(sample.data) for sample in reader.units())
        )


def assert_frames_or_a_named_error(
    path: Path, capsys: pytest.CaptureFixture[str] | None = None
) -> None:
    """Through the reader, ``info``, ``verify`` and ``decode``; frames that come are of the size
    that the header says.
    """
    output = path.with_name("out.mp4")

    def read() -> None:
        with videocodec.VideoReader(path, device="cpu", threads=1, read_ahead=False) as video:
            for number in {0, len(video) // 2, len(video) - 1}:
                frame = video[number]
                assert (
                    frame.data.shape == (3, video.metadata.height, video.metadata.width)
                    and frame.data.dtype == np.uint8
                )
                assert frame.kind in ("keyframe", "inter") and frame.provenance.max() < len(
                    videocodec.PROVENANCE_NAMES
                )
            assert video.latents[0].dtype == np.int16 and video.metadata.frames == len(video)
            video.get_frame_at(float(video.index.pts_seconds[0]))

    def inspect() -> None:
        found = videocodec.info(path)
        assert (
            found.frames >= 0
            and found.video_bytes >= 0
            and found.container_bytes >= 0
            and found.duration_seconds >= 0
        )
        found.to_dict()

    calls = (
        read,
        inspect,
        lambda: videocodec.verify(path),
        lambda: videocodec.decode(path, output, device="cpu", threads=1, overwrite=True),
    )
    for call in calls:
        try:
            call()
        except (BitstreamError, VideoCodecError) as error:
            text = str(error)
            assert text.isprintable() and len(text) < 1000, text
    assert sorted(file.name for file in path.parent.iterdir() if file.name.startswith(".")) == [], (
        "something half-written is left behind"
    )


def written(folder: Path, units: list[bytes]) -> Path:
    """A file of those access units, whatever they say of their times."""
    path = folder / "mutated.mp4"
    with StreamWriter(path, Fraction(1, 25)) as writer:
        for index, unit in enumerate(units):
            writer.write(unit, 6 * index, 6)
        writer.commit()
    return path


def numbers(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of a range, often at its ends."""
    return st.sampled_from([low, high]) | st.integers(low, high)


@st.composite
def headers(draw: st.DrawFn, header: SequenceHeader) -> SequenceHeader:
    """One or two fields changed within their ranges."""
    whole = {
        "rotation": 3,
        "crf": 63,
        "gop_size": 65535,
        "preset": 9,
        "block_log2": 3,
        "latent_channels": 64,
    }
    ranges = {
        name: numbers(int(name in ("gop_size", "latent_channels")), high)
        for name, high in whole.items()
    }
    ranges |= {"width": numbers(1, 120), "height": numbers(1, 120)}
    ranges |= {name: st.fractions(0, 1 << 30, max_denominator=65535) for name in ("frame_rate",)}
    ranges["time_base"] = st.builds(Fraction, numbers(1, 0xFFFFFFFF), numbers(1, 0xFFFFFFFF))
    ranges["sample_aspect_ratio"] = st.builds(Fraction, numbers(0, 65535), numbers(1, 65535))
    ranges["colour"] = st.builds(type(header.colour), *[numbers(0, 255)] * 3, st.booleans())
    assert ranges.keys() <= {field.name for field in fields(header)}
    chosen = draw(st.sets(st.sampled_from(sorted(ranges)), min_size=1, max_size=2))
    return replace(header, **{name: draw(ranges[name]) for name in sorted(chosen)})


@st.composite
def mutated_unit(draw: st.DrawFn, unit: AccessUnit) -> bytes:
    """One access unit with something else in it, and the right checksum at its end; rarely with a
    wrong one.
    """
    what = draw(
        st.sampled_from(
            ["pts", "durations", "quantisers", "structure", "payload", "header", "latents", "bytes"]
        )
    )
    if what == "pts":
        unit = replace(unit, first_pts=draw(numbers(-MAX_PTS, MAX_PTS)))
    elif what == "durations":
        unit = replace(
            unit, durations=tuple(draw(numbers(1, MAX_DURATION)) for _ in unit.durations)
        )
    elif what == "quantisers":
        unit = replace(unit, quantisers=tuple(draw(numbers(0, 127)) for _ in unit.quantisers))
    elif what == "structure" and not unit.is_keyframe:
        count = draw(numbers(1, 16))
        structure = draw(st.sampled_from([Structure.CHAIN, Structure.HIERARCHY]))
        unit = replace(
            unit,
            structure=structure,
            durations=(1,) * count,
            quantisers=unit.quantisers[:1] * count,
        )
    elif what == "payload":
        payload = bytearray(unit.payload)
        for _ in range(draw(st.integers(1, 4))):
            if payload:
                payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
        unit = replace(unit, payload=bytes(payload[: draw(numbers(0, len(payload)))]))
    elif what == "header" and unit.is_keyframe:
        unit = replace(unit, header=draw(headers(unit.header)))
    elif what == "latents":
        unit = replace(unit, latent_checksum=draw(numbers(0, 0xFFFFFFFF)))
    data = bytearray(unit.to_bytes())
    if what == "bytes":
        data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data)


class TestMutatedStreams:
    def check(self, data: st.DataObject, small: Small, folder: Path) -> None:
        order = data.draw(
            st.lists(st.integers(0, len(small.units) - 1), min_size=1, max_size=6)
            | st.just(list(range(len(small.units))))
        )
        units = [small.units[index].to_bytes() for index in order]
        for place in data.draw(st.sets(st.integers(0, len(order) - 1), min_size=1, max_size=3)):
            units[place] = data.draw(mutated_unit(small.units[order[place]]))
        assert_frames_or_a_named_error(written(folder, units))

    @settings(
        max_examples=12,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        derandomize=True,
    )
    @given(data=st.data())
    def test_a_few(self, data: st.DataObject, small: Small, tmp_path: Path) -> None:
        self.check(data, small, tmp_path)

    @pytest.mark.slow
    @settings(
        max_examples=150,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(data=st.data())
    def test_many(self, data: st.DataObject, small: Small, tmp_path: Path) -> None:
        self.check(data, small, tmp_path)


class TestMutatedBoxes:
    def check(self, data: st.DataObject, small: Small, folder: Path) -> None:
        content = bytearray(small.path.read_bytes())
        found = [box for box in boxes(bytes(content)) if box.kind != b"mdat"]
        for _ in range(data.draw(st.integers(1, 3))):
            box = data.draw(st.sampled_from(found))
            at = box.start + data.draw(st.integers(0, min(box.size, 64) - 1)) // 4 * 4
            content[at : at + 4] = data.draw(
                st.sampled_from(EXTREMES) | st.integers(0, 0xFFFFFFFF)
            ).to_bytes(4, "big")
        path = folder / "mutated.mp4"
        path.write_bytes(content)
        assert_frames_or_a_named_error(path)

    @settings(
        max_examples=15,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        derandomize=True,
    )
    @given(data=st.data())
    def test_a_few(self, data: st.DataObject, small: Small, tmp_path: Path) -> None:
        self.check(data, small, tmp_path)

    @pytest.mark.slow
    @settings(
        max_examples=150,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(data=st.data())
    def test_many(self, data: st.DataObject, small: Small, tmp_path: Path) -> None:
        self.check(data, small, tmp_path)


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
