"""The first frame of a group is begun as soon as it is planned and the frame before it is coded."""

from __future__ import annotations

import pytest

from videocodec.encoder.group_coding import Begun, Following, Opening

OPENING, GROUP = Opening("anchor", None), object()


@pytest.mark.parametrize("planned_first", [False, True])
def test_it_is_begun_once_whichever_comes_last(planned_first: bool) -> None:
    known: list[object] = []
    begun: list[tuple[object, Opening]] = []

    def begin(group, opening) -> Begun:
        begun.append((group, opening))
        return Begun("plan", None)

    following = Following(begin, lambda: known[0] if known else None)
    steps = [lambda: (known.append(GROUP), following.planned()), lambda: following.opened(OPENING)]
    for step in steps if planned_first else reversed(steps):
        assert begun == []
        step()
    following.planned()
    assert begun == [(GROUP, OPENING)]
    assert following.ended() == (GROUP, Begun("plan", None))


def test_nothing_is_begun_after_the_end() -> None:
    following = Following(lambda group, opening: pytest.fail("begun"), lambda: GROUP)
    assert following.ended() is None
    following.opened(OPENING)
    assert following.ended() is None
