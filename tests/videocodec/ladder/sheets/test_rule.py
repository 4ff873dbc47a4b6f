"""Nobody picks what a contact sheet shows."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from videocodec.ladder.metrics import Figure
from videocodec.ladder.sheets.rule import chosen_frames, matched, planned, plans

QUALITY = Figure("ssimulacra2", "SSIMULACRA2", "", True, 2, 100)
DISTANCE = Figure("lpips", "LPIPS", "", False, 3, 0)


def encode(codec: str, rung: str, size: int, frames: list, **changes: object) -> dict:
    """A record of a finished encode, judged by ``QUALITY``."""
    known = [value for value in frames if value is not None]
    return {
        "id": f"pan/{codec}/{rung}",
        "clip": "pan",
        "codec": codec,
        "scale": 1.0,
        "error": None,
        "video_bytes": size,
        "quality": {"ssimulacra2": {"mean": sum(known) / len(known)}},
        "frames": {"ssimulacra2": frames},
    } | changes


def ladder(*records: dict, figures: tuple[Figure, ...] = (QUALITY,)) -> dict:
    """As much of a ladder's results as the rule looks at."""
    return {
        "clips": [{"name": "pan"}],
        "codecs": [{"name": name} for name in dict.fromkeys(one["codec"] for one in records)],
        "figures": [asdict(figure) for figure in figures],
        "records": list(records),
    }


class TestFrames:
    def test_are_worst_median_and_best_in_this_order(self) -> None:
        frames = chosen_frames([50, 10, 70, 30, 90], QUALITY)
        assert list(frames.items()) == [(1, "worst"), (0, "median"), (4, "best")]

    def test_less_is_better_where_the_figure_says_so(self) -> None:
        frames = chosen_frames([0.5, 0.1, 0.7, 0.3, 0.9], DISTANCE)
        assert list(frames.items()) == [(4, "worst"), (0, "median"), (1, "best")]

    def test_frames_that_were_not_measured_do_not_count(self) -> None:
        frames = chosen_frames([None, 40, None, 20, 30, None], QUALITY)
        assert frames == {3: "worst", 4: "median", 1: "best"}

    def test_of_an_even_number_the_worse_middle_is_the_median(self) -> None:
        assert chosen_frames([40, 10, 20, 30], QUALITY)[2] == "median"

    def test_of_equal_frames_the_first_is_the_worst(self) -> None:
        assert chosen_frames([20, 20, 20], QUALITY) == {0: "worst", 1: "median", 2: "best"}

    def test_one_frame_may_be_two(self) -> None:
        assert chosen_frames([20, 30], QUALITY) == {0: "worst, median", 1: "best"}


class TestBytes:
    def test_the_nearest_encode_is_shown_as_a_ratio(self) -> None:
        own = encode("videocodec", "40k", 1000, [50])
        half, double = (
            encode("x264", name, size, [50]) for name, size in (("20k", 500), ("80k", 1900))
        )
        assert matched([own, half, double], ["videocodec", "x264"], own) == [own, double]

    def test_of_two_as_near_the_smaller_is_shown(self) -> None:
        own = encode("videocodec", "40k", 1000, [50])
        half, double = (
            encode("x264", name, size, [50]) for name, size in (("20k", 500), ("80k", 2000))
        )
        assert matched([double, own, half], ["videocodec", "x264"], own) == [own, half]

    def test_encodes_that_failed_or_are_smaller_pictures_are_not_shown(self) -> None:
        own = encode("videocodec", "40k", 1000, [50])
        failed = encode("x264", "40k", 1000, [50], error="it broke")
        small = encode("x264", "40k at 0.5", 1000, [50], scale=0.5)
        whole = encode("x264", "80k", 1500, [50])
        row = matched([own, failed, small, whole], ["videocodec", "x264"], own)
        assert row == [own, whole]

    @pytest.mark.parametrize(
        ("count", "rungs"),
        [(0, []), (1, ["40k"]), (2, ["20k", "80k"]), (9, ["10k", "20k", "40k", "80k", "160k"])],
    )
    def test_rates_are_evenly_spread_over_the_first_codecs_rungs(
        self, count: int, rungs: list[str]
    ) -> None:
        sizes = {"160k": 4000, "10k": 250, "20k": 500, "40k": 1000, "80k": 2000}
        made = [encode("videocodec", name, size, [50, 60]) for name, size in sizes.items()]
        assert [plan.rung for plan in plans(ladder(*made), count)] == rungs


class TestMedianCodec:
    def test_its_frames_decide(self) -> None:
        row = [
            encode("videocodec", "40k", 1000, [10, 20, 30]),
            encode("x264", "40k", 1000, [70, 80, 90]),
            encode("svtav1", "40k", 1000, [60, 40, 50]),
        ]
        plan = planned("pan", row, [asdict(QUALITY)])
        assert plan.median == "svtav1"
        assert plan.frames == {1: "worst", 2: "median", 0: "best"}

    def test_of_two_it_is_the_worse(self) -> None:
        row = [
            encode("videocodec", "40k", 1000, [70, 80, 90]),
            encode("svtav1", "40k", 1000, [60, 40, 50]),
        ]
        assert planned("pan", row, [asdict(QUALITY)]).median == "svtav1"

    def test_the_judge_is_a_figure_that_all_have(self) -> None:
        row = [
            encode("videocodec", "40k", 1000, [70, 80]),
            encode("svtav1", "40k", 1000, [60, 40]),
        ]
        for place, record in enumerate(row):
            record["quality"]["lpips"] = {"mean": 0.2 + 0.1 * place}
            record["frames"]["lpips"] = [0.2, 0.3]
        del row[1]["quality"]["ssimulacra2"]
        plan = planned("pan", row, [asdict(QUALITY), asdict(DISTANCE)])
        assert (plan.figure.name, plan.median) == ("lpips", "svtav1")

    def test_without_a_figure_there_is_no_sheet(self) -> None:
        bare = encode("videocodec", "40k", 1000, [70]) | {"quality": {}, "frames": {}}
        assert planned("pan", [bare], [asdict(QUALITY)]) is None
        assert plans(ladder(bare), 2) == []
