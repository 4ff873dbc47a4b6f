"""Pictures as they are read for the ladder of stills."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from videocodec.errors import InputError
from videocodec.ladder.stills.pictures import read_pictures


def test_what_is_transparent_becomes_black_and_that_is_said(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (32, 24), (255, 0, 0, 0))
    picture.paste((0, 255, 0, 255), (0, 0, 16, 24))
    picture.save(tmp_path / "half.png")
    read = read_pictures([tmp_path / "half.png"])[0]
    assert read.rgb[5, 20].tolist() == [0, 0, 0] and read.rgb[5, 5].tolist() == [0, 255, 0]
    assert any("#000000" in note for note in read.notes)


def test_what_is_too_small_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (3, 500)).save(tmp_path / "thin.png")
    with pytest.raises(InputError, match="thin.png is 3x500: a ladder needs 16 px a side"):
        read_pictures([tmp_path / "thin.png"])
