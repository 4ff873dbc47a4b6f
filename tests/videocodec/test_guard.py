"""The guard's promise as text: limits, and the map in a file's comment."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from videocodec.errors import SettingsError
from videocodec.guard import GuardLimit, GuardMap, UnheldSquares, square_grid

LIMIT = GuardLimit("psnr", 28.0)


@pytest.mark.parametrize("text", ["ssim=0.9", "psnr=28", "psnr=31.5", "ssim=1"])
def test_limits_are_written_as_they_are_read(text: str) -> None:
    assert str(GuardLimit.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "ssim", "ssim=", "ssim=1.1", "ssim=0", "psnr=-3", "psnr=nan", "vmaf=90", "=3"]
)
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="a guard is ssim=0.9"):
        GuardLimit.parse(text)


def some_map() -> GuardMap:
    unheld = np.zeros((3, *square_grid(65, 200)), dtype=bool)
    unheld[1, 0, 3] = unheld[1, 1, 0] = unheld[2, 1, 2] = True
    return GuardMap(LIMIT, unheld)


def test_a_comment_brings_the_map_back() -> None:
    comment = f"A line before.\n{some_map().as_comment()}\nAnd one after."
    found = GuardMap.from_comment(comment, 3, 65, 200)
    assert found is not None and found.limit == LIMIT
    assert np.array_equal(found.unheld, some_map().unheld)
    held = GuardMap(LIMIT, np.zeros((3, 2, 4), dtype=bool))
    assert held.as_comment() == "Guard: psnr=28 in every square of 64 px; all hold"
    found = GuardMap.from_comment(held.as_comment(), 3, 65, 200)
    assert found is not None and not found.unheld.any() and found.unheld.shape == (3, 2, 4)


def bomb() -> str:
    packed = base64.b64encode(zlib.compress(bytes(1 << 20))).decode()
    return f"Guard: psnr=28 in every square of 64 px; 1 of 24 do not: {packed}"


@pytest.mark.parametrize(
    "comment",
    ["", "Guard: of honour", some_map().as_comment()[:-8], bomb()],
    ids=["nothing", "another guard", "cut short", "too long"],
)
def test_comments_that_hold_no_map_of_the_file(comment: str) -> None:
    assert GuardMap.from_comment(comment, 3, 65, 200) is None
    assert GuardMap.from_comment(some_map().as_comment(), 30, 65, 200) is None


def test_findings_list_the_squares_of_every_frame() -> None:
    found = some_map().findings()
    assert (found.squares, found.unheld, found.rows, found.columns) == (24, 3, 2, 4)
    assert found.frames == [UnheldSquares(1, [(0, 3), (1, 0)]), UnheldSquares(2, [(1, 2)])]
    assert found.sentence == (
        "psnr=28 holds in 21 of 24 squares of 64 px; not in 3, which are in 2 frames"
    )
