"""The crop in a real browser: one part of every frame, file and side, at the mouse or locked."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow
FACTOR = 4


def seen(page, box: dict) -> np.ndarray:
    """(h, w, 3): what is on the screen there."""
    return cv2.imdecode(
        np.frombuffer(page.page.screenshot(clip=box), np.uint8), cv2.IMREAD_COLOR_RGB
    )


def point_at(page, cell: str, across: float, down: float) -> dict:
    """Move the mouse over a side of the page → where that side is."""
    box = page.page.locator(cell).bounding_box()
    page.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    return box


def expected(picture: np.ndarray, box: dict, across: float, down: float) -> np.ndarray:
    """The part of a picture that is to be seen in a box."""
    width, height = (FACTOR * round(box[side]) for side in ("width", "height"))
    large = cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
    left, top = round(across * width * (1 - 1 / FACTOR)), round(down * height * (1 - 1 / FACTOR))
    return large[top : top + round(box["height"]), left : left + round(box["width"])]


def is_near(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two pictures are one, but for messages at the edge and a pixel of rounding."""
    middle = np.s_[40:-60, 12:-12]
    return float(np.mean(np.abs(found[middle].astype(int) - wanted[middle]))) < 3


@pytest.fixture
def page(open_page, player):
    opened = open_page(player, hash="#frame=5", viewport={"width": 1280, "height": 800})
    opened.shows(5)
    return opened


def test_it_follows_the_mouse_and_stays_when_frames_change(page, decoded) -> None:
    box = point_at(page, "#cell-left", 0.25, 0.5)
    page.press("x")
    assert page.page.locator("#crop").input_value() == str(FACTOR)
    assert "× 4 at 24, 32" in page.page.locator("#tag-crop").inner_text()
    assert is_near(seen(page, box), expected(decoded[5], box, 0.25, 0.5))
    page.press(".")
    page.shows(6)
    assert is_near(seen(page, box), expected(decoded[6], box, 0.25, 0.5))
    point_at(page, "#cell-left", 0.75, 0.25)
    assert is_near(seen(page, box), expected(decoded[6], box, 0.75, 0.25))
    page.press("x")
    assert page.page.locator("#tag-crop").inner_text() == ""
    assert page.page.locator("#picture").bounding_box() == box


def test_it_is_locked_to_a_point(page, decoded) -> None:
    box = point_at(page, "#cell-left", 0.5, 0.5)
    page.press("X")
    assert "locked" in page.page.locator("#tag-crop").inner_text()
    point_at(page, "#cell-left", 0.9, 0.9)
    assert is_near(seen(page, box), expected(decoded[5], box, 0.5, 0.5))
    page.press(".")
    page.shows(6)
    assert is_near(seen(page, box), expected(decoded[6], box, 0.5, 0.5))
    page.press("X")
    point_at(page, "#cell-left", 0.8, 0.9)
    assert is_near(seen(page, box), expected(decoded[6], box, 0.8, 0.9))


def test_both_sides_show_the_same_part(page, decoded, originals) -> None:
    page.choose("view", "side")
    page.shows(5, "compared")
    point_at(page, "#cell-right", 0.6, 0.4)
    page.choose("crop", str(FACTOR))
    for cell, pictures in (("#cell-left", decoded), ("#cell-right", originals)):
        box = page.page.locator(cell).bounding_box()
        assert is_near(seen(page, box), expected(pictures[5], box, 0.6, 0.4))


def test_the_flip_keeps_it(page, decoded, originals) -> None:
    box = point_at(page, "#cell-left", 0.3, 0.7)
    page.press("X", "a")
    page.shows(5, "compared")
    assert is_near(seen(page, box), expected(originals[5], box, 0.3, 0.7))
    page.press("a")
    assert is_near(seen(page, box), expected(decoded[5], box, 0.3, 0.7))
