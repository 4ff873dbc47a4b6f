"""Checks of arguments: what passes, and what the errors say."""

from __future__ import annotations

import pytest

from videocodec.checks import check_number, check_whole_number


@pytest.mark.parametrize("value", [1, 7, 63])
def test_whole_numbers_in_range_pass(value: int) -> None:
    check_whole_number("crf", value, 1, 63)
    check_whole_number("jobs", value, 1)


@pytest.mark.parametrize("value", [0, 64, True, 5.0, "5", None])
def test_anything_else_is_no_whole_number_in_range(value: object) -> None:
    with pytest.raises(ValueError, match=r"crf must be a whole number 1\.\.63, got"):
        check_whole_number("crf", value, 1, 63)


def test_without_an_upper_end_the_error_names_the_lower_one() -> None:
    with pytest.raises(ValueError, match="jobs must be a whole number of at least 1, got 0"):
        check_whole_number("jobs", 0, 1)


@pytest.mark.parametrize("value", [0, 0.5, True, "5", None, float("inf"), float("nan")])
def test_numbers_are_finite_and_large_enough(value: object) -> None:
    check_number("bitrate", 1, 1)
    check_number("bitrate", 40000.5, 1)
    with pytest.raises(ValueError, match="bitrate must be a number of at least 1, got"):
        check_number("bitrate", value, 1)
