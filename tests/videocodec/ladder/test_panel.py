"""The panel: the mean of all measures, and its worst member."""

from __future__ import annotations

import pytest

from videocodec.ladder.analysis import analyse
from videocodec.ladder.analysis_schema import Mean
from videocodec.ladder.metrics import Figure, all_metrics
from videocodec.ladder.panel import geometric_mean, panel
from videocodec.ladder.tables import panel_lines

from .conftest import SmallLadder, needs_bjontegaard


def mean(figure: str, percent: float | None, better: int = 0, worse: int = 0) -> Mean:
    return {
        "figure": figure,
        "codec": "a",
        "clips": 0 if percent is None else 1,
        "better": better,
        "worse": worse,
        "bd_rate_percent": percent,
        "bd_rate_percent_geometric": percent,
    }


def test_half_the_bytes_and_double_are_a_draw() -> None:
    assert geometric_mean([-50, 100]) == pytest.approx(0)
    (entry,) = panel([mean("vmaf", -50), mean("lpips", 100)], ["vmaf", "lpips"])
    assert entry["bd_rate_percent"] == pytest.approx(0)
    assert entry["worst"] == "lpips"


def test_only_members_count_and_those_without_a_rate_are_shown() -> None:
    means = [mean("vmaf", 10), mean("ssim", 500), mean("flicker", None, worse=2)]
    (entry,) = panel(means, ["vmaf", "flicker"])
    assert entry["members"] == {"vmaf": 10, "flicker": None}
    assert entry["bd_rate_percent"] == pytest.approx(10)
    assert (entry["better"], entry["worse"]) == (0, 2)


def test_without_any_rate_there_is_no_mean() -> None:
    (entry,) = panel([mean("vmaf", None)], ["vmaf"])
    assert (entry["bd_rate_percent"], entry["worst"]) == (None, None)


def test_the_members_are_the_house_rule() -> None:
    figures = [figure for metric in all_metrics().values() for figure in metric.figures]
    members = {figure.name for figure in figures if figure.in_panel}
    assert members == {
        "vmaf",
        "vmaf_neg",
        "ssimulacra2",
        "cvvdp",
        "lpips",
        "lpips_alex",
        "dists",
        "xpsnr",
        "psnr_yuv",
        "ms_ssim",
        "flicker",
    }


@needs_bjontegaard
class TestBeyond:
    """Curves that do not overlap have no BD-rate, and still say who is better."""

    FIGURE = Figure("psnr_yuv", "PSNR", "dB", True, 2, perfect=100)

    def analysed(self, lift: float, **limits: float) -> dict:
        records = [
            {
                "id": f"{codec}/{rate}",
                "clip": "pan",
                "codec": codec,
                "mode": "crf",
                "value": 0,
                "bitrate_bps": rate,
                "scale": 1,
                "error": None,
                "sought": None,
                "quality": {"psnr_yuv": {"mean": quality + (lift if codec == "a" else 0)}},
            }
            for codec in "ab"
            for rate, quality in ((20_000, 30), (40_000, 33), (80_000, 36), (160_000, 39))
        ]
        nothing = {"model": 0, "code": 0, "libraries": 0}
        return analyse(
            records,
            clips=["pan"],
            codecs={"a": nothing, "b": nothing},
            figures=[self.FIGURE],
            reference="b",
            **limits,
        )

    @pytest.mark.parametrize(("lift", "counts"), [(20, (1, 0)), (-20, (0, 1))])
    def test_the_clip_counts_as_better_or_worse(self, lift: float, counts: tuple) -> None:
        (entry,) = self.analysed(lift)["panel"]
        assert (entry["better"], entry["worse"]) == counts
        assert entry["bd_rate_percent"] is None

    def test_below_and_above_look_at_their_rates_alone(self) -> None:
        for limits in ({"below": 60_000}, {"above": 60_000}, {}):
            found = self.analysed(-1, **limits)
            (entry,) = found["panel"]
            assert entry["bd_rate_percent"] == pytest.approx(100 * (2 ** (1 / 3) - 1), abs=0.01)
        never = self.analysed(-1, above=200_000)["comparisons"][0]["bd_rate_percent"]
        assert never["reason"] == "never above 200 kbit/s"


@needs_bjontegaard
def test_a_ladder_prints_it_with_what_the_encoders_aim_at(small_ladder: SmallLadder) -> None:
    shown = "\n".join(panel_lines(small_ladder.results))
    entries = {one["codec"]: one for one in small_ladder.results["analysis"]["panel"]}
    assert set(entries) == {"x264", "svtav1"}
    assert f"panel: x264 against x265: {entries['x264']['bd_rate_percent']:+.1f} % bytes" in shown
    assert "x265 is tuned for the eye" in shown and "svtav1 is tuned for PSNR" in shown
