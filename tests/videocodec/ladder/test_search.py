"""Searches over crf."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocodec.ladder.search import CrfGrid, crf_for_quality, crf_for_rate


def rate(crf: float) -> float:
    """Halves every 5 steps, a little uneven."""
    return 1e6 * 2 ** (-crf / 5) * (1 + 0.05 * math.sin(crf))


class TestRate:
    @given(target=st.floats(300, 500_000))
    def test_the_nearest_step_is_found(self, target: float) -> None:
        found = crf_for_rate(rate, target, CrfGrid(0, 63, 0.25), tolerance=0.01)
        assert found.reached
        assert found.value == pytest.approx(rate(found.crf))
        assert abs(math.log(found.value / target)) < 0.05

    def test_what_is_known_of_the_curve_saves_tries(self) -> None:
        blind = crf_for_rate(rate, 9000, CrfGrid(0, 63, 0.25), tolerance=0.02)
        warned = crf_for_rate(
            rate, 9000, CrfGrid(0, 63, 0.25), tolerance=0.02, start=blind.crf + 1, slope=blind.slope
        )
        assert warned.tries < blind.tries
        assert warned.tries <= 3

    @pytest.mark.parametrize(("target", "crf"), [(10, 63), (1e9, 0)])
    def test_what_crf_cannot_reach_ends_at_its_limit(self, target: float, crf: float) -> None:
        found = crf_for_rate(rate, target, CrfGrid(0, 63, 1), tolerance=0.02, most=20)
        assert (found.crf, found.reached) == (crf, False)


class TestQuality:
    @given(target=st.floats(5, 95), bend=st.floats(0.4, 2.5))
    def test_the_two_crfs_around_the_target_are_found(self, target: float, bend: float) -> None:
        def quality(crf: float) -> float:
            return 100 * (1 - (crf / 63) ** bend)

        found = crf_for_quality(quality, target, CrfGrid(0, 63, 1), tolerance=1e-9, most=30)
        assert found.reached
        assert abs(found.value - target) <= max(
            abs(quality(found.crf + step) - quality(found.crf))
            for step in (-1, 1)
            if found.crf + step >= 0
        )

    def test_near_enough_is_enough(self) -> None:
        tried = []

        def quality(crf: float) -> float:
            tried.append(crf)
            return 100 - crf

        found = crf_for_quality(quality, 60, CrfGrid(0, 63, 1), tolerance=0.5)
        assert found.crf == 40
        assert len(tried) == found.tries <= 5

    def test_no_crf_is_tried_twice_even_where_quality_is_not_monotonic(self) -> None:
        tried = []

        def quality(crf: float) -> float:
            tried.append(crf)
            return 50 + 20 * math.sin(crf)

        crf_for_quality(quality, 60, CrfGrid(0, 63, 1), tolerance=1e-9)
        assert len(tried) == len(set(tried))

    def test_a_target_beyond_the_best_is_out_of_reach(self) -> None:
        found = crf_for_quality(lambda crf: 50 - crf, 99, CrfGrid(0, 51, 1), tolerance=0.5)
        assert (found.crf, found.reached) == (0, False)
