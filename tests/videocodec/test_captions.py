"""Words: read from what users give, kept in the file, told by ``info``, kept by ``repair``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from bitstream.container import Caption, StreamReader, captions_box
from videocodec import VideoReader, encode, info
from videocodec.captions import captions_of, check_share_of_gops
from videocodec.cli import main
from videocodec.errors import InputError, SettingsError
from videocodec.inspection.repair import repair

WORDS = "a camera over grey clouds"


def test_one_text_is_for_the_whole_video() -> None:
    assert captions_of(WORDS, None) == (Caption(Fraction(0), WORDS),)
    assert captions_of(None, None) == ()


def test_a_file_has_a_line_with_a_time_for_each(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# times\n\n0 a dog\n1:02.5   it shakes  \n1:00:00 night ☾\n", "utf-8")
    assert captions_of(None, file) == (
        Caption(Fraction(0), "a dog"),
        Caption(Fraction(125, 2), "it shakes"),
        Caption(Fraction(3600), "night ☾"),
    )


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("a dog", "line 1 must be a time and words"),
        ("0 a\n0 b", "one after another"),
        ("0 " + "x" * 1025, "1 to 1024 bytes"),
        ("1:60 a", "line 1 has a time with 60 minutes or seconds or more"),
        ("1:60:00 a", "line 1 has a time with 60 minutes or seconds or more"),
        ("# nothing\n\n", "no caption in it"),
    ],
)
def test_what_is_no_caption_is_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text(lines)
    with pytest.raises(SettingsError, match=complaint) as caught:
        captions_of(None, file)
    assert str(caught.value).startswith(f"{file}: ")


def test_files_that_cannot_be_read_and_both_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"0 \xe4")
    for name, reason in (("none", "no such file"), (".", "is a folder"), ("latin", "no UTF-8")):
        with pytest.raises(InputError, match=reason):
            captions_of(None, tmp_path / name)
    with pytest.raises(SettingsError, match="give one"):
        captions_of("a", tmp_path / "none")
    with pytest.raises(SettingsError, match="a caption is text, got bytes"):
        captions_of(b"a", None)


def test_a_group_of_pictures_has_a_kilobyte() -> None:
    captions = [Caption(Fraction(second), "x" * 300) for second in range(9)]
    check_share_of_gops(captions, Fraction(3))
    with pytest.raises(SettingsError, match="up to 3 s take 1200 bytes within 4 s"):
        check_share_of_gops(captions, Fraction(4))


@pytest.fixture(scope="module")
def captioned(panned, write_movie, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file with words, and the same without."""
    folder = tmp_path_factory.mktemp("words")
    movie = write_movie(folder / "a.mp4", panned(3, 32, 48, (1, 1)))
    options = {"crf": 50, "preset": "ultrafast", "device": "cpu", "model": "embedded"}
    report = encode(movie, folder / "a.lv.mp4", caption=WORDS, **options)
    plain = encode(movie, folder / "b.lv.mp4", **options)
    taken = len(captions_box([Caption(Fraction(0), WORDS)]))
    assert report.video_bytes == plain.video_bytes + taken
    assert report.container_bytes == plain.container_bytes + taken
    assert [line for line in report.warnings if "takes no words" in line]
    assert not plain.warnings
    return folder / "a.lv.mp4", folder / "b.lv.mp4"


def test_words_after_the_end_are_said_to_be_never_shown(
    panned, write_movie, tmp_path: Path
) -> None:
    movie = write_movie(tmp_path / "a.mp4", panned(3, 32, 48, (1, 1)))
    file = tmp_path / "words.txt"
    options = {"crf": 50, "preset": "ultrafast", "device": "cpu", "model": "embedded"}
    for times, late in (("0 a\n0.1 b\n", False), ("0 a\n0.12 b\n1 c\n", True)):
        file.write_text(times)
        report = encode(movie, tmp_path / "a.lv.mp4", caption_file=file, overwrite=True, **options)
        found = [line for line in report.warnings if "never shown" in line]
        assert bool(found) == late
    assert found == ["captions from 0.12 s on are never shown: the video ends at 0.12 s"]


def test_the_video_is_the_same(captioned: tuple[Path, Path]) -> None:
    words, plain = (list(StreamReader(path).units()) for path in captioned)
    assert words == plain


def test_info_and_readers_tell_them(
    captioned: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found, plain = (info(path, headers_only=True) for path in captioned)
    assert found.to_dict()["captions"] == [{"begin_seconds": 0.0, "text": WORDS}]
    assert found.captions_bytes == found.video_bytes - plain.video_bytes > len(WORDS)
    assert plain.captions == [] and plain.captions_damage is None
    with VideoReader(captioned[0]) as video:
        assert video.metadata.captions == ((0.0, WORDS),)
        assert video.metadata.caption_at(0.04) == WORDS
        assert video.metadata.caption_at(-1) is None
        assert video.metadata.video_bytes == found.video_bytes
    assert main(["info", str(captioned[0]), "--headers-only"]) == 0
    assert f"words     {WORDS} (" in capsys.readouterr().out
    assert main(["info", str(captioned[1]), "--headers-only"]) == 0
    assert "words  " not in capsys.readouterr().out


def test_damaged_words_are_told_and_do_no_harm(
    captioned: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.lv.mp4"
    damaged.write_bytes(captioned[0].read_bytes().replace(b"clouds", b"cl\x07uds"))
    found = info(damaged)
    assert found.captions == [] and "on one line" in str(found.captions_damage)
    assert found.damage is None and found.frames == 3
    assert main(["info", str(damaged)]) == 0
    assert "on one line" in capsys.readouterr().err


def test_repair_keeps_them(captioned: tuple[Path, Path], tmp_path: Path) -> None:
    repair(captioned[0], tmp_path / "whole.lv.mp4")
    assert StreamReader(tmp_path / "whole.lv.mp4").captions() == (Caption(Fraction(0), WORDS),)


def test_too_many_words_are_refused_before_any_work(panned, write_movie, tmp_path: Path) -> None:
    movie = write_movie(tmp_path / "a.mp4", panned(3, 32, 48, (1, 1)))
    file = tmp_path / "words.txt"
    file.write_text("".join(f"{second} {'x' * 600}\n" for second in range(2)))
    with pytest.raises(SettingsError, match="shorten them"):
        encode(movie, tmp_path / "a.lv.mp4", caption_file=file, device="cpu")
    assert not (tmp_path / "a.lv.mp4").exists()
