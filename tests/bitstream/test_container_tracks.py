"""Sound and subtitles: copied packet for packet into a latent-video file, and out of it again."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import pytest

from bitstream.container import StreamReader, TrackCopier


@pytest.mark.parametrize("first_pts", [0, 3003, -3003])
def test_sound_and_subtitles_survive_packet_for_packet(
    tmp_path, write, make_units, make_video, packets_of, first_pts: int
) -> None:
    source = make_video()
    units = make_units(first_pts=first_pts, duration=3600, time_base=Fraction(1, 90000))
    write(tmp_path / "clip.mp4", units, Fraction(1, 90000), copy_from=source)
    for kind in ("audio", "subtitle"):
        assert packets_of(tmp_path / "clip.mp4", kind) == packets_of(source, kind)
    sound = packets_of(source, "audio")
    assert len(sound) > 80 and sound[0].pts == Fraction(-1024, 48000), (
        "the encoder's priming samples are a part of it"
    )
    with av.open(str(source)) as before, av.open(str(tmp_path / "clip.mp4")) as after:
        for kind in ("audio", "subtitles"):
            old, new = getattr(before.streams, kind)[0], getattr(after.streams, kind)[0]
            assert (new.codec_context.name, new.codec_context.extradata) == (
                old.codec_context.name,
                old.codec_context.extradata,
            )
            assert (new.time_base, new.language, new.disposition) == (
                old.time_base,
                old.language,
                old.disposition,
            )


def test_a_copy_of_a_copy_is_the_same(tmp_path, write, make_units, make_video, packets_of) -> None:
    source = make_video()
    write(tmp_path / "one.mp4", make_units(), copy_from=source)
    writer = write(tmp_path / "two.mp4", make_units(), copy_from=tmp_path / "one.mp4")
    assert writer.skipped_tracks == [], (
        "the latent track is not a track to copy, nor to complain of"
    )
    for kind in ("audio", "subtitle"):
        assert packets_of(tmp_path / "two.mp4", kind) == packets_of(source, kind)


@pytest.mark.parametrize(
    ("suffix", "audio"), [("mkv", "aac"), ("mkv", "libopus"), ("mkv", "flac"), ("mov", "pcm_s16le")]
)
def test_sound_from_other_containers(
    tmp_path, write, make_units, make_video, packets_of, suffix: str, audio: str
) -> None:
    source = make_video(f"source.{suffix}", audio=audio, subtitles=None)
    writer = write(tmp_path / "clip.mp4", make_units(), copy_from=source)
    assert writer.skipped_tracks == []
    old, new = packets_of(source, "audio"), packets_of(tmp_path / "clip.mp4", "audio")
    # has no packets of its own: FFmpeg cuts it anew when it reads a file
    if audio.startswith("pcm"):
        assert b"".join(packet.data for packet in new) == b"".join(packet.data for packet in old)
    else:
        assert [packet.data for packet in new] == [packet.data for packet in old]
        assert all(abs(b.pts - a.pts) <= Fraction(1, 1000) for a, b in zip(old, new, strict=True))


def test_adts_headers_go_and_the_sound_stays(
    tmp_path, write, make_units, make_video, packets_of
) -> None:
    source = make_video("source.ts", subtitles=None)
    assert (
        write(tmp_path / "clip.mp4", make_units(first_pts=36), copy_from=source).skipped_tracks
        == []
    )
    old, new = packets_of(source, "audio"), packets_of(tmp_path / "clip.mp4", "audio")
    assert [packet.data for packet in new] == [packet.data[7:] for packet in old]
    assert all(abs(b.pts - a.pts) <= Fraction(1, 48000) for a, b in zip(old, new, strict=True))


def test_tracks_mp4_cannot_hold_are_left_out_and_named(
    tmp_path, write, make_units, make_video, packets_of
) -> None:
    source = make_video("source.avi", audio="pcm_mulaw", subtitles=None)
    writer = write(tmp_path / "clip.mp4", make_units(), copy_from=source)
    assert writer.skipped_tracks == [
        "audio track 1 (pcm_mulaw, 48000 Hz, 2 channels): mp4 cannot hold it"
    ]
    assert StreamReader(writer.path).tracks == []
    assert packets_of(tmp_path / "clip.mp4", "audio") == []


def test_a_source_without_sound(tmp_path, write, make_units, make_video) -> None:
    write(tmp_path / "clip.mp4", make_units(), copy_from=make_video(audio=None, subtitles=None))
    reader = StreamReader(tmp_path / "clip.mp4")
    assert (reader.audio_tracks, reader.tracks) == (0, [])


def test_tracks_can_end_with_the_video(tmp_path, write, make_units, make_video, packets_of) -> None:
    source = make_video(frames=50)
    write(tmp_path / "clip.mp4", make_units(25), copy_from=source, tracks_end_with_video=True)
    copied = packets_of(tmp_path / "clip.mp4", "audio")
    assert copied == packets_of(source, "audio")[: len(copied)]
    assert copied[-1].pts < 1 <= copied[-1].pts + copied[-1].duration
    assert [packet.pts for packet in packets_of(tmp_path / "clip.mp4", "subtitle")][-1] < 1


def test_sound_is_interleaved_with_the_video(tmp_path, write, make_units, make_video) -> None:
    write(
        tmp_path / "clip.mp4",
        make_units(750, gop=250, unit_bytes=1280),
        copy_from=make_video(frames=750, subtitles=None),
    )
    with av.open(str(tmp_path / "clip.mp4")) as container:
        kinds = [
            packet.stream.type
            for packet in sorted((p for p in container.demux() if p.size), key=lambda p: p.pos)
        ]
    changes = sum(a != b for a, b in itertools.pairwise(kinds))
    assert changes >= 12, "30 s come in pieces of about 4 s"


def test_sound_goes_into_an_ordinary_video(
    tmp_path, write, make_units, make_video, packets_of
) -> None:
    source = make_video()
    write(tmp_path / "clip.mp4", make_units(), copy_from=source)
    for name, left_out in (
        ("out.mp4", []),
        ("out.mkv", ["subtitle track 2 (mov_text, eng): matroska cannot hold it"]),
    ):
        with av.open(str(tmp_path / name), "w") as output:
            video = output.add_stream("libx264", rate=25, width=64, height=48)
            copier = TrackCopier(tmp_path / "clip.mp4", output)
            assert copier.skipped == left_out
            for index in range(25):
                copier.copy_until(Fraction(index, 25))
                frame = av.VideoFrame(64, 48, "yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            copier.finish()
        old, new = packets_of(source, "audio"), packets_of(tmp_path / name, "audio")
        assert [packet.data for packet in new] == [packet.data for packet in old]
        assert (
            new == old
            if name == "out.mp4"
            else all(
                abs(b.pts - a.pts) <= Fraction(22, 1000) for a, b in zip(old, new, strict=True)
            )
        )
