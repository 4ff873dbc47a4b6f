"""One limit for everything, shares for each kind."""

from __future__ import annotations

import pytest

from videocodec.reader.cache import Cache, Kind


def kept(cache: Cache, kind: Kind) -> list[int]:
    return [number for number in range(1000) if cache.has(kind, number)]


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(100)
    for number in range(10):
        cache.put(Kind.PICTURE, number, f"picture {number}", 10)
    assert cache.get(Kind.PICTURE, 0) == "picture 0"
    assert cache.has(Kind.PICTURE, 1)  # looking is no use
    cache.put(Kind.PICTURE, 10, "picture 10", 20)
    assert kept(cache, Kind.PICTURE) == [0, 3, 4, 5, 6, 7, 8, 9, 10]
    assert cache.get(Kind.PICTURE, 1) is None
    assert (cache.used, cache.peak) == (100, 100)


def test_a_kind_takes_what_others_leave_and_gives_it_back_down_to_its_share() -> None:
    cache = Cache(100)
    for number in range(20):
        cache.put(Kind.PICTURE, number, number, 10)
    assert len(kept(cache, Kind.PICTURE)) == 10
    for number in range(20):
        cache.put(Kind.STATE, number, number, 10)
    assert kept(cache, Kind.PICTURE) == [13, 14, 15, 16, 17, 18, 19]
    assert kept(cache, Kind.STATE) == [17, 18, 19]
    for number in range(20):
        cache.put(Kind.LATENTS, number, number, 10)
    assert [len(kept(cache, kind)) for kind in (Kind.STATE, Kind.LATENTS, Kind.PICTURE)] == [
        2,
        3,
        5,
    ]
    assert cache.used == 100


def test_a_key_that_is_there_is_replaced() -> None:
    cache = Cache(100)
    cache.put(Kind.STATE, 1, "old", 40)
    cache.put(Kind.STATE, 1, "new", 60)
    assert (cache.get(Kind.STATE, 1), cache.used) == ("new", 60)


def test_what_is_larger_than_the_limit_pushes_nothing_out() -> None:
    cache = Cache(100)
    cache.put(Kind.STATE, 1, "small", 10)
    cache.put(Kind.PICTURE, 1, "large", 101)
    assert cache.has(Kind.STATE, 1) and not cache.has(Kind.PICTURE, 1)


def test_room_is_what_is_left_of_the_share_or_of_everything() -> None:
    cache = Cache(100)
    assert cache.room_for(Kind.STATE, 100) and not cache.room_for(Kind.STATE, 101)
    cache.put(Kind.PICTURE, 1, "large", 90)
    assert cache.room_for(Kind.STATE, 20) and not cache.room_for(Kind.STATE, 21)


def test_it_can_be_emptied_and_must_not_be_negative() -> None:
    cache = Cache(100)
    cache.put(Kind.STATE, 1, "small", 10)
    cache.clear()
    assert cache.used == 0 and not cache.has(Kind.STATE, 1)
    with pytest.raises(ValueError, match="memory_limit must be a number of at least 0, got -1"):
        Cache(-1)
