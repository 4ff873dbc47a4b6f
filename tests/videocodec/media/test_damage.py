"""Without strict, what decodes of a damaged source is given, and what is missing is said."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from videocodec.errors import InputError
from videocodec.media.source import SourceOptions, VideoSource

from .conftest import picture, read

TOLERANT = SourceOptions(strict=False)


def overwrite_packet(path, number: int) -> None:
    """Replace a packet of the video by bytes that are none."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        entry = container.streams.video[0].index_entries[number]
    data[entry.pos : entry.pos + entry.size] = b"\xff" * entry.size
    path.write_bytes(data)


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "png"), ("a.mp4", "libx264")])
def test_frames_around_a_broken_packet_are_read(make_clip, name, codec) -> None:
    options = {"crf": "0", "preset": "ultrafast", "g": "1"} if codec == "libx264" else None
    pixel_format = "rgb24" if codec == "png" else "yuv420p"
    path = make_clip(name, count=12, codec=codec, pixel_format=pixel_format, options=options)
    overwrite_packet(path, 6)
    source, frames = read(path, options=TOLERANT)
    assert len(frames) == 11
    assert source.losses == [
        "1 packet of the video cannot be decoded, the first after frame 6: left out"
    ]
    numbers = [frame.pts * source.time_base * 25 for frame in frames]
    assert numbers == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    for number, frame in zip(numbers, frames, strict=True):
        assert np.abs(frame.rgb.astype(int) - picture(64, 48, int(number))).mean() < 2
    with pytest.raises(InputError, match="damaged after frame"):
        read(path)


def test_a_whole_file_loses_nothing(make_clip) -> None:
    source, frames = read(make_clip(count=7), options=TOLERANT)
    assert len(frames) == 7 and source.losses == [] and source.notes == []


@pytest.mark.parametrize("part", [0.4, 0.8])
def test_of_a_file_cut_short_what_is_there_is_read(make_clip, part) -> None:
    path = make_clip(count=30, container_options={"movflags": "+faststart"})
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[: int(whole * part)])
    source, frames = read(path, options=TOLERANT)
    assert 0 < len(frames) < 30
    assert source.losses[0] == f"it is cut short: {int(whole * part)} bytes of {whole} are there"
    with pytest.raises(InputError, match=f"{int(whole * part)} bytes of {whole}"):
        VideoSource(path)


def test_media_data_that_claim_more_than_was_written_lose_nothing(make_clip) -> None:
    path = make_clip(count=9, container_options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    place = data.rindex(b"mdat") - 4
    size = int.from_bytes(data[place : place + 4], "big")
    data[place : place + 4] = (size + 5000).to_bytes(4, "big")
    path.write_bytes(data)
    for options in (TOLERANT, SourceOptions()):
        source, frames = read(path, options=options)
        assert len(frames) == 9 and source.losses == []


def test_fragments_that_call_gradual_refresh_a_keyframe_are_read(make_clip) -> None:
    """Every packet is one of an intra refresh, the first is called a keyframe by the container."""
    path = make_clip(
        "a.mp4",
        count=60,
        options={"preset": "ultrafast", "x264-params": "intra-refresh=1:keyint=20:bframes=0"},
    )
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size][25:]
        cut = path.with_name("cut.mp4")
        with av.open(str(cut), "w", options={"movflags": "frag_keyframe+empty_moov"}) as output:
            target = output.add_stream_from_template(stream)
            for packet in packets:
                packet.stream, packet.is_keyframe = target, packet is packets[0]
                output.mux(packet)
    source, frames = read(cut, options=TOLERANT)
    assert len(frames) == 35 and source.losses == []


def test_pictures_hours_apart_are_counted_in_milliseconds(make_clip) -> None:
    pts = [0, 4 * 3600 * 90000 + 45, 8 * 3600 * 90000]
    source, frames = read(make_clip(count=3, pts=pts, time_base=Fraction(1, 90000)))
    assert source.time_base == Fraction(1, 1000)
    assert [frame.pts * source.time_base for frame in frames] == [
        0,
        4 * 3600 + Fraction(round(0.5), 1000),
        8 * 3600,
    ]


def test_pictures_further_apart_than_a_file_holds_are_refused_while_reading(
    make_clip, monkeypatch
) -> None:
    monkeypatch.setattr("videocodec.media.source.LONGEST_CONTAINER_STEP", 1000)
    path = make_clip(count=3, pts=[0, 1000, 2001], time_base=Fraction(1, 1000))
    with VideoSource(path) as source, pytest.raises(InputError, match="more than .* s lie between"):
        list(source.unconverted())


def test_frames_whose_size_changes_are_scaled_to_the_first(make_clip, tmp_path) -> None:
    parts = [
        make_clip(f"{size[0]}.mpg", size=size, count=10, codec="mpeg2video")
        for size in ((64, 48), (32, 24))
    ]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source, frames = read(path, options=TOLERANT)
    assert {frame.rgb.shape for frame in frames} == {(48, 64, 3)} and len(frames) >= 19
    assert len(source.notes) == 2 and "64×48 to 32×24" in source.notes[1]


@pytest.mark.parametrize("options", [TOLERANT, SourceOptions()])
def test_each_frame_is_converted_by_its_own_tags(make_clip, tmp_path, options) -> None:
    frames = [picture(64, 48)] * 5
    parts = [
        make_clip("one.ts", frames, matrix=6, convert_as=5, full_range=False),
        make_clip("two.ts", frames, matrix=1, convert_as=1, full_range=True),
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source, read_frames = read(path, options=options)
    assert len(read_frames) == 10
    for frame in read_frames:
        assert np.abs(frame.rgb.astype(int) - picture(64, 48)).mean() < 1.5
    assert any("colour matrix or range changes after frame 5" in note for note in source.notes)


def test_pixels_that_get_another_aspect_ratio_are_said_or_refused(tmp_path) -> None:
    data = b""
    for name, aspect in (("wide.ts", Fraction(4, 3)), ("square.ts", Fraction(1))):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", 25, width=64, height=48)
            stream.codec_context.sample_aspect_ratio = aspect
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(picture(64, 48, index), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        data += (tmp_path / name).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(data)
    source, frames = read(path, options=TOLERANT)
    assert len(frames) == 20 and source.sample_aspect_ratio == Fraction(4, 3)
    assert "the aspect ratio of the pixels changes from 4:3 to 1:1 at about" in source.notes[-1]
    with pytest.raises(InputError, match="the aspect ratio of the pixels changes from 4:3 to 1:1"):
        read(path, options=SourceOptions())
    assert read(tmp_path / "wide.ts", options=SourceOptions())[0].notes == []
