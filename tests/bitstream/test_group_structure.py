"""Coding order and references of every structure."""

from __future__ import annotations

import pytest

from bitstream.group_structure import (
    MAX_FRAMES,
    FrameReference,
    Structure,
    coding_order,
    walk_group,
)


def numbers(structure: Structure, frame_count: int) -> list[tuple[int, int | None, int | None]]:
    """(number, past, future) in coding order; the number is the display index plus one."""
    return [
        (entry.display_index + 1, entry.past, entry.future)
        for entry in coding_order(structure, frame_count)
    ]


def test_keyframe() -> None:
    assert coding_order(Structure.KEYFRAME, 1) == (
        FrameReference(display_index=0, past=None, future=None),
    )


def test_chain() -> None:
    assert numbers(Structure.CHAIN, 3) == [(1, 0, None), (2, 1, None), (3, 2, None)]


def test_hierarchy_of_eight() -> None:
    assert numbers(Structure.HIERARCHY, 8) == [
        (8, 0, None),
        (4, 0, 8),
        (2, 0, 4),
        (6, 4, 8),
        (1, 0, 2),
        (3, 2, 4),
        (5, 4, 6),
        (7, 6, 8),
    ]


def test_hierarchy_of_five_is_uneven() -> None:
    assert numbers(Structure.HIERARCHY, 5) == [
        (5, 0, None),
        (2, 0, 5),
        (1, 0, 2),
        (3, 2, 5),
        (4, 3, 5),
    ]


def test_hierarchy_of_one_is_a_chain_of_one() -> None:
    assert coding_order(Structure.HIERARCHY, 1) == coding_order(Structure.CHAIN, 1)


@pytest.mark.parametrize("structure", [Structure.CHAIN, Structure.HIERARCHY])
@pytest.mark.parametrize("frame_count", range(1, 17))
def test_every_frame_once_and_references_before_their_frame(
    structure: Structure, frame_count: int
) -> None:
    known = {0}
    for number, past, future in numbers(structure, frame_count):
        assert past in known and past < number
        assert future is None or (future in known and future > number)
        known.add(number)
    assert known == set(range(frame_count + 1))


@pytest.mark.parametrize(
    ("structure", "frame_count"),
    [(Structure.KEYFRAME, 2), (Structure.CHAIN, 0), (Structure.HIERARCHY, 17)],
)
def test_wrong_number_of_frames(structure: Structure, frame_count: int) -> None:
    with pytest.raises(ValueError, match=f"got {frame_count}"):
        coding_order(structure, frame_count)


@pytest.mark.parametrize(
    ("structure", "count"),
    [(Structure.CHAIN, 5), (Structure.HIERARCHY, 8), (Structure.KEYFRAME, 1)],
)
def test_a_walk_gives_every_frame_what_was_made_of_its_references(
    structure: Structure, count: int
) -> None:
    order = coding_order(structure, count)
    called = []

    def code(entry: FrameReference, references: tuple[int, ...]) -> int:
        called.append(entry)
        assert references == entry.references
        return entry.number

    anchor = None if structure == Structure.KEYFRAME else 0
    assert walk_group(order, anchor, code) == list(range(1, count + 1))
    assert tuple(called) == order


@pytest.mark.parametrize("structure", [Structure.CHAIN, Structure.HIERARCHY])
@pytest.mark.parametrize("count", range(1, MAX_FRAMES + 1))
def test_nothing_refers_to_frames_between_their_neighbours_alone(
    structure: Structure, count: int
) -> None:
    """Nor does the next unit, which refers to the last one."""
    order = coding_order(structure, count)
    wanted = {count, *(number for entry in order for number in entry.references)}
    assert {entry.number for entry in order if not entry.is_between_next_ones} == wanted - {0}
