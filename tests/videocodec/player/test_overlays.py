"""The page numbers modes and provenance as the stream does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import videocodec.player
from bitstream.v1.block_fields import Mode
from videocodec.provenance import PROVENANCE_NAMES

OVERLAYS = Path(videocodec.player.__file__).parent / "static" / "overlays.js"


@pytest.mark.parametrize(
    ("constant", "names"),
    [
        ("MODES", [mode.name.lower() for mode in sorted(Mode)]),
        ("PROVENANCE", list(PROVENANCE_NAMES)),
    ],
)
def test_names_stand_in_the_order_of_the_numbers(constant: str, names: list[str]) -> None:
    script = OVERLAYS.read_text("utf-8")
    (entries,) = re.findall(rf"^export const {constant} = \[\n(.*?)^\];", script, re.M | re.S)
    assert re.findall(r'name: "(\w+)"', entries) == names
