"""Faces and text are found where they are."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from videocodec.ladder.sheets import regions as module
from videocodec.ladder.sheets.regions import Region, busiest, clamped, faces, regions, text

needs_skimage = pytest.mark.skipif(
    module.why_no_faces() is not None, reason="needs the package scikit-image"
)


@needs_skimage
class TestFaces:
    @pytest.mark.parametrize(("across", "down", "radius"), [(96, 72, 40), (60, 60, 28)])
    def test_a_drawn_face_is_found_in_its_place(
        self, portrait: Callable, across: int, down: int, radius: int
    ) -> None:
        (face,) = faces(portrait(across, down, radius))
        assert np.hypot(face.centre[0] - across, face.centre[1] - down) < radius / 2
        assert radius < face.width < 2.6 * radius

    def test_the_largest_comes_first(self, portrait: Callable) -> None:
        both = np.hstack([portrait(radius=28), portrait(radius=45)])
        large, small = faces(both)
        assert large.width > small.width
        assert large.x > 192 > small.x

    def test_what_has_no_colour_of_skin_is_no_face(self, portrait: Callable) -> None:
        assert faces(portrait(skin=(120, 200, 140))) == []

    def test_a_picture_without_colours_may_have_faces(self, portrait: Callable) -> None:
        gray = cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY)
        assert len(faces(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB))) == 1

    def test_without_the_package_none_are_looked_for_and_it_says_so(
        self, portrait: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "find_spec", lambda name: None)
        assert "scikit-image is not installed" in module.why_no_faces()
        assert faces(portrait()) == []


class TestText:
    def test_a_row_of_letters_is_found_in_its_place(self, written: Callable) -> None:
        first = text(written("CODEC"))[0]
        assert (first.x, first.y) == pytest.approx((41, 68), abs=4)
        assert first.width == pytest.approx(60, abs=12)
        assert first.height == pytest.approx(12, abs=4)

    def test_two_letters_are_no_row(self, written: Callable) -> None:
        assert text(written("NO")) == []

    def test_plain_ground_has_none(self) -> None:
        assert text(np.full((144, 192, 3), 90, np.uint8)) == []


class TestRegions:
    @needs_skimage
    def test_faces_and_text_are_shown_both(self, portrait: Callable, written: Callable) -> None:
        found = regions(np.vstack([portrait(), written("CODEC")]), 80, 60)
        assert [one.kind for one in found] == ["face", "text"]

    def test_else_the_busiest_place(self) -> None:
        picture = np.full((144, 192, 3), 90, np.uint8)
        rng = np.random.default_rng(3)
        picture[100:120, 130:150] = rng.integers(0, 255, (20, 20, 1))
        (found,) = regions(picture, 40, 30)
        assert found.kind == "busiest place"
        assert found.x <= 130 < 150 <= found.x + 40
        assert found.y <= 100 < 120 <= found.y + 30

    def test_a_window_is_never_larger_than_the_picture(self) -> None:
        assert busiest(np.zeros((20, 30, 3), np.uint8), 80, 60) == Region(
            "busiest place", 0, 0, 30, 20
        )

    @pytest.mark.parametrize(
        ("x", "y", "corner"), [(0, 0, (0, 0)), (90, 70, (75, 60)), (180, 130, (112, 84))]
    )
    def test_a_window_around_a_region_stays_inside(
        self, x: int, y: int, corner: tuple[int, int]
    ) -> None:
        assert clamped(Region("face", x, y, 50, 40), 80, 60, (144, 192)) == corner
