"""Which picture: tiles are put together, alpha is not overlooked, cover art is not the video."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocodec.errors import InputError, UnsupportedInputError
from videocodec.media.heif import auxiliary_tracks, still_picture
from videocodec.media.source import SourceOptions, VideoSource

from .conftest import picture, read
from .heif_files import write_heif

RED = SourceOptions(background=(255, 0, 0))


def test_a_picture_made_of_tiles_is_put_together(tmp_path) -> None:
    whole = picture(160, 128)
    tiles = [
        np.pad(whole, ((0, 0), (0, 32), (0, 0)), "edge")[y : y + 64, x : x + 96]
        for y in (0, 64)
        for x in (0, 96)
    ]
    path = write_heif(tmp_path / "a.avif", tiles, grid=(2, 2, 160, 128))
    source, (frame,) = read(path)
    assert (source.width, source.height, source.is_still) == (160, 128, True)
    assert np.abs(frame.rgb.astype(int) - whole).mean() < 4
    assert source.frame_count_hint == 1 and (frame.pts, frame.duration) == (0, 1)


def test_a_picture_made_of_tiles_is_turned_as_its_file_says(tmp_path) -> None:
    whole = picture(64, 128)
    path = write_heif(tmp_path / "a.avif", [whole[:64], whole[64:]], grid=(2, 1, 64, 128), turns=1)
    source, (frame,) = read(path)
    assert (source.width, source.height, source.rotation) == (128, 64, 0)
    assert np.abs(frame.rgb.astype(int) - np.rot90(whole)).mean() < 4


@pytest.mark.parametrize(("axis", "turns"), [(0, 0), (1, 0), (0, 1), (1, 3)])
def test_a_picture_made_of_tiles_is_mirrored_as_one_that_is_not(tmp_path, axis, turns) -> None:
    """FFmpeg says how one that is coded whole is to be shown."""
    whole = picture(64, 128)
    how = {"turns": turns, "mirrored": axis}
    tiles = [whole[:64], whole[64:]]
    _, (tiled,) = read(write_heif(tmp_path / "a.avif", tiles, grid=(2, 1, 64, 128), **how))
    source, (coded,) = read(write_heif(tmp_path / "b.avif", [whole], **how))
    shown = np.rot90(coded.rgb, source.rotation // 90)
    assert np.abs(tiled.rgb.astype(int) - shown).mean() < 4
    assert np.abs(tiled.rgb.astype(int) - np.flip(np.rot90(whole, turns), axis)).mean() < 4


@pytest.mark.parametrize("tiled", [False, True])
def test_alpha_beside_a_picture_is_refused_or_flattened(tmp_path, tiled) -> None:
    whole = picture(64, 64)
    alpha = np.zeros((64, 64, 3), np.uint8)
    alpha[:32] = 255
    path = write_heif(
        tmp_path / "a.avif", [whole], grid=(1, 1, 64, 64) if tiled else None, alpha=alpha
    )
    with pytest.raises(UnsupportedInputError, match="alpha"):
        VideoSource(path)
    source, (frame,) = read(path, options=RED)
    assert np.abs(frame.rgb[:28].astype(int) - whole[:28]).mean() < 4
    assert np.abs(frame.rgb[36:].astype(int) - (255, 0, 0)).max() <= 3
    assert source.conversions == ["alpha is flattened onto #ff0000"]


def test_a_picture_of_another_kind_is_refused_by_name(tmp_path) -> None:
    path = write_heif(
        tmp_path / "a.avif", [picture(64, 64)], grid=(1, 1, 64, 64), primary_kind=b"iovl"
    )
    with pytest.raises(UnsupportedInputError, match="'iovl'"):
        VideoSource(path)


def test_tiles_that_do_not_fill_the_picture_are_damage(tmp_path) -> None:
    path = write_heif(tmp_path / "a.avif", [picture(64, 64)], grid=(1, 1, 640, 64))
    with pytest.raises(InputError, match="do not fill"):
        VideoSource(path)


@given(st.data())
def test_tables_of_any_bytes_give_a_picture_none_or_one_error(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.getbasetemp()
    base = folder / "seed.avif"
    if not base.exists():
        write_heif(base, [picture(64, 64)] * 2, grid=(1, 2, 128, 64), turns=1)
    content = bytearray(base.read_bytes()[:700])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "changed.avif"
    path.write_bytes(content)
    for read_table in (still_picture, auxiliary_tracks):
        try:
            read_table(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 (what it says is the point)


def test_cover_art_before_the_video_is_not_the_video(make_clip, tmp_path) -> None:
    clip, path = make_clip(count=4), tmp_path / "covered.mp4"
    with av.open(str(clip)) as source, av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=25, width=32, height=32, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        target = output.add_stream_from_template(source.streams.video[0])
        frame = av.VideoFrame.from_ndarray(picture(32, 32), format="rgb24")
        output.mux(cover.encode(frame.reformat(format="yuvj420p")))
        output.mux(cover.encode(None))
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = target
                output.mux(packet)
    source, frames = read(path)
    assert (source.width, len(frames)) == (64, 4)


def test_the_default_track_comes_before_the_first(make_clip, tmp_path) -> None:
    path = tmp_path / "two.mkv"
    with (
        av.open(str(make_clip("small.mp4", size=(32, 32)))) as small,
        av.open(str(make_clip("large.mp4"))) as large,
        av.open(str(path), "w") as output,
    ):
        targets = [output.add_stream_from_template(one.streams.video[0]) for one in (small, large)]
        targets[0].disposition = av.stream.Disposition(0)
        targets[1].disposition = av.stream.Disposition.default
        for container, target in zip((small, large), targets, strict=True):
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.stream = target
                    output.mux(packet)
    assert read(path)[0].width == 64
