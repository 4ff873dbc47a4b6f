"""Metrics: checked against the ffmpeg program's own figures, and for what must hold of any
metric.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videocodec.ladder.clips import Clip, prepare
from videocodec.ladder.ffmpeg_program import ffmpeg
from videocodec.ladder.metrics import Metric, Pair, all_metrics

from .conftest import FRAMES, needs_program

NAMES = ["vmaf", "ssimulacra2", "cvvdp", "lpips", "lpips_alex", "dists", "xpsnr", "psnr", "ssim"]
NAMES += ["ms_ssim", "flicker"]


def metric(name: str, **files: Path) -> Metric:
    """One metric; files by option, with _ for -."""
    named = {option.replace("_", "-"): str(path) for option, path in files.items()}
    return all_metrics(named)[name]


def by_program(pair: Pair, graph: str, *, source_first: bool = False) -> None:
    files = pair.distorted_file, pair.reference_file
    first, second = reversed(files) if source_first else files
    raw = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-s",
        f"{pair.clip.width}x{pair.clip.height}",
        "-r",
        pair.clip.rate,
    ]
    ffmpeg(
        [
            *raw,
            "-i",
            str(first),
            *raw,
            "-i",
            str(second),
            "-lavfi",
            graph,
            "-f",
            "null",
            "-",
        ]
    )


def stats(path: Path, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf"\b{name}:\s*([\d.]+)", path.read_text())]


def test_all_are_listed_in_order() -> None:
    assert list(all_metrics()) == NAMES


@needs_program
class TestAgainstTheProgram:
    @pytest.fixture
    def pair(self, clip: Clip, make_pair: Callable[..., Pair], noise: Callable) -> Pair:
        return make_pair(clip, noise(9))

    def test_psnr(self, pair: Pair, tmp_path: Path) -> None:
        by_program(pair, f"psnr=stats_file={tmp_path / 'stats'}")
        planes = [stats(tmp_path / "stats", f"psnr_{plane}") for plane in "yuv"]
        found = metric("psnr").measure(pair)
        assert found["psnr_y"] == pytest.approx(planes[0], abs=0.006)
        assert found["psnr_yuv"] == pytest.approx(
            [(6 * y + u + v) / 8 for y, u, v in zip(*planes, strict=True)], abs=0.006
        )
        assert len(found["psnr_y"]) == FRAMES

    def test_ssim(self, pair: Pair, tmp_path: Path) -> None:
        by_program(pair, f"ssim=stats_file={tmp_path / 'stats'}")
        assert metric("ssim").measure(pair)["ssim"] == pytest.approx(
            stats(tmp_path / "stats", "Y"), abs=2e-6
        )

    def test_xpsnr(self, pair: Pair, tmp_path: Path) -> None:
        by_program(pair, f"xpsnr=stats_file={tmp_path / 'stats'}", source_first=True)
        planes = [stats(tmp_path / "stats", plane)[:FRAMES] for plane in "yuv"]
        expected = [(6 * y + u + v) / 8 for y, u, v in zip(*planes, strict=True)]
        assert metric("xpsnr").measure(pair)["xpsnr"] == pytest.approx(expected, abs=1e-3)
        by_program(pair, f"xpsnr=stats_file={tmp_path / 'other'}")
        weighted_by_the_noise = stats(tmp_path / "other", "y")[:FRAMES]
        assert min(np.subtract(weighted_by_the_noise, planes[0])) > 0.05

    def test_vmaf(self, pair: Pair, tmp_path: Path) -> None:
        by_program(pair, f"libvmaf=log_fmt=csv:log_path={tmp_path / 'stats'}")  # its default model
        head, *rows = [
            line.split(",") for line in (tmp_path / "stats").read_text().strip().splitlines()
        ]
        expected = [float(row[head.index("vmaf")]) for row in rows]
        found = metric("vmaf").measure(pair)
        assert found["vmaf"] == pytest.approx(expected, abs=1e-4)
        assert np.mean(found["vmaf_neg"]) <= np.mean(found["vmaf"]) + 1e-3


class TestEqualClips:
    @needs_program
    def test_vmaf_is_97_or_more(self, clip: Clip, make_pair: Callable[..., Pair]) -> None:
        # the first frame has no motion
        assert min(metric("vmaf").measure(make_pair(clip))["vmaf"]) >= 97 - 3
        assert np.mean(metric("vmaf").measure(make_pair(clip))["vmaf"]) >= 97

    def test_the_others_are_perfect(
        self, clip: Clip, make_pair: Callable[..., Pair], lpips_weights: Path
    ) -> None:
        pair = make_pair(clip)
        perfect = {
            "psnr_y": 100,
            "psnr_yuv": 100,
            "ssim": 1,
            "xpsnr": 100,
            "flicker": 0,
            "lpips": 0,
        }
        for name in ("psnr", "ssim", "xpsnr", "flicker", "lpips"):
            for figure, values in metric(name, lpips_weights=lpips_weights).measure(pair).items():
                known = [value for value in values if value is not None]
                assert known == pytest.approx([perfect[figure]] * len(known), abs=1e-6)


def test_all_figures_fall_with_noise(
    clip: Clip, make_pair: Callable[..., Pair], noise: Callable, lpips_weights: Path
) -> None:
    for found in all_metrics({"lpips-weights": str(lpips_weights)}).values():
        if found.missing(clip) is not None:
            continue
        ladder = [found.measure(make_pair(clip, noise(amplitude))) for amplitude in (3, 12, 40)]
        for figure in found.figures:
            means = [
                np.mean([value for value in series[figure.name] if value is not None])
                for series in ladder
            ]
            assert means == sorted(means, reverse=figure.higher_is_better), figure.name
            assert len(set(means)) == 3


class TestFlicker:
    def test_a_brightness_that_jumps_is_flicker_and_a_constant_error_is_none(
        self, clip: Clip, make_pair: Callable[..., Pair]
    ) -> None:
        def jumping(frames: np.ndarray) -> np.ndarray:
            frames[::2, : clip.height] += 10
            return frames

        def constant(frames: np.ndarray) -> np.ndarray:
            frames[:, : clip.height] += 10
            return frames

        assert metric("flicker").measure(make_pair(clip, constant))["flicker"][1:] == pytest.approx(
            [0] * (FRAMES - 1), abs=0.2
        )
        values = metric("flicker").measure(make_pair(clip, jumping))["flicker"]
        assert values[0] is None
        assert min(values[1:]) > 4


class TestMissing:
    def test_weights_that_were_not_given_are_asked_for(self) -> None:
        assert metric("lpips").missing() == "no weights: give --lpips-weights FILE.safetensors"
        assert metric("dists").missing() == "no weights: give --dists-weights FILE.safetensors"

    def test_a_metric_too_large_for_the_clip_says_so(
        self, clip: Clip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videocodec.ladder.metrics.vmaf.missing_program", lambda: None)
        monkeypatch.setattr("videocodec.ladder.metrics.vmaf.has_filter", lambda name: True)
        assert metric("ms_ssim").missing() is None
        assert (
            metric("ms_ssim").missing(clip)
            == "its five scales need 176 px a side, and pan is 96x64"
        )

    def test_without_the_program_vmaf_says_how_to_get_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videocodec.ladder.ffmpeg_program.find_spec", lambda name: None)
        assert (
            metric("vmaf").missing()
            == "needs the package imageio-ffmpeg: pip install imageio-ffmpeg"
        )


@needs_program
def test_ms_ssim_of_a_clip_that_is_large_enough(
    write_movie: Callable[..., Path],
    panned: Callable,
    make_pair: Callable[..., Pair],
    noise: Callable,
    tmp_path: Path,
) -> None:
    large = prepare(
        write_movie(tmp_path / "large.mp4", panned(2, 176, 192, (1, 1))), tmp_path / "cache"
    )
    assert metric("ms_ssim").measure(make_pair(large))["ms_ssim"] == pytest.approx([1, 1])
    assert max(metric("ms_ssim").measure(make_pair(large, noise(30)))["ms_ssim"]) < 0.999


class TestDists:
    """With random weights: what must hold whatever they are."""

    @pytest.fixture(scope="class")
    @classmethod
    def weights(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        from safetensors.numpy import save_file

        from videocodec.judges.dists import CHANNELS, STAGES

        rng, inputs, tensors = np.random.default_rng(3), 3, {}
        for stage, channels in zip(STAGES, CHANNELS[1:], strict=True):
            for layer in stage:
                tensors[f"features.{layer}.weight"] = (
                    rng.standard_normal((channels, inputs, 3, 3)) * (2 / (9 * inputs)) ** 0.5
                ).astype("f4")
                tensors[f"features.{layer}.bias"] = np.zeros(channels, "f4")
                inputs = channels
        tensors |= {
            name: rng.random((1, sum(CHANNELS), 1, 1)).astype("f4") for name in ("alpha", "beta")
        }
        path = tmp_path_factory.mktemp("dists") / "dists.safetensors"
        save_file(tensors, str(path))
        return path

    def test_it_is_0_for_equal_pictures_and_grows_with_noise(
        self, clip: Clip, make_pair: Callable, noise: Callable, weights: Path
    ) -> None:
        found = metric("dists", dists_weights=weights)
        means = []
        for amplitude in (0, 5, 30):
            values = found.measure(make_pair(clip, noise(amplitude)))["dists"]
            assert [index for index, value in enumerate(values) if value is not None] == list(
                range(0, FRAMES, 3)
            )
            means.append(np.mean([value for value in values if value is not None]))
        assert means[0] == pytest.approx(0, abs=1e-5)
        assert means[0] < means[1] < means[2] < 1
