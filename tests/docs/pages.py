"""The Markdown pages of the repository: their headings, links, and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATTERNS = ("*.md", "docs/**/*.md", "bitstream/*.md", "samples/*.md", "tests/**/*.md")
_CARDS = "videocodec/bundles/*/README.md"
PAGES = sorted({page for pattern in (*_PATTERNS, _CARDS) for page in ROOT.glob(pattern)})

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)


def name(page: Path) -> str:
    """How a page is called in a list of tests."""
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    """Targets of the links of a page that lead into this repository."""
    prose = _CODE.sub("", _INDENTED.sub("", _FENCE.sub("", page.read_text("utf-8"))))
    return [target for target in _LINK.findall(prose) if "://" not in target]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What ``#…`` may name in a page, by the rule of GitHub."""
    found: list[str] = []
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text("utf-8"))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        again = sum(1 for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other))
        found.append(f"{slug}-{again}" if again else slug)
    return frozenset(found)


def commands(page: Path, program: str) -> Iterator[str]:
    """Commands in the indented blocks of a page that begin with ``program``, one line each,
    without their comments.

    Patterns with ``[`` or ``(`` or ``…``, which stand for many commands, are left out.
    """
    text = _FENCE.sub("", page.read_text("utf-8"))
    for line in _INDENTED.findall(re.sub(r"\\\n +", "", text)):
        command = line.strip().split(" #")[0].split("   ")[0].strip()
        if command.startswith(f"{program} ") and not set("[(…") & set(command):
            yield command
