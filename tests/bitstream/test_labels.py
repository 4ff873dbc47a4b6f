"""Tags, chapters, titles of tracks and subtitles go both ways, or are named as left out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitstream.container import Chapter, CopySource, Labels, StreamReader
from bitstream.container.subtitles import TEXT_CODECS, as_mov_text

CHAPTERS = (
    Chapter(Fraction(0), Fraction(1, 2), "eins"),
    Chapter(Fraction(1, 2), Fraction(2), "zwei"),
)
PLACE = "+40.6800-074.5000/"


def labels_of(path: Path) -> Labels:
    with av.open(str(path)) as container:
        return Labels.of(container)


@pytest.fixture
def source(tmp_path, make_video) -> Path:
    """A film in Matroska with chapters, a title, an unknown tag, and subtitles in SRT."""
    path = tmp_path / "film.mkv"
    with av.open(str(make_video(subtitles=None))) as before, av.open(str(path), "w") as after:
        tags = {"title": "My film", "artist": "Me", "shoes": "43", "location": PLACE}
        after.metadata.update(tags)
        Labels(chapters=CHAPTERS).write(after)
        streams = {one.index: after.add_stream_from_template(one) for one in before.streams}
        streams[1].metadata.update({"title": "Deutsch", "language": "ger"})
        texts = after.add_mux_stream("subrip")
        texts.metadata.update({"title": "Worte", "language": "ger"})
        for packet in before.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
        words = av.Packet(b"<i>Guten</i> Tag")
        words.stream, words.pts, words.dts, words.duration = texts, 200, 200, 500
        words.time_base = Fraction(1, 1000)
        after.mux(words)
    return path


def test_labels_of_a_film_are_read_and_what_mp4_cannot_hold_is_named(source) -> None:
    labels = labels_of(source)
    assert labels.tags == {"title": "My film", "artist": "Me"}
    assert labels.location == PLACE and labels.chapters == CHAPTERS
    assert labels.lost == ["tags shoes: MP4 cannot hold them"]
    private = labels.without_location()
    assert private.location is None
    assert private.lost[0].startswith("where it was recorded") and len(private.lost) == 2


@pytest.mark.parametrize("keep", [False, True])
def test_labels_are_in_the_file_and_come_back(tmp_path, source, write, make_units, keep) -> None:
    labels = labels_of(source) if keep else labels_of(source).without_location()
    path = tmp_path / "clip.mp4"
    write(path, make_units(), copy_from=CopySource(source, 0), labels=labels)
    with StreamReader(path) as reader:
        assert reader.labels.tags == {"title": "My film", "artist": "Me"}
        assert reader.labels.chapters == CHAPTERS
        assert reader.labels.location == (PLACE if keep else None)
        assert [line.split()[0] for line in reader.tracks] == ["audio", "subtitle"]
        assert len(list(reader.units())) == len(make_units())


def test_the_video_track_keeps_its_language_and_title_and_the_file_its_time(
    tmp_path, make_video, write, make_units
) -> None:
    film, path = tmp_path / "film.mkv", tmp_path / "clip.mp4"
    with (
        av.open(str(make_video(subtitles=None, audio=None))) as before,
        av.open(str(film), "w") as after,
    ):
        after.metadata["creation_time"] = "2021-02-03T04:05:06.000000Z"
        video = after.add_stream_from_template(before.streams.video[0])
        video.metadata.update({"language": "ger", "title": "Kamera 2"})
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                after.mux(packet)
    with av.open(str(film)) as container:
        labels = Labels.of(container, container.streams.video[0])
    assert labels.track_tags == {"language": "ger", "title": "Kamera 2"}
    write(path, make_units(), labels=labels)
    with StreamReader(path) as reader:
        assert reader.labels.track_tags == labels.track_tags
        assert reader.labels.tags == {"creation_time": "2021-02-03T04:05:06.000000Z"}


def test_a_track_without_language_has_none(tmp_path, write, make_units) -> None:
    write(tmp_path / "clip.mp4", make_units(), labels=Labels())
    with StreamReader(tmp_path / "clip.mp4") as reader:
        assert reader.labels == Labels()


def test_subtitles_in_text_become_mov_text_with_their_titles(
    tmp_path, source, write, make_units, packets_of
) -> None:
    writer = write(tmp_path / "clip.mp4", make_units(), copy_from=CopySource(source, 0))
    assert writer.skipped_tracks == []
    texts = [one for one in packets_of(tmp_path / "clip.mp4", "subtitle") if len(one.data) > 2]
    assert [(one.data, one.pts, one.duration) for one in texts] == [
        (b"\0\x09Guten Tag", packets_of(source, "subtitle")[0].pts, Fraction(1, 2))
    ]
    with av.open(str(tmp_path / "clip.mp4")) as container:
        names = [one.metadata.get("name") for one in container.streams if one.type != "data"]
        assert names == ["Deutsch", "Worte"]
    write(tmp_path / "again.mp4", make_units(), copy_from=tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "again.mp4")) as container:
        names = [one.metadata.get("name") for one in container.streams if one.type != "data"]
        assert names == ["Deutsch", "Worte"]


def test_chapters_of_a_part_are_cut_and_moved() -> None:
    part = Labels(chapters=CHAPTERS).cut(Fraction(1, 4), Fraction(1))
    assert part.chapters == (
        Chapter(Fraction(0), Fraction(1, 4), "eins"),
        Chapter(Fraction(1, 4), Fraction(3, 4), "zwei"),
    )
    assert Labels(chapters=CHAPTERS).cut(Fraction(3), Fraction(4)).chapters == ()


def test_data_tracks_of_a_source_are_named(tmp_path, write, make_units, make_video) -> None:
    path = tmp_path / "camera.mp4"
    film = make_video(subtitles=None, audio=None)
    with av.open(str(film)) as before, av.open(str(path), "w") as after:
        video = after.add_stream_from_template(before.streams.video[0])
        data = after.add_data_stream("bin_data")
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                after.mux(packet)
        packet = av.Packet(b"telemetry")
        packet.stream, packet.pts, packet.dts, packet.duration = data, 0, 0, 1
        packet.time_base = Fraction(1, 25)
        after.mux(packet)
    writer = write(tmp_path / "clip.mp4", make_units(), copy_from=CopySource(path, 0))
    assert len(writer.skipped_tracks) == 1 and "data track 1" in writer.skipped_tracks[0]


def test_text_of_ass_loses_its_fields_and_marks() -> None:
    line = rb"0,0,Default,,0,0,0,,{\an8}Hello,\Nworld <b>and</b> more"
    assert as_mov_text(line, "ass")[2:] == b"Hello,\nworld and more"


@given(st.binary(max_size=200), st.sampled_from(sorted(TEXT_CODECS)))
def test_any_payload_becomes_a_text_whose_length_it_states(payload, codec) -> None:
    made = as_mov_text(payload, codec)
    assert int.from_bytes(made[:2], "big") == len(made) - 2
    made[2:].decode()
