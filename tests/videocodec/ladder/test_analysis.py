"""What figures come to, on records made up for the purpose."""

from __future__ import annotations

import pytest

from videocodec.ladder.analysis import analyse, codec_curve
from videocodec.ladder.metrics import Figure

from .conftest import needs_bjontegaard

QUALITY = Figure("psnr_y", "PSNR Y", "dB", True, 2, perfect=100)
DISTANCE = Figure("lpips", "LPIPS", "", False, 4, perfect=0)
MODEL = {
    "a": {"model": 6_000_000, "code": 0, "libraries": 0},
    "b": {"model": 0, "code": 0, "libraries": 0},
}


def rung(
    codec: str,
    rate: float,
    quality: float,
    *,
    clip: str = "pan",
    scale: float = 1,
    asked: float | None = None,
    sought=None,
) -> dict:
    value = rate if asked is None else asked
    name = f"{clip}/{codec}/{value:g}/{scale:g}"
    means = {"psnr_y": {"mean": quality}, "lpips": {"mean": 1 / quality}}
    return {
        "id": name,
        "clip": clip,
        "codec": codec,
        "mode": "bitrate",
        "value": value,
        "bitrate_bps": rate,
        "scale": scale,
        "error": None,
        "sought": sought,
        "quality": means,
    }


def line(codec: str, factor: float = 1, clip: str = "pan") -> list[dict]:
    return [
        rung(codec, factor * rate, quality, clip=clip)
        for rate, quality in ((10_000, 30), (20_000, 33), (40_000, 36), (80_000, 39))
    ]


def analysed(
    records: list[dict],
    clips: tuple[str, ...] = ("pan",),
    figures: tuple[Figure, ...] = (QUALITY,),
    **more: object,
) -> dict:
    return analyse(
        records,
        clips=clips,
        codecs=MODEL,
        figures=figures,
        reference="b",
        **more,
    )


class TestCurve:
    def test_of_rungs_that_took_nearly_the_same_the_one_nearest_to_its_bitrate_counts(self) -> None:
        over = [rung("a", 25_100, 30.2, asked=10_000), rung("a", 25_000, 30.4, asked=20_000)]
        found = codec_curve([*over, *line("a")[2:]], "pan", "a", QUALITY)
        assert found.points == [(25, 30.4), (40, 36), (80, 39)]

    def test_a_bitrate_that_was_merely_missed_is_a_rung_like_any_other(self) -> None:
        missed = [
            rung("a", 29_500, 32, asked=20_000),
            rung("a", 52_900, 35, asked=40_000),
            rung("a", 96_100, 39, asked=80_000),
        ]
        found = codec_curve(missed, "pan", "a", QUALITY)
        assert len(found.points) == 3
        assert found.asked == [20_000, 40_000, 80_000]

    def test_failures_other_clips_and_rungs_of_searches_are_left_out(self) -> None:
        failed = rung("a", 15_000, 10) | {"error": "it broke", "quality": {}}
        records = [
            *line("a"),
            failed,
            rung("a", 30_000, 20, clip="other"),
            rung("a", 31_000, 20, sought="psnr_y=20"),
        ]
        assert len(codec_curve(records, "pan", "a", QUALITY).records) == 4

    def test_where_there_are_only_searches_their_rungs_are_the_curve(self) -> None:
        assert (
            len(
                codec_curve(
                    [rung("a", rate, rate / 1000, sought="x") for rate in (10_000, 20_000)],
                    "pan",
                    "a",
                    QUALITY,
                ).records
            )
            == 2
        )

    def test_with_several_resolutions_the_hull_is_compared(self) -> None:
        small = [rung("a", 5_000, 29, scale=0.5), rung("a", 15_000, 30, scale=0.5)]
        found = codec_curve([*line("a"), *small], "pan", "a", QUALITY)
        assert [found.points[index][0] for index in found.hull] == [5, 20, 40, 80]
        assert found.curve.rates.tolist() == [5, 20, 40, 80]

    def test_less_is_better_turns_the_curve_over(self) -> None:
        assert codec_curve(line("a"), "pan", "a", DISTANCE).curve.is_monotonic


@needs_bjontegaard
class TestComparison:
    def test_half_the_bytes(self) -> None:
        (found,) = analysed([*line("a", 0.5), *line("b")])["comparisons"]
        assert found["bd_rate_percent"]["value"] == pytest.approx(-50)
        assert found["bd_quality"]["value"] == pytest.approx(3)
        assert found["crossovers"] == []

    def test_the_model_is_paid_for_when_the_bytes_saved_outweigh_it(self) -> None:
        (found,) = analysed([*line("a", 0.5), *line("b")])["comparisons"]
        assert found["payback_minutes"] == pytest.approx(6_000_000 * 8 / found["saved_bps"] / 60)
        assert found["saved_bps"] == pytest.approx(0.5 * 70_000 / 2.0794, rel=0.01)

    def test_it_never_is_where_nothing_is_saved(self) -> None:
        (found,) = analysed([*line("a", 2), *line("b")])["comparisons"]
        assert found["saved_bps"] < 0
        assert found["payback_minutes"] is None

    def test_means_over_clips_leave_out_those_without_a_figure(self) -> None:
        records = [
            *line("a", 0.5),
            *line("b"),
            *line("a", 2, "other"),
            *line("b", 1, "other"),
            *line("a", 1, "third"),
        ]
        (mean,) = analysed(records, clips=("pan", "other", "third"))["means"]
        assert (mean["clips"], mean["bd_rate_percent"]) == (2, pytest.approx(25))
        assert mean["bd_rate_percent_geometric"] == pytest.approx(0, abs=1e-9)

    def test_a_clip_that_a_codec_failed_has_a_reason(self) -> None:
        (found,) = analysed(line("b"))["comparisons"]
        assert found["bd_rate_percent"]["reason"] == "too few rungs"
        assert found["crossovers"] == []

    def test_crossovers_are_bits_per_second(self) -> None:
        steep = [
            rung("a", rate, quality)
            for rate, quality in ((10_000, 28.5), (20_000, 32.5), (40_000, 36.5), (80_000, 40.5))
        ]
        (found,) = analysed([*steep, *line("b")])["comparisons"]
        assert found["crossovers"] == [
            {"bitrate_bps": pytest.approx(10_000 * 2**1.5, rel=1e-3), "leads_above": True}
        ]


def test_the_ladder_of_a_title_takes_the_best_resolution_for_each_bitrate() -> None:
    small = [
        rung("a", 9_000, 31, scale=0.5, asked=10_000),
        rung("a", 19_000, 32, scale=0.5, asked=20_000),
    ]
    steps = [step for step in analysed([*line("a"), *small])["per_title"] if step["codec"] == "a"]
    assert [(step["bitrate_bps"], step["record"]) for step in steps] == [
        (10_000, "pan/a/10000/0.5"),
        (20_000, "pan/a/20000/1"),
        (40_000, "pan/a/40000/1"),
        (80_000, "pan/a/80000/1"),
    ]


def test_rates_at_the_quality_of_each_rung_of_the_first_codec() -> None:
    rows = analysed([*line("a", 0.5), *line("b")])["equal_quality"]
    assert [row["bitrate_bps"] for row in rows] == [5_000, 10_000, 20_000, 40_000]
    assert [row["others_bps"]["b"] for row in rows] == pytest.approx(
        [10_000, 20_000, 40_000, 80_000]
    )
