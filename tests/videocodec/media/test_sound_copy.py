"""Sound and subtitles reach the output packet for packet."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from bitstream.errors import ContainerError
from videocodec.media.container_sink import CopiedTracks
from videocodec.media.sinks import open_sink
from videocodec.media.source import VideoSource

from .conftest import picture


def packets_of(path: Path, kind: str) -> list[tuple[bytes, Fraction, Fraction]]:
    """Payload, time and duration (seconds) of every packet of the first track of a kind."""
    with av.open(str(path)) as container:
        (stream,) = [stream for stream in container.streams if stream.type == kind]
        base = stream.time_base
        return [
            (bytes(packet), packet.pts * base, packet.duration * base)
            for packet in container.demux(stream)
            if packet.size
        ]


def parameters_of(path: Path, kind: str) -> tuple:
    with av.open(str(path)) as container:
        (stream,) = [stream for stream in container.streams if stream.type == kind]
        context = stream.codec_context
        return (
            context.name,
            context.extradata,
            getattr(context, "sample_rate", None),
            getattr(context, "channels", None),
        )


@pytest.fixture
def with_sound(make_clip) -> Path:
    """One second of pictures with a little more AAC, as the file the sound comes from."""
    return make_clip("sound.mp4", count=25, sound_seconds=1.2)


def write(target: Path, header, sound_from: Path, *, first: int = 0, count: int = 25) -> list[str]:
    with open_sink(target, header, tracks=CopiedTracks(sound_from)) as sink:
        for index in range(count):
            sink.write(picture(64, 48, index), first + index, 1)
        sink.commit()
        return sink.skipped_tracks


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_sound_is_copied_packet_for_packet(tmp_path, make_header, with_sound, name) -> None:
    assert write(tmp_path / name, make_header(), with_sound) == []
    assert packets_of(tmp_path / name, "audio") == packets_of(with_sound, "audio")
    assert parameters_of(tmp_path / name, "audio") == parameters_of(with_sound, "audio")
    with VideoSource(tmp_path / name) as source:
        assert [frame.pts * source.time_base * 25 for frame in source] == list(range(25))


def test_sound_in_matroska(tmp_path, make_header, with_sound) -> None:
    write(tmp_path / "out.mkv", make_header(), with_sound)
    copied, original = packets_of(tmp_path / "out.mkv", "audio"), packets_of(with_sound, "audio")
    assert [payload for payload, _, _ in copied] == [payload for payload, _, _ in original]
    assert copied[0][1] < 0  # the encoder's priming samples
    assert all(
        abs(after[1] - before[1]) <= Fraction(1, 1000)
        for after, before in zip(copied, original, strict=True)
    )
    with VideoSource(tmp_path / "out.mkv") as source:
        assert [frame.pts * source.time_base * 25 for frame in source] == list(range(25))


def test_sound_moves_with_pictures_before_time_zero(tmp_path, make_header, with_sound) -> None:
    write(tmp_path / "out.mp4", make_header(), with_sound, first=-5)
    copied, original = packets_of(tmp_path / "out.mp4", "audio"), packets_of(with_sound, "audio")
    assert [payload for payload, _, _ in copied] == [payload for payload, _, _ in original]
    assert all(
        after[1] - before[1] == Fraction(1, 5)
        for after, before in zip(copied, original, strict=True)
    )


def test_late_pictures_leave_the_sound_where_it_was(tmp_path, make_header, with_sound) -> None:
    header = make_header(time_base=Fraction(1, 90000), frame_rate=Fraction(25))
    with open_sink(tmp_path / "out.mp4", header, tracks=CopiedTracks(with_sound)) as sink:
        for index in range(20):
            sink.write(picture(64, 48, index), 3004 + 3600 * index, 3600)
        sink.commit()
    assert packets_of(tmp_path / "out.mp4", "audio") == packets_of(with_sound, "audio")
    with VideoSource(tmp_path / "out.mp4") as source:
        assert next(iter(source)).pts * source.time_base == Fraction(3004, 90000)


def test_subtitles_are_copied_where_the_container_holds_them(
    tmp_path, make_header, with_sound
) -> None:
    source = tmp_path / "subtitles.mp4"
    (tmp_path / "words.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nhello\n\n2\n00:00:00,500 --> 00:00:00,900\nworld\n"
    )
    with av.open(str(source), "w") as output, av.open(str(with_sound)) as sound:
        audio = output.add_stream_from_template(sound.streams.audio[0])
        words = output.add_mux_stream("mov_text", time_base=Fraction(1, 1000))
        for start, text in ((100, b"\x00\x05hello"), (500, b"\x00\x05world")):
            packet = av.Packet(text)
            packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = (
                words,
                start,
                start,
                300,
                Fraction(1, 1000),
            )
            output.mux(packet)
        for packet in sound.demux(sound.streams.audio[0]):
            if packet.size:
                packet.stream = audio
                output.mux(packet)
    assert write(tmp_path / "out.mp4", make_header(), source) == []
    assert packets_of(tmp_path / "out.mp4", "subtitle") == packets_of(source, "subtitle")
    skipped = write(tmp_path / "out.mkv", make_header(), source)
    assert len(skipped) == 1 and "mov_text" in skipped[0]
    assert len(packets_of(tmp_path / "out.mkv", "audio")) == len(packets_of(source, "audio"))


def test_file_without_sound(tmp_path, make_header, make_clip) -> None:
    assert write(tmp_path / "out.mp4", make_header(), make_clip("silent.mp4")) == []


def test_nothing_is_left_when_the_sound_cannot_be_read(tmp_path, make_header) -> None:
    (tmp_path / "sound.mp4").write_bytes(b"nothing")
    with (
        pytest.raises(ContainerError),
        open_sink(
            tmp_path / "out.mp4", make_header(), tracks=CopiedTracks(tmp_path / "sound.mp4")
        ) as sink,
    ):
        sink.write(picture(64, 48), 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["sound.mp4"]


def test_sound_much_longer_and_much_shorter(tmp_path, make_header, make_clip) -> None:
    for seconds, count in ((3, 10), (0.2, 100)):
        sound = make_clip("sound.mp4", sound_seconds=seconds)
        target = tmp_path / f"out{count}.mp4"
        write(target, make_header(), sound, count=count)
        assert packets_of(target, "audio") == packets_of(sound, "audio")
        with VideoSource(target) as source:
            assert len(list(source)) == count


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_failure_while_writing_sound_leaves_nothing(
    tmp_path, make_header, with_sound, name
) -> None:
    before = sorted(tmp_path.iterdir())
    with (
        pytest.raises(KeyboardInterrupt),
        open_sink(tmp_path / name, make_header(), tracks=CopiedTracks(with_sound)) as sink,
    ):
        for index in range(25):
            sink.write(picture(64, 48, index), index, 1)
        raise KeyboardInterrupt
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_sound_that_cannot_be_read_is_refused_before_the_first_frame(
    tmp_path, make_header, with_sound, monkeypatch, name
) -> None:
    # as if the tables led to the same bytes again and again
    monkeypatch.setattr("bitstream.container.tracks.TIMES_READ", 0)
    monkeypatch.setattr("bitstream.container.tracks.MORE_BYTES", 5000)
    target = tmp_path / "target" / name
    target.parent.mkdir()
    with pytest.raises(ContainerError, match="again and again"):
        open_sink(target, make_header(), tracks=CopiedTracks(with_sound))
    assert not list(target.parent.iterdir())
