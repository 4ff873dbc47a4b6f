"""What a ladder refuses before anything is encoded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from videocodec.errors import ComparisonError
from videocodec.ladder.clips import Clip
from videocodec.ladder.jobs import Rung
from videocodec.ladder.metrics import all_metrics
from videocodec.ladder.settings import (
    DEFAULT_BITRATES,
    LadderSettings,
    check_clips,
    check_targets,
    checked,
    choose_metrics,
)


def settings(**changes: object) -> LadderSettings:
    usual = {
        "codecs": ("x264", "x265"),
        "bitrates": None,
        "crf": None,
        "resolutions": (1.0,),
        "targets": {},
        "presets": {},
    }
    return checked(usual | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"codecs": ("x264", "h266")},
            "unknown codec 'h266': choose from videocodec, x264, x265, svtav1, vp9",
        ),
        ({"codecs": ()}, "no codec: name one or more"),
        (
            {"bitrates": (40,)},
            "bitrate 40 makes no sense: give bits per second from 0.5k on, like 40k",
        ),
        ({"bitrates": (40_000,), "crf": (30,)}, "bitrates and crf exclude each other"),
        (
            {"crf": (60,)},
            (
                r"crf 60 is none of x264: it takes 0..51 in whole numbers; --crf x264=… is for it"
                r" alone"
            ),
        ),
        ({"crf": (30.5,)}, r"crf 30.5 is none of x264"),
        ({"crf": {"vp9": (30,)}}, "a crf for 'vp9', which is not among the codecs x264, x265"),
        ({"resolutions": (0,)}, "resolution 0 makes no sense"),
        ({"resolutions": (2,)}, "resolution 2 makes no sense"),
        (
            {"presets": {"x264": "swift"}},
            "x264 has no preset 'swift': choose from placebo, veryslow",
        ),
        ({"presets": {"vp9": "0"}}, "a preset for 'vp9', which is not among the codecs x264, x265"),
        (
            {"targets": {"vmaf": float("nan")}},
            "the target vmaf=nan makes no sense: give a value to reach",
        ),
        ({"targets": {"vmaf": float("inf")}}, "the target vmaf=inf makes no sense"),
        ({"reference": "vp9"}, "the reference 'vp9' is not among the codecs x264, x265"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(changes: dict, message: str) -> None:
    with pytest.raises(ComparisonError, match=message) as caught:
        settings(**changes)
    assert "\n" not in str(caught.value)


def test_without_rungs_the_usual_bitrates_are_taken_unless_a_target_is_searched() -> None:
    assert settings().bitrates == DEFAULT_BITRATES
    searching = settings(targets={"psnr_y": 35})
    assert [searching.rungs(codec) for codec in searching.codecs] == [[], []]


def test_rungs_are_all_values_at_all_resolutions() -> None:
    found = settings(crf={"x265": (30, 20)}, resolutions=(1, 0.5))
    x264, x265 = found.codecs
    assert found.rungs(x265) == [
        Rung("crf", value, scale) for scale in (1, 0.5) for value in (30, 20)
    ]
    assert [rung.value for rung in found.rungs(x264)][:7] == sorted(x264.default_crfs, reverse=True)


@pytest.mark.parametrize(
    ("codecs", "reference"),
    [(("x264", "x265"), "x265"), (("videocodec", "vp9"), "vp9"), (("x264",), "x264")],
)
def test_the_reference_is_x265_where_there_is_one(codecs: tuple[str, ...], reference: str) -> None:
    assert settings(codecs=codecs).reference == reference


class TestClips:
    def test_two_of_one_name_are_refused(self, clip: Clip) -> None:
        with pytest.raises(ComparisonError, match="two clips are called pan"):
            check_clips([clip, clip], settings())

    def test_a_bitrate_above_the_uncompressed_clip_is_refused(self, clip: Clip) -> None:
        with pytest.raises(
            ComparisonError,
            match="bitrate 2M makes no sense for pan: uncompressed it takes 1.8432M",
        ):
            check_clips([clip], settings(bitrates=(40_000, 2_000_000)))

    def test_a_resolution_without_pixels_is_refused(self, clip: Clip) -> None:
        with pytest.raises(ComparisonError, match="pan at 0.1 of its size is below 16 px a side"):
            check_clips([clip], settings(resolutions=(0.1,)))

    def test_clips_of_different_size_are_allowed(self, clip: Clip) -> None:
        check_clips([clip, replace(clip, name="other", width=64)], settings())


class TestMetrics:
    METRICS = all_metrics()

    def test_one_that_is_none_lists_those_that_are(self) -> None:
        with pytest.raises(
            ComparisonError, match="unknown metric 'butter': choose from vmaf, ssimulacra2"
        ):
            choose_metrics(self.METRICS, ["butter"])

    def test_one_that_was_asked_for_and_cannot_be_measured_is_an_error(self) -> None:
        with pytest.raises(
            ComparisonError,
            match="metric lpips cannot be measured: no weights: give --lpips-weights",
        ):
            choose_metrics(self.METRICS, ["psnr", "lpips"])
        assert len(choose_metrics(self.METRICS, None)) == len(self.METRICS)

    def test_a_target_needs_a_figure_that_is_measured(self) -> None:
        chosen = choose_metrics(self.METRICS, ["psnr", "flicker"])
        assert list(check_targets({"psnr_yuv": 30}, chosen)) == ["psnr_yuv"]
        with pytest.raises(
            ComparisonError,
            match="no figure 'ssim' to search for: choose from psnr_y, psnr_yuv, flicker",
        ):
            check_targets({"ssim": 0.9}, chosen)
