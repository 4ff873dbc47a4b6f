"""Words that go with a video: read from what users give, and within what a stream may carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bitstream.container import Caption, captions_box
from bitstream.errors import CaptionsError

from .errors import InputError, SettingsError

MOST_BYTES_OF_A_GOP = 1024  # of text
_MOST_FILE_BYTES = 1 << 22
_LINE = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d{1,6})?)\s+(.*\S)\s*")
_SIXTY = 60


def captions_of(text: str | None, file: str | Path | None) -> tuple[Caption, ...]:
    """Captions from one text for the whole video, or from a file of lines such as ``1:02.5 a dog``:
    hours and minutes may be left out, and empty lines and those that begin with # say nothing.

    Raises ``SettingsError`` for both at once, for texts that no stream carries and lines that are
    none, ``InputError`` for a file that cannot be read.
    """
    if text is not None and file is not None:
        raise SettingsError("caption and caption_file exclude each other: give one")
    if text is not None and not isinstance(text, str):
        raise SettingsError(f"a caption is text, got {type(text).__name__}")
    try:
        if text is not None:
            return (Caption(Fraction(0), text),)
        captions = () if file is None else tuple(_lines_of(Path(file)))
        captions_box(captions)
    except CaptionsError as error:
        place = "" if file is None else f"{file}: "
        raise SettingsError(f"{place}{error}") from error
    return captions


def check_share_of_gops(captions: Sequence[Caption], gop_seconds: Fraction) -> None:
    """Raise ``SettingsError`` where captions that begin within ``gop_seconds``, the longest that a
    group of pictures lasts, take more than a kilobyte together.
    """
    first, taken = 0, 0
    for caption in captions:
        taken += len(caption.text.encode())
        while captions[first].begin <= caption.begin - gop_seconds:
            taken -= len(captions[first].text.encode())
            first += 1
        if taken > MOST_BYTES_OF_A_GOP:
            raise SettingsError(
                f"captions up to {float(caption.begin):g} s take {taken} bytes within"
                f" {float(gop_seconds):g} s, the longest that a group of pictures lasts here, and"
                f" {MOST_BYTES_OF_A_GOP} are allowed: shorten them"
            )


def _lines_of(file: Path) -> list[Caption]:
    try:
        if not file.is_file():
            raise InputError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
        with file.open("rb") as opened:
            lines = opened.read(_MOST_FILE_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise InputError(f"{file}: captions cannot be read ({reason})") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise SettingsError(
                f"{file}: line {number} must be a time and words, as in 1:02.5 a dog, is"
                f" {line[:40]!r}"
            )
        hours, minutes, seconds = (Fraction(part or 0) for part in match.groups()[:3])
        if (match[1] and minutes >= _SIXTY) or (match[2] and seconds >= _SIXTY):
            raise SettingsError(
                f"{file}: line {number} has a time with 60 minutes or seconds or more, is"
                f" {line[:40]!r}"
            )
        found.append(Caption(3600 * hours + 60 * minutes + seconds, match[4]))
    if not found:
        raise SettingsError(f"{file}: no caption in it: lines are like 1:02.5 a dog")
    return found
