"""Amounts and shares, as they are read and told."""

from __future__ import annotations

import argparse

import pytest

from videocodec.cli.common import amount, percent


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("40000", 40_000),
        ("40k", 40_000),
        ("1.5M", 1_500_000),
        ("0.5K", 500),
        ("1.2345k", 1234),
        ("3m", 3_000_000),
    ],
)
def test_amounts_count_in_thousands(text: str, value: int) -> None:
    assert amount(text) == value


@pytest.mark.parametrize(
    "text", ["", "k", "0", "0.0001k", "-1", "1e3", "40 000", "nan", "1G", "1,5M"]
)
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number above 0"):
        amount(text)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.123, "12.3 %"),
        (1e-9, "0.1 %"),
        (0.99999, "99.9 %"),
        (0.5, "50.0 %"),
    ],
)
def test_only_none_and_all_are_told_as_such(share: float, text: str) -> None:
    assert percent(share) == text
