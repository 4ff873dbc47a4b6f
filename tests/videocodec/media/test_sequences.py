"""Pictures as the frames of a video: patterns, folders, globs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from videocodec.errors import InputError, SettingsError, UnsupportedInputError
from videocodec.media.options import SourceOptions, rate_of
from videocodec.media.seeking import SeekingSource
from videocodec.media.sequences import picture_files
from videocodec.media.source import VideoSource

from .conftest import flat, picture

LENIENT = SourceOptions(strict=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "frames").mkdir()
    return tmp_path / "frames"


def save(folder: Path, *names: str, size: tuple[int, int] = (32, 16)) -> None:
    """Each of another grey: ten times its number in the order given."""
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), flat(*size, (10 * number,) * 3))


def names(path: Path) -> list[str]:
    files = picture_files(path)
    assert files is not None
    return [file.name for file in files]


@pytest.mark.parametrize("name", ["%03d.png", "", "*.png", "[0-9]*.png"])
def test_pictures_are_frames_one_a_tick(folder, name) -> None:
    save(folder, "007.png", "008.png", "009.png", "010.png")
    options = SourceOptions(fps=Fraction(24000, 1001))
    with VideoSource(folder / name, options=options) as source:
        assert (source.width, source.height, source.is_still) == (32, 16, False)
        assert source.frame_rate == Fraction(24000, 1001)
        assert source.time_base == Fraction(1001, 24000)
        assert source.frame_count_hint == 4
        frames = list(source)
    assert [(frame.pts, frame.duration) for frame in frames] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert [int(frame.rgb.mean()) for frame in frames] == [0, 10, 20, 30]


def test_without_a_rate_there_are_25_frames_a_second(folder) -> None:
    save(folder, "1.png")
    with VideoSource(folder) as source:
        assert source.frame_rate == 25


def test_numbers_in_names_are_sorted_by_their_value(folder) -> None:
    save(folder, "a10.png", "a9.png", "a11.png")
    assert names(folder) == names(folder / "a%d.png") == ["a9.png", "a10.png", "a11.png"]


@pytest.mark.parametrize("name", ["%d.png", ""])
def test_a_missing_number_is_named(folder, name) -> None:
    save(folder, "1.png", "2.png", "5.png")
    with pytest.raises(InputError, match=r"between 2\.png and 5\.png \(number 3 to 4\)"):
        VideoSource(folder / name)
    assert names(folder / "*.png") == ["1.png", "2.png", "5.png"]


def test_what_names_no_pictures_is_one_error(folder) -> None:
    with pytest.raises(InputError, match="without pictures"):
        VideoSource(folder)
    for name, reason in (("%d.png", "no picture"), ("*.png", "no file"), ("%d-%d.png", "one num")):
        with pytest.raises(InputError, match=reason):
            VideoSource(folder / name)
    save(folder, "1.png", "01.png", "2.jpg")
    with pytest.raises(InputError, match=r"several kinds \(\.jpg, \.png\)"):
        VideoSource(folder)
    (folder / "2.jpg").unlink()
    with pytest.raises(InputError, match="the same number"):
        VideoSource(folder)


def test_a_name_with_marks_of_a_pattern_that_is_there_is_a_file(folder) -> None:
    save(folder, "%d.png", "[1].png")
    assert picture_files(folder / "%d.png") is picture_files(folder / "[1].png") is None


def test_pictures_of_another_size_are_named_before_they_are_decoded(folder) -> None:
    save(folder, "1.png", "2.png")
    save(folder, "3.png", size=(16, 16))
    with VideoSource(folder) as source, pytest.raises(InputError) as raised:
        source.sequence.check_sizes()
    assert "1.png has 32×16, 3.png has 16×16" in str(raised.value)


def test_a_picture_that_cannot_be_read_is_left_out_with_a_line(folder) -> None:
    save(folder, "1.png", "2.png", "3.png")
    (folder / "2.png").write_bytes(b"nothing")
    with VideoSource(folder) as source, pytest.raises(InputError, match=r"2\.png"):
        list(source)
    with VideoSource(folder, options=LENIENT) as source:
        assert [frame.pts for frame in source] == [0, 2]
        (line,) = source.losses
    assert line.endswith("left out") and "2.png" in line


def test_other_kinds_of_files_among_the_pictures_are_refused(folder, make_clip: Callable) -> None:
    save(folder, "1.png", "2.jpg")
    with (
        VideoSource(folder / "*", options=LENIENT) as source,
        pytest.raises(UnsupportedInputError, match="another kind"),
    ):
        list(source)
    (folder / "2.jpg").unlink()
    make_clip("clip.mp4").rename(folder / "2.mp4")
    with (
        VideoSource(folder / "*", options=LENIENT) as source,
        pytest.raises(UnsupportedInputError, match="a video among pictures"),
    ):
        list(source)


def test_alpha_of_a_later_picture_is_refused_or_flattened(folder) -> None:
    save(folder, "1.png")
    rgba = np.dstack([picture(32, 16), np.zeros((16, 32), np.uint8)])
    cv2.imwrite(str(folder / "2.png"), rgba)
    with VideoSource(folder) as source, pytest.raises(UnsupportedInputError, match="alpha"):
        list(source)
    with VideoSource(folder, options=SourceOptions(background=(1, 2, 3))) as source:
        *_, last = source
    assert (last.rgb == (1, 2, 3)).all()


def test_a_sequence_can_be_sought_in(folder) -> None:
    save(folder, *(f"{number}.png" for number in range(8)))
    with SeekingSource(folder, max_frames=7) as source:
        assert source.seek(5, 5)
        assert [(frame.pts, int(frame.rgb.mean())) for frame in source] == [(5, 50), (6, 60)]


def test_a_rate_for_one_file_is_refused(make_clip) -> None:
    with pytest.raises(SettingsError, match="sequences of pictures"):
        VideoSource(make_clip("a.mp4"), options=SourceOptions(fps=Fraction(24)))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", 25),
        ("12.5", Fraction(25, 2)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("0.25", Fraction(1, 4)),
    ],
)
def test_rates_in_words(text, rate) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["0", "-1", "x", "1/0", "1e9", "nan", "1/20000"])
def test_what_is_no_rate(text) -> None:
    with pytest.raises(SettingsError, match="frames per second"):
        rate_of(text)


def test_options_come_back_from_json() -> None:
    options = SourceOptions(False, True, (1, 2, 3), True, Fraction(24000, 1001))
    assert SourceOptions.from_json(options.to_json()) == options
    assert SourceOptions.from_json(LENIENT.to_json()) == LENIENT
