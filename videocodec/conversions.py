"""What was done to a source's pictures before they were coded, as a file's comment says it."""

from __future__ import annotations

from collections.abc import Iterable

_MARK = "Before encoding: "


def as_comment(conversions: Iterable[str]) -> list[str]:
    """Lines of a comment, one for each conversion."""
    return [f"{_MARK}{line}" for line in conversions]


def from_comment(comment: str) -> list[str]:
    """The conversions that a comment names."""
    lines = comment.splitlines()
    return [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
