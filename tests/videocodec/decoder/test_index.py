"""The index of damaged streams: what builds on what, in a time that grows with the number of access
units and no faster.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from videocodec.decoder import index as index_module
from videocodec.decoder.index import StreamIndex


@pytest.fixture
def damaged(coded_movie, tmp_path: Path):
    """damaged(n): a keyframe, n access units that are none, and a keyframe."""

    def make(count: int) -> Path:
        with StreamReader(coded_movie.coded) as reader:
            keyframe = AccessUnit.parse(next(iter(reader.units())).data)
        path, end = tmp_path / "damaged.mp4", keyframe.first_pts + keyframe.duration
        with StreamWriter(path, keyframe.header.time_base) as writer:
            writer.write(keyframe.to_bytes(), keyframe.first_pts, keyframe.duration)
            for place in range(count):
                writer.write(b"\x02", end + place, 1)
            writer.commit()
        return path

    return make


def test_every_damaged_unit_keeps_its_own_reason(damaged) -> None:
    index = StreamIndex(StreamReader(damaged(5)))
    assert index.units[0].damage is None
    assert ["shorter than its checksum" in unit.damage for unit in index.units[1:]] == [True] * (
        len(index.units) - 1
    )


def test_later_damage_goes_as_far_as_what_builds_on_it(coded_movie, tmp_path: Path) -> None:
    index = StreamIndex(StreamReader(coded_movie.coded))
    second = next(unit.number for unit in index.units[1:] if not unit.is_keyframe)
    gop = index.gop_of(second)
    index.mark_damaged(second, "it is of paper")
    index.mark_damaged(gop.start, "it is of stone")
    assert [unit.damage is not None for unit in index.units] == [
        unit.number in gop for unit in index.units
    ]
    assert (
        index.units[gop.start].damage == "it is of stone"
        and index.units[second].damage == "it is of paper"
    )


def test_damage_is_spread_in_one_pass(damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand damaged units of a byte, a file of 50 kB, once took half a minute, and ten times
    as many an hour.
    """
    looked_at = 0
    gop_of = StreamIndex.gop_of

    def counted(self: StreamIndex, unit: int) -> range:
        nonlocal looked_at
        looked_at += len(gop_of(self, unit))
        return gop_of(self, unit)

    monkeypatch.setattr(index_module.StreamIndex, "gop_of", counted)
    index = StreamIndex(StreamReader(damaged(300)))
    assert len(index.units) > 200 and looked_at <= len(index.units)
