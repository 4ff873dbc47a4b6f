"""Frames keep their numbers and times whatever is damaged, missing, repeated or out of order."""

from __future__ import annotations

from dataclasses import replace

from videocodec.decoder.timeline import MAX_LOST_FRAMES, MISSING, ScannedUnit, arrange


def unit(
    number: int, pts: int, count: int = 4, duration: int = 10, **changes: object
) -> ScannedUnit:
    whole = ScannedUnit(
        number, pts, (duration,) * count, 100, 1000 * number, number == 0, None, None, pts
    )
    return replace(whole, **changes)


def broken(number: int, pts: int, duration: int, **changes: object) -> ScannedUnit:
    return unit(number, pts, damage="flipped", durations=(duration,), **changes)


STREAM = [unit(0, 0), unit(1, 40), unit(2, 80), unit(3, 120)]


def layout(units: list[ScannedUnit]) -> list[tuple[int | None, int, int]]:
    return [(each.number, each.pts, len(each.durations)) for each in units]


def test_an_intact_stream_stays_as_it_is() -> None:
    found = arrange(STREAM)
    assert found.units == STREAM and found.irregularities == []


def test_a_damaged_unit_has_as_many_frames_as_its_time_holds() -> None:
    found = arrange([STREAM[0], broken(1, 40, 40), *STREAM[2:]])
    assert layout(found.units) == [(0, 0, 4), (1, 40, 4), (2, 80, 4), (3, 120, 4)]
    assert found.units[1].damage == "flipped" and found.units[1].durations == (10,) * 4


def test_fields_of_a_damaged_unit_count_if_they_fill_its_time_exactly() -> None:
    claims = (40, (1, 39)), (40, (1, 38)), (41, (1, 39))
    found = [
        arrange([STREAM[0], broken(1, 40, 40, claimed=claim), *STREAM[2:]]).units[1].durations
        for claim in claims
    ]
    assert found == [(1, 39), (10,) * 4, (10,) * 4]


def test_missing_units_are_told_by_the_gap_in_time() -> None:
    found = arrange([STREAM[0], STREAM[3]])
    assert layout(found.units) == [(0, 0, 4), (None, 40, 8), (3, 120, 4)]
    assert found.units[1].damage == MISSING and found.units[1].bytes == 0


def test_missing_ones_beside_a_damaged_one() -> None:
    found = arrange([STREAM[0], broken(2, 80, 40), STREAM[3]])
    assert layout(found.units) == [(0, 0, 4), (None, 40, 4), (2, 80, 4), (3, 120, 4)]


def test_units_that_changed_places_and_that_are_there_twice_lose_nothing() -> None:
    swapped = [
        STREAM[0],
        replace(STREAM[2], number=1, container_pts=40),
        replace(STREAM[1], number=2, container_pts=80),
        STREAM[3],
    ]
    found = arrange(swapped)
    assert [each.pts for each in found.units] == [0, 40, 80, 120] and found.irregularities == [
        "access unit 2 is out of order and was put right"
    ]
    found = arrange(
        [
            *STREAM[:2],
            replace(STREAM[1], number=2),
            *(replace(each, number=each.number + 1) for each in STREAM[2:]),
        ]
    )
    assert [each.pts for each in found.units] == [0, 40, 80, 120] and found.irregularities == [
        "access unit 2 is there twice and is left out"
    ]


def test_damage_at_both_ends() -> None:
    found = arrange([broken(0, 0, 40), *STREAM[1:3], broken(3, 120, 40)])
    assert layout(found.units) == [(0, 0, 4), (1, 40, 4), (2, 80, 4), (3, 120, 4)]


def test_the_container_may_count_from_another_time() -> None:
    moved = [replace(each, container_pts=each.pts - 40) for each in STREAM]
    found = arrange([moved[0], broken(1, 0, 40), *moved[2:]])
    assert layout(found.units) == [(0, 0, 4), (1, 40, 4), (2, 80, 4), (3, 120, 4)]


def test_uneven_frames_are_lost_at_their_mean_rate() -> None:
    found = arrange(
        [unit(0, 0, durations=(33, 33, 34)), broken(1, 100, 800), unit(2, 900, durations=(33, 34))]
    )
    assert len(found.units[1].durations) == 24 and sum(found.units[1].durations) == 800


def test_times_that_cannot_be_take_no_memory() -> None:
    found = arrange([STREAM[0], unit(1, 1 << 60)])
    assert (
        sum(len(each.durations) for each in found.units) < MAX_LOST_FRAMES
        and found.units[-1].pts == 1 << 60
    )


def test_no_more_frames_are_lost_than_the_rest_is_worth() -> None:
    """Two frames a long time apart: 1.5 kB that would take hours to decode."""
    far = arrange([unit(0, 0, durations=(40,)), unit(1, 40 * 100_000, durations=(40,))])
    assert [len(each.durations) for each in far.units] == [1, 1, 1]
    near = arrange([unit(0, 0, durations=(40,)), unit(1, 40 * 1200, durations=(40,))])
    assert [len(each.durations) for each in near.units] == [1, 1199, 1]
