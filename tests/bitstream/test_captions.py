"""Captions in a file: their box, what it refuses, and that nothing else of the file is touched."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from bitstream.container import Caption, StreamReader, StreamWriter, caption_at, captions_box
from bitstream.container.captions import MAX_BOX_BYTES, MAX_CAPTIONS, parse_captions
from bitstream.errors import CaptionsError

CAPTIONS = (
    Caption(Fraction(0), "a street in the rain"),
    Caption(Fraction(7, 2), "die gleiche Straße, sonnig ☀"),
)


def test_what_is_written_is_read() -> None:
    box = captions_box(CAPTIONS)
    assert int.from_bytes(box[:4], "big") == len(box) and box[4:8] == b"lvwd"
    assert parse_captions(box[8:]) == CAPTIONS
    assert captions_box(()) == b""


def test_the_content_is_as_the_specification_has_it() -> None:
    box = captions_box([Caption(Fraction(-3, 2), "ab")])
    assert box[8:] == bytes.fromhex("01 0001") + (-1_500_000).to_bytes(8, "big", signed=True) + (
        b"\0\x02ab"
    )


def test_no_program_takes_the_content_for_boxes() -> None:
    """The first byte makes a box of 2^24 bytes of it, which is more than there may be."""
    assert int.from_bytes(captions_box(CAPTIONS)[8:12], "big") > MAX_BOX_BYTES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, None), (0, CAPTIONS[0].text), (3.49, CAPTIONS[0].text), (9, CAPTIONS[1].text)],
)
def test_a_caption_holds_until_the_next(seconds: float, text: str | None) -> None:
    assert caption_at(CAPTIONS, seconds) == text


@pytest.mark.parametrize("text", ["", "x" * 1025, "two\nlines", "\x1b[2J", "ä" * 513, "\udc80"])
def test_a_caption_is_a_line_of_at_most_a_kilobyte(text: str) -> None:
    with pytest.raises(CaptionsError, match="on one line"):
        Caption(Fraction(0), text)


def test_captions_that_a_file_does_not_hold_are_refused() -> None:
    with pytest.raises(CaptionsError, match="one after another"):
        captions_box([CAPTIONS[1], CAPTIONS[0]])
    with pytest.raises(CaptionsError, match="at most 4096"):
        captions_box([Caption(Fraction(i), "x") for i in range(MAX_CAPTIONS + 1)])
    with pytest.raises(CaptionsError, match="at most 1048576"):
        captions_box([Caption(Fraction(i), "x" * 1024) for i in range(1024)])


def damaged(content: bytes) -> list[bytes]:
    """Contents of a box that nobody writes."""
    return [
        content[:-1],
        content + b"\0",
        b"\x02" + content[1:],
        b"\x01\x00\x00",
        content[:3] + content[3:][::-1],
        content.replace(b"rain", b"ra\x00n"),
        content.replace(b"rain", b"ra\xffn"),
        b"",
    ]


def test_damaged_ones_are_refused() -> None:
    for content in damaged(captions_box(CAPTIONS)[8:]):
        with pytest.raises((CaptionsError, IndexError)) as caught:
            parse_captions(content)
        assert caught.type is CaptionsError
    swapped = captions_box([Caption(Fraction(1), "a")])[11:] + captions_box([CAPTIONS[0]])[11:]
    with pytest.raises(CaptionsError, match="order of their times"):
        parse_captions(b"\x01\x00\x02" + swapped)


@pytest.fixture
def captioned(make_units: Callable[..., list], tmp_path: Path) -> Callable[..., Path]:
    """captioned(captions) → a small file with them."""

    def write(captions: tuple[Caption, ...]) -> Path:
        path = tmp_path / f"{len(captions)}.lv.mp4"
        with StreamWriter(path, Fraction(1, 25)) as writer:
            for unit in make_units():
                writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
            writer.attach_captions(captions)
            writer.commit()
        return path

    return write


def test_a_file_is_the_same_but_for_the_box_at_its_end(captioned: Callable[..., Path]) -> None:
    with_words, without = captioned(CAPTIONS), captioned(())
    assert with_words.read_bytes() == without.read_bytes() + captions_box(CAPTIONS)
    with StreamReader(with_words) as found, StreamReader(without) as plain:
        assert found.captions() == CAPTIONS and plain.captions() == ()
        assert found.captions_bytes == len(captions_box(CAPTIONS)) and plain.captions_bytes == 0
        assert found.container_bytes == plain.container_bytes + found.captions_bytes
        assert list(found.units()) == list(plain.units())


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_file_cut_inside_of_them_is_the_same_video(
    captioned: Callable[..., Path], cut: int
) -> None:
    path = captioned(CAPTIONS)
    units = list(StreamReader(path).units())
    path.write_bytes(path.read_bytes()[:-cut])
    reader = StreamReader(path)
    assert list(reader.units()) == units
    with pytest.raises(CaptionsError):
        reader.captions()
