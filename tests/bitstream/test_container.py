"""The container: access units through a real MP4 file and back, what the reader tells, and files
that are damaged or something else.
"""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import replace
from fractions import Fraction

import av
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import Sample, StreamReader, StreamWriter, UnitInfo
from bitstream.errors import ContainerError, UnsupportedVersionError

TIME_BASES = [
    Fraction(1, 25),
    Fraction(1001, 30000),
    Fraction(1, 90000),
    Fraction(1, 1000),
    Fraction(7, 3),
]


def samples(units: list[AccessUnit]) -> list[Sample]:
    return [
        Sample(unit.to_bytes(), unit.first_pts, unit.duration, index)
        for index, unit in enumerate(units)
    ]


@pytest.mark.parametrize("with_sound", [False, True])
@pytest.mark.parametrize("first_pts", [0, 7, -9, 40])
@pytest.mark.parametrize("time_base", TIME_BASES, ids=str)
def test_units_and_their_times_survive(
    tmp_path, write, make_units, make_video, time_base: Fraction, first_pts: int, with_sound: bool
) -> None:
    duration = 1 if time_base > Fraction(1, 100) else int(Fraction(1, 25) / time_base)
    units = make_units(first_pts=first_pts * duration, duration=duration, time_base=time_base)
    write(tmp_path / "clip.mp4", units, time_base, copy_from=make_video() if with_sound else None)
    with StreamReader(tmp_path / "clip.mp4") as reader:
        assert list(reader.units()) == samples(units)
        assert reader.header == units[0].header


def test_the_same_input_gives_the_same_file(tmp_path, write, make_units, make_video) -> None:
    source = make_video()
    write(tmp_path / "one.mp4", make_units(), copy_from=source)
    write(tmp_path / "two.mp4", make_units(), copy_from=source)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_what_the_reader_tells(tmp_path, write, make_units, make_video, packets_of) -> None:
    units = make_units()
    write(tmp_path / "clip.mp4", units, copy_from=make_video())
    reader = StreamReader(tmp_path / "clip.mp4")
    assert reader.index() == tuple(
        UnitInfo(u.first_pts, u.duration, len(u.to_bytes()), u.is_keyframe, u.frame_count)
        for u in units
    )
    assert [info.is_keyframe for info in reader.index()] == [
        True,
        False,
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert reader.audio_tracks == 1
    assert reader.tracks == [
        "audio track 1 (aac, 48000 Hz, stereo)",
        "subtitle track 2 (mov_text, eng)",
    ]
    assert reader.path == tmp_path / "clip.mp4"


def test_container_bytes_are_those_of_a_file_without_sound(
    tmp_path, write, make_units, make_video
) -> None:
    units = make_units(750, gop=250, unit_bytes=1280)
    write(tmp_path / "silent.mp4", units)
    write(tmp_path / "sound.mp4", units, copy_from=make_video(frames=750))
    silent, sound = (
        StreamReader(tmp_path / "silent.mp4").container_bytes,
        StreamReader(tmp_path / "sound.mp4").container_bytes,
    )
    assert silent == (tmp_path / "silent.mp4").stat().st_size
    assert silent <= sound <= silent + 150, "positions of the pieces the two tracks come in"


@pytest.mark.parametrize(("with_sound", "most"), [(False, 970), (True, 1110)])
def test_overhead_of_the_container(
    tmp_path, write, make_units, make_video, with_sound: bool, most: int
) -> None:
    units = make_units(750, gop=250, unit_bytes=1280)
    write(
        tmp_path / "clip.mp4",
        units,
        copy_from=make_video(frames=750, subtitles=None) if with_sound else None,
    )
    video_bytes = sum(len(unit.to_bytes()) for unit in units)
    assert StreamReader(tmp_path / "clip.mp4").container_bytes - video_bytes <= most


def test_nothing_is_left_without_commit(tmp_path, make_units) -> None:
    unit = make_units()[0]
    with (
        pytest.raises(RuntimeError),
        StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25)) as writer,
    ):
        writer.write(unit.to_bytes(), 0, 1)
        assert [path.name[:10] + path.name[-5:] for path in tmp_path.iterdir()] == [
            ".clip.mp4..part"
        ]
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_target_stays_until_commit(tmp_path, make_units) -> None:
    target = tmp_path / "clip.mp4"
    target.write_bytes(b"old")
    with StreamWriter(target, Fraction(1, 25)) as writer:
        writer.write(make_units()[0].to_bytes(), 0, 1)
        assert target.read_bytes() == b"old"
        writer.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert len(list(StreamReader(target).units())) == 1


def test_a_missing_folder_is_an_os_error(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        StreamWriter(tmp_path / "nowhere" / "clip.mp4", Fraction(1, 25))


def test_a_source_that_cannot_be_read_leaves_nothing_behind(tmp_path) -> None:
    (tmp_path / "source.mp4").write_bytes(b"no video")
    with pytest.raises(ContainerError, match="source.mp4: not a file this program can read"):
        StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25), copy_from=tmp_path / "source.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]


def test_wrong_use_of_the_writer(tmp_path, make_units) -> None:
    data = make_units()[0].to_bytes()
    with StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25)) as writer:
        with pytest.raises(ValueError, match="no access unit"):
            writer.commit()
        writer.write(data, 5, 1)
        with pytest.raises(ValueError, match="pts must grow from unit to unit, got 5 after 5"):
            writer.write(data, 5, 1)
        with pytest.raises(ValueError, match="at least one tick"):
            writer.write(data, 6, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pts", [1 << 63, 1 << 40, (1 << 30) + 1])
def test_a_time_mp4_cannot_hold(tmp_path, make_units, pts: int) -> None:
    data = make_units()[0].to_bytes()
    with StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25)) as writer:
        writer.write(data, 0, 1)
        with pytest.raises(ContainerError, match="MP4 cannot hold"):
            writer.write(data, pts, 1)


def test_the_longest_gap(tmp_path, make_units) -> None:
    data = make_units()[0].to_bytes()
    with StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25)) as writer:
        writer.write(data, -(1 << 29), 1)
        writer.write(data, 1 << 29, 1 << 30)
        writer.commit()
    first, second = StreamReader(tmp_path / "clip.mp4").index()
    assert (first.pts, first.duration, second.pts, second.duration) == (
        -(1 << 29),
        1 << 30,
        1 << 29,
        1 << 30,
    )


def test_a_time_base_finer_than_mp4_is_rounded(tmp_path, write, make_units) -> None:
    time_base = Fraction(1, 4_000_000_000)
    units = make_units(duration=160_000_000, time_base=time_base)
    write(tmp_path / "clip.mp4", units, time_base)
    assert list(StreamReader(tmp_path / "clip.mp4").units()) == samples(units)


def test_an_ordinary_video(make_video) -> None:
    source = make_video()
    with pytest.raises(
        ContainerError,
        match="source.mp4 is an ordinary video, not a latent-video file: encode it first$",
    ):
        StreamReader(source)


def test_files_that_are_something_else(tmp_path, make_video) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with (
        av.open(str(make_video())) as source,
        av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as sound,
    ):
        target = sound.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = target
                sound.mux(packet)
    for name, message in {
        "missing.mp4": "missing.mp4: no such file",
        ".": "not a file",
        "text.mp4": "text.mp4: not a file this program can read",
        "sound.m4a": "sound.m4a: no latent-video track in it",
    }.items():
        with pytest.raises(ContainerError, match=message):
            StreamReader(tmp_path / name)


def test_a_newer_version_and_a_damaged_start_name_the_file(tmp_path, make_units) -> None:
    unit = bytearray(make_units()[0].to_bytes())
    newer = (5, 3, True, UnsupportedVersionError, "newer version")
    # a flipped bit must not send anyone looking for an upgrade
    not_newer = (5, 3, False, ContainerError, "damaged")
    too_wide = (7, 0xFF, True, ContainerError, "field width at byte 7")
    for position, value, checksum, error, message in (newer, not_newer, too_wide):
        changed = bytearray(unit)
        changed[position] = value
        if checksum:
            changed[-4:] = zlib.crc32(changed[:-4]).to_bytes(4, "big")
        with StreamWriter(tmp_path / "clip.mp4", Fraction(1, 25)) as writer:
            writer.write(bytes(changed), 0, 1)
            writer.commit()
        with pytest.raises(error, match=f"clip.mp4: .*{message}"):
            StreamReader(tmp_path / "clip.mp4")


def test_nanoseconds_are_no_gap(tmp_path, make_units) -> None:
    tick, frame = Fraction(1, 1_000_000_000), 200_000_000
    with StreamWriter(tmp_path / "clip.mp4", tick) as writer:
        pts = 0
        for unit in make_units():
            durations = (frame,) * unit.frame_count
            header = replace(unit.header, time_base=tick) if unit.header else None
            writer.write(
                replace(unit, header=header, first_pts=pts, durations=durations).to_bytes(),
                pts,
                sum(durations),
            )
            pts += sum(durations)
        writer.commit()
    last = StreamReader(tmp_path / "clip.mp4").index()[-1]
    assert last.pts + last.duration == pts


def test_a_file_cut_short(tmp_path, write, make_units, make_video) -> None:
    units = make_units()
    write(tmp_path / "clip.mp4", units, copy_from=make_video())
    data = (tmp_path / "clip.mp4").read_bytes()
    where = [data.index(unit.to_bytes()) for unit in units]
    cut = tmp_path / "cut.mp4"
    for length in (where[3], where[3] + 100, where[7] + 1, len(data) - 1):
        cut.write_bytes(data[:length])
        reader, got = StreamReader(cut), []
        with pytest.raises(
            ContainerError,
            match="cut.mp4: the file is cut short: [0-8] of 8 access units are there",
        ):
            for sample in reader.units():
                got.append(sample)
        assert (
            got
            == samples(units)[
                : sum(
                    start + len(unit.to_bytes()) <= length
                    for start, unit in zip(where, units, strict=True)
                )
            ]
        )
        with pytest.raises(ContainerError, match="cut short"):
            reader.index()
    for length in (0, 7, 40, where[0] // 2, where[0] - 9, where[0] + 20):
        cut.write_bytes(data[:length])
        with pytest.raises(ContainerError, match="cut.mp4"):
            StreamReader(cut)


def test_damaged_tables_are_an_error_or_read(tmp_path, write, make_units, make_video) -> None:
    write(tmp_path / "clip.mp4", make_units(), copy_from=make_video())
    data = (tmp_path / "clip.mp4").read_bytes()
    end = data.index(b"mdat")
    for position in range(0, end, 7):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        (tmp_path / "damaged.mp4").write_bytes(damaged)
        with contextlib.suppress(ContainerError, UnsupportedVersionError):
            StreamReader(tmp_path / "damaged.mp4").index()
