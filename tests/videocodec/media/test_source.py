"""VideoSource: any input PyAV can decode becomes RGB frames with exact timestamps, and bad input
one clear line.
"""

from __future__ import annotations

import gc
import itertools
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from videocodec.media.conversion import FrameConverter
from videocodec.media.source import VideoSource

from .conftest import PATCHES, flat, picture, read


def test_frames_sizes_and_timestamps(make_clip) -> None:
    path = make_clip(count=7)
    source, frames = read(path)
    assert (source.width, source.height, source.frame_rate, source.rotation) == (64, 48, 25, 0)
    assert source.frame_count_hint == 7 and not source.is_still
    assert [frame.pts * source.time_base for frame in frames] == [
        Fraction(index, 25) for index in range(7)
    ]
    assert all(frame.duration * source.time_base == Fraction(1, 25) for frame in frames)
    assert all(frame.rgb.shape == (48, 64, 3) and frame.rgb.dtype == np.uint8 for frame in frames)
    for index, frame in enumerate(frames):
        assert np.abs(frame.rgb.astype(int) - picture(64, 48, index)).mean() < 2


@pytest.mark.parametrize("size", [(63, 47), (1, 1), (17, 2), (34, 3)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_odd_sizes(make_clip, size, pixel_format) -> None:
    path = make_clip("odd.y4m", size=size, codec="rawvideo", pixel_format=pixel_format)
    source, frames = read(path)
    assert (source.width, source.height, len(frames)) == (*size, 5)
    assert np.abs(frames[3].rgb.astype(int) - picture(*size, 3)).mean() < 4


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mkv", "ffv1", "yuv422p"),
        ("a.mkv", "ffv1", "yuv444p"),
        ("a.mkv", "ffv1", "gray"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.mp4", "libx264", "yuv422p"),
        ("a.mp4", "libx264rgb", "rgb24"),
        ("a.mp4", "libx264", "nv12"),
        ("a.mov", "png", "rgb24"),
        ("a.mov", "qtrle", "rgb24"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.y4m", "rawvideo", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p"),
        ("a.mp4", "libsvtav1", "yuv420p"),
        ("a.h264", "libx264", "yuv420p"),
    ],
)
def test_many_formats(make_clip, name, codec, pixel_format) -> None:
    options = {"log-level": "none"} if codec == "libx265" else {}
    path = make_clip(name, codec=codec, pixel_format=pixel_format, options=options)
    source, frames = read(path)
    assert (source.width, source.height, len(frames)) == (64, 48, 5)
    assert all(
        later.pts == earlier.pts + earlier.duration for earlier, later in itertools.pairwise(frames)
    )
    expected = picture(64, 48, 2).astype(int)
    if pixel_format == "gray":
        expected = np.repeat((expected @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1)
    assert np.abs(frames[2].rgb - expected).mean() < (30 if name == "a.gif" else 12)


def test_interlaced(make_clip) -> None:
    path = make_clip(
        "i.mpg", size=(64, 64), codec="mpeg2video", options={"flags": "+ildct+ilme", "qscale": "2"}
    )
    _, frames = read(path)
    assert np.abs(frames[1].rgb.astype(int) - picture(64, 64, 1)).mean() < 8


@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("full_range", [False, True])
def test_tagged_colours(make_clip, matrix, full_range) -> None:
    patches = [flat(64, 48, patch) for patch in PATCHES]
    path = make_clip(
        frames=patches, matrix=matrix, convert_as=1 if matrix == 1 else 5, full_range=full_range
    )
    source, frames = read(path)
    assert (source.colour.matrix, source.colour.full_range) == (matrix, full_range)
    for frame, patch in zip(frames, patches, strict=True):
        assert np.abs(frame.rgb.astype(int) - patch).max() <= 2


@pytest.mark.parametrize(("size", "convert_as"), [((64, 48), 5), ((16, 720), 1)])
def test_untagged_colours_go_by_the_height(make_clip, size, convert_as) -> None:
    patches = [flat(*size, patch) for patch in PATCHES]
    source, frames = read(make_clip(frames=patches, convert_as=convert_as))
    assert source.colour.matrix == 2 and not source.colour.full_range
    for frame, patch in zip(frames, patches, strict=True):
        assert np.abs(frame.rgb.astype(int) - patch).max() <= 2


def test_rgb_is_exact(make_clip) -> None:
    source, frames = read(make_clip("rgb.mkv", size=(63, 47), codec="ffv1", pixel_format="bgr0"))
    assert source.colour.matrix == 0 and source.colour.full_range
    assert np.array_equal(frames[4].rgb, picture(63, 47, 4))


def test_uneven_timestamps(make_clip) -> None:
    pts = [0, 3003, 6006, 10000, 10001, 20000, 21000, 25000]
    source, frames = read(make_clip(count=8, pts=pts, time_base=Fraction(1, 90000)))
    assert [frame.pts * source.time_base * 90000 for frame in frames] == pts
    assert [frame.duration for frame in frames[:-1]] == [
        later - earlier for earlier, later in itertools.pairwise(pts)
    ]


def test_first_timestamp_after_zero(make_clip) -> None:
    pts = [3003 * (index + 1) for index in range(5)]
    path = make_clip(
        pts=pts, time_base=Fraction(1, 90000), container_options={"movie_timescale": "90000"}
    )
    source, frames = read(path)
    assert frames[0].pts * source.time_base == Fraction(3003, 90000)


def test_edit_list_hides_frames(make_clip) -> None:
    pts = [-5000, -1000, 0, 3000, 6000]
    _, frames = read(make_clip(pts=pts, time_base=Fraction(1, 90000)))
    assert len(frames) < len(pts) and frames[0].pts >= 0


def test_missing_timestamps(make_clip) -> None:
    source, frames = read(make_clip("raw.h264", count=6))
    assert [frame.pts * source.time_base for frame in frames] == [
        Fraction(index, 25) for index in range(6)
    ]


def test_repeated_timestamps(make_clip) -> None:
    pts = [0, 90, 100, 101, 180, 3600]
    _source, frames = read(make_clip("vfr.mkv", count=6, pts=pts, time_base=Fraction(1, 90000)))
    # Matroska keeps milliseconds: 0 1 1 1 2 40
    assert [frame.pts for frame in frames] == [0, 1, 2, 3, 4, 40]
    assert all(frame.duration >= 1 for frame in frames)


@pytest.mark.parametrize("limit", [1, 3, 5, 99])
def test_max_frames(make_clip, limit) -> None:
    source, frames = read(make_clip(count=5), max_frames=limit)
    assert len(frames) == source.frame_count_hint == min(limit, 5)
    assert all(frame.duration * source.time_base == Fraction(1, 25) for frame in frames)


@pytest.mark.parametrize("rotation", [90, 180, -90])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rotation_is_reported_and_not_applied(make_clip, rotation, suffix) -> None:
    source, frames = read(make_clip(f"turned.{suffix}", rotation=rotation))
    assert (source.rotation - rotation) % 360 == 0
    assert frames[0].rgb.shape == (48, 64, 3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_mirrored_pictures_are_unmirrored(make_clip, rotation) -> None:
    """The tag says "turn, then mirror"; our pixels and rotation must lead to the same picture on
    the screen.
    """
    rgb = picture(64, 48)
    source, frames = read(
        make_clip(
            "m.mkv", [rgb], codec="ffv1", pixel_format="bgr0", rotation=rotation, mirrored=True
        )
    )
    shown = np.rot90(frames[0].rgb, (source.rotation // 90) % 4)
    assert np.array_equal(shown, np.fliplr(np.rot90(rgb, rotation // 90)))


@pytest.mark.parametrize(("orientation", "rotation"), [(1, 0), (3, 180), (6, -90), (8, 90)])
def test_rotation_of_photos(tmp_path, orientation, rotation) -> None:
    jpeg = cv2.imencode(".jpg", picture(64, 48))[1].tobytes()
    exif = (
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"
        + bytes([0, orientation])
        + bytes(6)
    )
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    source, frames = read(path)
    assert (source.rotation - rotation) % 360 == 0 and frames[0].rgb.shape == (48, 64, 3)


def test_sample_aspect_ratio(make_clip) -> None:
    assert read(make_clip(aspect=Fraction(12, 11)))[0].sample_aspect_ratio == Fraction(12, 11)
    assert read(make_clip("none.mp4"))[0].sample_aspect_ratio == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
@pytest.mark.parametrize("size", [(64, 48), (45, 31)])
def test_still_pictures(tmp_path, suffix, size) -> None:
    path = tmp_path / f"still picture: 100%d.{suffix}"
    expected = picture(*size)
    path.write_bytes(
        cv2.imencode(f".{suffix}", cv2.cvtColor(expected, cv2.COLOR_RGB2BGR))[1].tobytes()
    )
    source, frames = read(path)
    assert source.is_still and source.time_base == Fraction(1, 25) and source.frame_count_hint == 1
    assert [(frame.pts, frame.duration) for frame in frames] == [(0, 1)]
    assert np.abs(frames[0].rgb.astype(int) - expected).mean() < (4 if suffix == "jpg" else 0.01)


def test_grey_and_palette_stills(tmp_path) -> None:
    grey = np.tile(np.arange(0, 250, 5, dtype=np.uint8), (20, 1))
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert np.array_equal(read(tmp_path / "grey.png")[1][0].rgb[..., 1], grey)


def test_iteration_ends_when_closed(make_clip) -> None:
    source = VideoSource(make_clip())
    source.close()
    assert list(source) == []


@pytest.mark.parametrize("steps", [(3,), (0, 1, 2), (5,)])
def test_frames_after_those_skipped_are_what_they_are_without_skipping(make_clip, steps) -> None:
    path = make_clip(count=7)
    _, frames = read(path)
    with VideoSource(path) as source:
        assert [source.skip(count) for count in steps] == list(steps)
        found = list(source)
    assert [frame.pts for frame in found] == [frame.pts for frame in frames[sum(steps) :]]
    assert all(
        (frame.rgb == whole.rgb).all()
        for frame, whole in zip(found, frames[sum(steps) :], strict=True)
    )


def test_skipping_ends_with_the_video_or_max_frames(make_clip) -> None:
    path = make_clip(count=7)
    for limit, count in ((None, 7), (4, 4)):
        with VideoSource(path, max_frames=limit) as source:
            assert source.skip(2) == 2
            assert source.skip(100) == count - 2
            assert list(source) == [] and source.skip(1) == 0


def test_frames_skipped_are_not_converted(make_clip, monkeypatch) -> None:
    with VideoSource(make_clip(count=7)) as source:
        converted = []
        convert = FrameConverter.__call__
        monkeypatch.setattr(
            FrameConverter,
            "__call__",
            lambda self, frame: converted.append(frame.pts) or convert(self, frame),
        )
        source.skip(5)
        assert len(list(source)) == len(converted) == 2


def test_frames_that_were_given_are_not_kept(make_clip) -> None:
    """Nor those that keep each other, until Python looks for them."""
    count = 30
    gc.collect()
    gc.disable()
    try:
        with VideoSource(make_clip(count=count)) as source:
            assert sum(1 for _ in source) == count
            kept = [each for each in gc.get_objects() if isinstance(each, av.VideoFrame)]
    finally:
        gc.enable()
    assert len(kept) < 5
