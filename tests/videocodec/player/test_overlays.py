"""The page shows modes and provenance by the names that the server gives their numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import videocodec.player
from bitstream.v1.block_fields import Mode
from videocodec.guard import GuardLimit, GuardMap
from videocodec.player.description import describe_guard
from videocodec.player.video import UNKNOWN
from videocodec.provenance import PROVENANCE_NAMES

OVERLAYS = Path(videocodec.player.__file__).parent / "static" / "overlays.js"


def test_the_server_names_every_number(player) -> None:
    clip = player.get("/api/clip").json
    assert [clip["mode_names"][mode] for mode in Mode] == [mode.name.lower() for mode in Mode]
    assert clip["provenance_names"] == list(PROVENANCE_NAMES)


@pytest.mark.parametrize("kind", ["MODES", "PROVENANCE"])
def test_the_page_knows_how_every_name_looks(player, kind: str) -> None:
    clip = player.get("/api/clip").json
    names = clip["mode_names"] if kind == "MODES" else [*clip["provenance_names"], UNKNOWN]
    script = OVERLAYS.read_text("utf-8")
    (entries,) = re.findall(rf"^const LOOKS_OF_{kind} = \{{\n(.*?)^\}};", script, re.M | re.S)
    assert sorted(re.findall(r"^  (\w+): \{", entries, re.M)) == sorted(names)


def test_squares_of_a_guard_are_described_for_the_page() -> None:
    unheld = np.array([[[False, True]], [[True, True]]])
    found = describe_guard(GuardMap(GuardLimit("ssim", 0.9), unheld), 1)
    assert found == {"limit": "ssim=0.9", "square": 64, "grid": [1, 2], "unheld": "AQE="}
