"""Curves: deltas as computed by hand, and refused where they mean nothing."""

from __future__ import annotations

import pytest

from videocodec.ladder.curves import (
    Curve,
    bd_quality,
    bd_rate,
    convex_hull,
    crossings,
    mean_rate_saved,
)

from .conftest import needs_bjontegaard

RATES = (10.0, 20.0, 40.0, 80.0)
QUALITY = (30.0, 33.0, 36.0, 39.0)
REFERENCE = Curve.of(zip(RATES, QUALITY, strict=True))


class TestCurve:
    def test_it_is_sorted_by_rate_and_the_same_rung_counts_once(self) -> None:
        found = Curve.of([*zip(RATES[::-1], QUALITY[::-1], strict=True), (10.0, 30.0)])
        assert found.rates.tolist() == list(RATES)
        assert found.quality.tolist() == list(QUALITY)

    def test_rates_are_interpolated_in_their_logarithm(self) -> None:
        assert REFERENCE.rate_at(34.5) == pytest.approx(20 * 2**0.5)
        assert REFERENCE.quality_at(20 * 2**0.5) == pytest.approx(34.5)

    @pytest.mark.parametrize("quality", [29.9, 39.1])
    def test_nothing_is_extrapolated(self, quality: float) -> None:
        assert REFERENCE.rate_at(quality) is None


@needs_bjontegaard
class TestBdRate:
    @pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.25, 3.0])
    def test_a_constant_factor_of_bytes_is_that_many_percent(self, factor: float) -> None:
        found = bd_rate(
            Curve.of(
                (factor * rate, quality) for rate, quality in zip(RATES, QUALITY, strict=True)
            ),
            REFERENCE,
        )
        assert found.value == pytest.approx(100 * (factor - 1))
        assert found.overlap == 1

    def test_straight_lines_of_different_slope_agree_with_the_integral_by_hand(self) -> None:
        # log2(rate) over quality: reference log2(10) + (q - 30) / 3; tested log2(10) + (q - 30) / 4
        # up to 42: their mean difference over [30, 39] is -(9 / 2) * (1/3 - 1/4) = -0.375, a factor
        # of 2 ** -0.375.
        tested = Curve.of((10 * 2**step, 30 + 4 * step) for step in range(4))
        found = bd_rate(tested, REFERENCE)
        assert found.value == pytest.approx(100 * (2**-0.375 - 1))
        assert found.overlap == pytest.approx(9 / 12)

    def test_it_is_the_packages_figure(self) -> None:
        import bjontegaard

        tested, reference = (
            [(7, 30.5), (15, 32.8), (44, 34.0), (60, 36.0)],
            [(10, 30), (20, 33), (40, 35), (80, 36.5), (90, 37)],
        )
        expected = bjontegaard.bd_rate(
            *zip(*reference, strict=True),
            *zip(*tested, strict=True),
            method="akima",
            require_matching_points=False,
            min_overlap=0,
        )
        assert bd_rate(Curve.of(tested), Curve.of(reference)).value == pytest.approx(expected)

    def test_only_the_part_below_a_rate_can_be_compared(self) -> None:
        tested = Curve.of(
            (rate / (2 if rate <= 40 else 1), quality)
            for rate, quality in zip(RATES, QUALITY, strict=True)
        )
        assert bd_rate(tested, REFERENCE, below=10).value == pytest.approx(-50, abs=3)
        assert bd_rate(tested, REFERENCE).value > -48
        assert bd_rate(tested, REFERENCE, below=5).reason == "never below 5 kbit/s"

    @pytest.mark.parametrize(
        ("rungs", "reason"),
        [
            ([(10, 10), (20, 15), (40, 20)], "no overlap"),
            ([(10, 50), (20, 55), (40, 60)], "no overlap"),
            ([(10, 30), (20, 36), (40, 33)], "not monotonic (tested)"),
            ([(10, 30), (10, 33), (40, 36)], "not monotonic (tested)"),
            ([(10, 30), (20, 33)], "too few rungs"),
        ],
    )
    def test_both_deltas_are_refused_where_they_mean_nothing(
        self, rungs: list[tuple[float, float]], reason: str
    ) -> None:
        found = bd_rate(Curve.of(rungs), REFERENCE)
        assert (found.value, found.reason) == (None, reason)
        if reason != "no overlap":
            assert bd_quality(Curve.of(rungs), REFERENCE).reason == reason

    def test_a_curve_that_swings_between_monotonic_rungs_is_refused(self) -> None:
        # As measured: two rungs that are nearly one.  Akima's curve through them swings far beyond
        # the third.
        close = Curve.of([(35.3, 36.99), (36.2, 37.03), (78.9, 60.76)])
        tested = Curve.of([(25.3, 22.97), (39.9, 28.51), (80.2, 41.36), (160.2, 55.04)])
        assert bd_rate(tested, close).reason == "interpolation not monotonic (reference)"
        assert bd_rate(close, tested).reason == "interpolation not monotonic (tested)"
        apart = Curve.of([(35.3, 36.99), (78.9, 60.76), (187.5, 81.74)])
        assert bd_rate(tested, apart).value > 100

    def test_a_reference_that_is_not_monotonic_is_named(self) -> None:
        assert (
            bd_rate(REFERENCE, Curve.of([(10, 30), (20, 36), (40, 33)])).reason
            == "not monotonic (reference)"
        )

    def test_quality_is_refused_without_common_rates(self) -> None:
        assert (
            bd_quality(
                Curve.of(
                    (100 * rate, quality) for rate, quality in zip(RATES, QUALITY, strict=True)
                ),
                REFERENCE,
            ).reason
            == "no overlap"
        )

    def test_a_constant_gain_of_quality_is_that_gain(self) -> None:
        found = bd_quality(
            Curve.of((rate, quality + 1.5) for rate, quality in zip(RATES, QUALITY, strict=True)),
            REFERENCE,
        )
        assert found.value == pytest.approx(1.5)
        assert found.overlap == pytest.approx(1)


class TestSavedRate:
    def test_it_is_the_mean_difference_at_equal_quality(self) -> None:
        # The reference's rate, 10 * 2 ** ((q - 30) / 3), has the mean 70 / ln 8 over [30, 39], and
        # half of it is saved.
        half = Curve.of((rate / 2, quality) for rate, quality in zip(RATES, QUALITY, strict=True))
        assert mean_rate_saved(half, REFERENCE) == pytest.approx(0.5 * 70 / 2.0794, rel=0.01)
        assert mean_rate_saved(REFERENCE, half) == pytest.approx(-0.5 * 70 / 2.0794, rel=0.01)

    def test_there_is_none_without_overlap(self) -> None:
        assert mean_rate_saved(Curve.of([(10, 10), (20, 15), (40, 20)]), REFERENCE) is None


class TestCrossings:
    def test_the_rate_at_which_one_overtakes_the_other(self) -> None:
        # 4 a doubling against 3: equal one and a half doublings after 10
        steep = Curve.of([(10, 28.5), (80, 40.5)])
        assert crossings(steep, REFERENCE) == [(pytest.approx(10 * 2**1.5, rel=1e-3), True)]
        assert crossings(REFERENCE, steep) == [(pytest.approx(10 * 2**1.5, rel=1e-3), False)]

    def test_there_is_none_where_one_always_leads_or_rates_do_not_meet(self) -> None:
        assert crossings(Curve.of([(10, 31), (80, 40)]), REFERENCE) == []
        assert crossings(Curve.of([(100, 20), (200, 50)]), REFERENCE) == []


class TestConvexHull:
    def test_points_below_the_line_between_others_are_left_out(self) -> None:
        points = [(10, 30), (20, 31), (30, 40), (40, 35), (60, 41)]
        assert convex_hull(points) == [0, 2, 4]

    def test_it_ends_at_the_highest_quality(self) -> None:
        assert convex_hull([(10, 30), (20, 33), (40, 33), (80, 32)]) == [0, 1]

    def test_one_point_is_its_own(self) -> None:
        assert convex_hull([(10, 30)]) == [0]
        assert convex_hull([]) == []
