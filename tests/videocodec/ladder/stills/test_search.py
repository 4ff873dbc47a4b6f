"""The finest setting within a target."""

from __future__ import annotations

import pytest

from videocodec.ladder.stills.search import finest_within


@pytest.mark.parametrize(
    ("most", "expected"), [(99, None), (100, 0), (109, 0), (250, 15), (289, 18), (10_000, 19)]
)
def test_it_is_the_last_that_fits(most: int, expected: int | None) -> None:
    assert finest_within(lambda place: 100 + 10 * place, 20, most) == expected


def test_few_settings_are_tried() -> None:
    tried = []

    def taken(place: int) -> int:
        tried.append(place)
        return place

    assert finest_within(taken, 101, 37) == 37
    assert len(tried) <= 9


def test_one_setting_is_enough() -> None:
    assert finest_within(lambda place: 5, 1, 5) == 0
