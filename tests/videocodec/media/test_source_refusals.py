"""VideoSource refuses what it cannot keep or read, in one line that names it."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import PIL.Image
import pytest

from videocodec.errors import InputError, UnsupportedInputError
from videocodec.media.options import SourceOptions
from videocodec.media.source import VideoSource

from .conftest import add_silence, picture, read


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.mov", "png", "rgba"), ("a.mkv", "ffv1", "yuva420p"), ("a.webm", "libvpx-vp9", "yuva420p")],
)
def test_alpha_is_refused_by_name(make_clip, name, codec, pixel_format) -> None:
    rgba = np.dstack([picture(64, 48), np.full((48, 64), 128, np.uint8)])
    with pytest.raises(UnsupportedInputError, match=f"{name} .*alpha.*flatten"):
        VideoSource(make_clip(name, [rgba] * 3, codec=codec, pixel_format=pixel_format))


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_transparent_stills_are_refused(tmp_path, suffix) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.dstack([picture(32, 32), np.full((32, 32), 128, np.uint8)]))
    with pytest.raises(UnsupportedInputError, match="alpha|transparent"):
        read(path)


def test_an_animated_webp_is_called_one(tmp_path) -> None:
    encoded = cv2.imencode(".webp", picture(32, 32), [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    frame = bytes(6) + bytes([31, 0, 0, 31, 0, 0]) + bytes([40, 0, 0, 0]) + encoded[12:]
    chunks = b"".join(
        kind + len(data).to_bytes(4, "little") + data
        for kind, data in (
            (b"VP8X", bytes([2, 0, 0, 0, 31, 0, 0, 31, 0, 0])),
            (b"ANIM", bytes(6)),
            (b"ANMF", frame),
            (b"ANMF", frame),
        )
    )
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks)
    with pytest.raises(
        InputError, match="a.webp: it is an animated WebP, which the installed PyAV"
    ):
        VideoSource(path)


def test_a_jpeg_of_four_inks_is_called_one(tmp_path) -> None:
    """It may be given as RGB with alpha, which JPEG does not have."""
    path = tmp_path / "a.jpg"
    PIL.Image.new("CMYK", (32, 32), (10, 200, 30, 0)).save(path)
    for options in (SourceOptions(), SourceOptions(background=(0, 0, 0))):
        with pytest.raises(UnsupportedInputError, match="a.jpg is a picture for print"):
            VideoSource(path, options=options)


def test_unreadable_matrix_is_refused(make_clip) -> None:
    with pytest.raises(UnsupportedInputError, match="YCgCo"):
        VideoSource(make_clip(matrix=8, pixel_format="yuv444p"))


def test_missing_directory_empty_and_text(tmp_path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "note.txt").write_text("hello\n" * 100)
    (tmp_path / "note.mp4").write_text("hello\n" * 100)
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(1).bytes(9000))
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    expected = {
        "nothing.mp4": "no such file",
        "": "directory",
        "empty.mp4": "empty",
        "note.txt": "text file",
        "note.mp4": "not a video",
        "noise.mkv": "not a video",
        "words.srt": "no video stream",
    }
    for name, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            VideoSource(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_sound_alone(tmp_path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        add_silence(container, 0.5)()
    with pytest.raises(InputError, match="no video stream .found: audio"):
        VideoSource(path)


def test_data_track_alone_says_what_it_is(tmp_path) -> None:
    path = tmp_path / "latents.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_data_stream("bin_data")
        packet = av.Packet(b"x" * 100)
        packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = (
            stream,
            0,
            0,
            1,
            Fraction(1, 25),
        )
        container.mux(packet)
    with pytest.raises(InputError, match="decoded, not encoded"):
        VideoSource(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi", "a.jpg", "a.png"])
@pytest.mark.parametrize("part", [0.3, 0.8])
def test_truncated(make_clip, tmp_path, name, part) -> None:
    if name[-3:] in ("jpg", "png"):
        path = tmp_path / name
        cv2.imwrite(str(path), picture(64, 48))
    else:
        path = make_clip(name, count=30, codec="libvpx-vp9" if name == "a.webm" else "libx264")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match="damaged|cut short"):
        read(path)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.avi", "mjpeg", {}),
        ("a.y4m", "wrapped_avframe", {}),
        ("a.mp4", "libx264", {"movflags": "empty_moov+default_base_moof+frag_keyframe"}),
    ],
)
def test_truncated_where_every_frame_before_the_cut_is_whole(
    make_clip, name, codec, options
) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = make_clip(
        name, count=30, codec=codec, pixel_format=pixel_format, container_options=options
    )
    assert len(read(path)[1]) == 30
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match="cut short"):
        VideoSource(path)


@pytest.mark.parametrize("part", [0.4, 0.99])
def test_truncated_with_the_index_in_front(make_clip, part) -> None:
    path = make_clip(count=30, container_options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match="cut short"):
        VideoSource(path)


def test_damage_in_the_middle_names_the_frame(make_clip) -> None:
    path = make_clip("a.mov", count=10, codec="png", pixel_format="rgb24")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        entry = container.streams.video[0].index_entries[6]
    data[entry.pos : entry.pos + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged after frame \d"):
        read(path)


def test_recording_that_begins_between_keyframes(make_clip) -> None:
    path = make_clip("a.ts", count=40, options={"g": "10", "bf": "0", "preset": "ultrafast"})
    data = path.read_bytes()
    path.write_bytes(data[188 * 12 :])
    assert 0 < len(read(path)[1]) <= 40


def test_frame_size_change(make_clip, tmp_path) -> None:
    parts = [
        make_clip(f"{size[0]}.mpg", size=size, count=10, codec="mpeg2video")
        for size in ((64, 48), (32, 32))
    ]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match="frame size changes from 64×48 to 32×32"):
        read(path)
