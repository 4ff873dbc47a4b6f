"""tools/bench_codecs.py: its arithmetic, and eight small frames through every encoder it compares with."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from videocodec.media.source import VideoSource


@pytest.fixture(scope="module")
def bench(tool_module):
    return tool_module("bench_codecs")


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory: pytest.TempPathFactory, write_movie, panned) -> Path:
    return write_movie(tmp_path_factory.mktemp("clips") / "pan.mp4", panned(8, 64, 64, (1, 2)))


@pytest.fixture
def clip(bench, clip_path: Path):
    return bench.Clip(clip_path, None)


RATES = (10.0, 20.0, 40.0, 80.0)
QUALITY = (-0.4, -0.3, -0.2, -0.1)  # of lpips


class TestCurve:
    def test_it_is_sorted_by_rate(self, bench) -> None:
        found = bench.Curve.of(zip(RATES[::-1], QUALITY[::-1]))
        assert found.rates.tolist() == list(RATES)
        assert found.quality.tolist() == list(QUALITY)

    def test_rates_are_interpolated_in_their_logarithm(self, bench) -> None:
        found = bench.Curve.of(zip(RATES, QUALITY))
        assert found.rate_at(-0.25) == pytest.approx(20 * 2**0.5)
        assert found.rate_at(-0.4) == pytest.approx(10)
        assert found.quality_at(20 * 2**0.5) == pytest.approx(-0.25)

    @pytest.mark.parametrize("quality", [-0.41, -0.09])
    def test_nothing_is_extrapolated(self, bench, quality: float) -> None:
        assert bench.Curve.of(zip(RATES, QUALITY)).rate_at(quality) is None

    def test_super_resolution_counts_only_below_everything_else(self, bench) -> None:
        def rung(size: float, lpips: float) -> dict[str, float]:
            return {"bytes": size * 125, "seconds": 1, "lpips": lpips, "psnr": -lpips}

        plain = {"50": rung(20, 0.2), "70": rung(10, 0.3)}
        prolonged = bench.curve(plain | {f"66{bench.SUPERRES}": rung(9, 0.4)}, "lpips")
        assert prolonged.rates.tolist() == [9, 10, 20]
        assert prolonged.quality.tolist() == [-0.4, -0.3, -0.2]
        for useless in (rung(11, 0.4), rung(9, 0.25)):
            assert bench.curve(plain | {f"66{bench.SUPERRES}": useless}, "lpips").rates.tolist() == [10, 20]


class TestBdRate:
    """With the package of that name, where it is installed (the dev extra)."""

    @pytest.fixture(autouse=True)
    def package(self):
        return pytest.importorskip("bjontegaard")

    def test_half_the_bytes_everywhere_are_minus_50_percent(self, bench) -> None:
        reference, ours = bench.Curve.of(zip(RATES, QUALITY)), bench.Curve.of((rate / 2, q) for rate, q in zip(RATES, QUALITY))
        percent, overlap = bench.bd_rate(ours, reference)
        assert percent == pytest.approx(-50)
        assert overlap == "100 %"

    def test_it_is_the_packages_figure(self, bench, package) -> None:
        ours, reference = [(7, 30.5), (15, 32.8), (44, 34.0), (60, 36.0)], [(10, 30), (20, 33), (40, 35), (80, 36.5), (90, 37)]
        expected = package.bd_rate(*zip(*reference), *zip(*ours), method="akima", require_matching_points=False, min_overlap=0)
        assert bench.bd_rate(bench.Curve.of(ours), bench.Curve.of(reference))[0] == pytest.approx(expected)

    def test_only_the_part_below_a_rate_can_be_compared(self, bench) -> None:
        reference = bench.Curve.of(zip(RATES, QUALITY))
        ours = bench.Curve.of((rate / (2 if rate <= 40 else 1), quality) for rate, quality in zip(RATES, QUALITY))
        assert bench.bd_rate(ours, reference, below=10)[0] == pytest.approx(-50, abs=3)
        assert bench.bd_rate(ours, reference)[0] > -48

    def test_the_overlap_is_the_part_of_our_range_that_the_reference_reaches(self, bench) -> None:
        reference = bench.Curve.of(zip(RATES, (-0.3, -0.2, -0.1, -0.05)))
        percent, overlap = bench.bd_rate(bench.Curve.of(zip(RATES, QUALITY)), reference)
        assert percent > 0
        assert overlap == "67 %"

    @pytest.mark.parametrize(
        ("rungs", "reason"),
        [
            ([(10, -0.9), (20, -0.8), (40, -0.7)], "no overlap"),
            ([(10, -0.4), (20, -0.2), (40, -0.3)], "not monotonic (ours)"),
            ([(10, -0.4), (10, -0.3), (40, -0.2)], "not monotonic (ours)"),
            ([(10, -0.4), (20, -0.3)], "too few rungs"),
        ],
    )
    def test_it_is_refused_where_it_means_nothing(self, bench, rungs: list[tuple[float, float]], reason: str) -> None:
        assert bench.bd_rate(bench.Curve.of(rungs), bench.Curve.of(zip(RATES, QUALITY))) == (None, reason)

    def test_a_clip_that_never_comes_below_the_rate_is_named(self, bench) -> None:
        both = bench.Curve.of(zip(RATES, QUALITY))
        assert bench.bd_rate(both, both, below=10) == (None, "ours never below 10 kbit/s")


class TestCacheName:
    def test_it_changes_with_all_that_the_figures_depend_on(self, bench, clip_path: Path) -> None:
        def name(codec: str = "x264", limit: int | None = None, rung: str = "30", gop_size: int = 250, lpips: str = "a") -> str:
            clip = bench.Clip(clip_path, limit)
            return bench.cache_name(clip.name, bench.identity(codec, clip, rung, gop_size, lpips))

        assert name() == name()
        others = [name(codec="x265"), name(codec="videocodec"), name(limit=5), name(rung="31"), name(gop_size=4), name(lpips="b")]
        assert len({name(), *others}) == 7
        assert name().startswith("pan-x264-30-")

    def test_the_model_and_the_sources_of_ours_are_among_it(self, bench, clip) -> None:
        found = bench.identity("videocodec", clip, "30", 250, "a")
        assert len(found["model"]) == len(found["package"]) == len(found["source"]) == 64


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
class TestReferences:
    def test_frames_come_back_in_the_sources_colours(self, bench, clip, codec: str, tmp_path: Path) -> None:
        reference = bench.REFERENCES[codec]
        sizes = {}
        for rung in ("12", reference.ladder[-1]):
            output = tmp_path / f"{len(sizes)}.mp4"
            sizes[rung] = bench.encode_reference(reference, clip, rung, 250, output)
            with VideoSource(output) as coded:
                pictures = [frame.rgb for frame in coded]
            errors = [np.abs(picture.astype(int) - rgb).mean() for picture, (rgb, _) in zip(pictures, clip.rgb(), strict=True)]
            assert max(errors) < (3 if rung == "12" else 40)
        assert sizes["12"] > 3 * sizes[reference.ladder[-1]] > 0

    def test_keyframes_are_as_far_apart_as_asked(self, bench, clip, codec: str, tmp_path: Path) -> None:
        for gop_size, keyframes in ((4, 2), (250, 1)):
            output = tmp_path / f"{gop_size}.mp4"
            bench.encode_reference(bench.REFERENCES[codec], clip, "40", gop_size, output)
            with av.open(str(output)) as container:
                assert sum(packet.is_keyframe for packet in container.demux(video=0)) == keyframes


def test_the_options_x264_lists_are_not_counted_and_are_those_asked_for(bench, clip, tmp_path: Path) -> None:
    counted = bench.encode_reference(bench.REFERENCES["x264"], clip, "30", 250, tmp_path / "coded.mp4")
    with av.open(str(tmp_path / "coded.mp4")) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    assert 600 < sum(map(len, packets)) - counted < 900
    for option in (b"sliced_threads=0", b"keyint=250", b"rc=crf", b"crf=30.0", b"ref=16"):
        assert option in packets[0]


def test_a_second_run_measures_nothing(run_tool, clip_path: Path, lpips_weights: Path, tmp_path: Path) -> None:
    arguments = ("--clips", clip_path.parent, "--lpips", lpips_weights, "--codecs", "x264", "--cache", tmp_path)
    first = run_tool("bench_codecs", *arguments)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("| pan | x264 |") == 7
    written = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert len(written) == 7
    assert run_tool("bench_codecs", *arguments).stdout == first.stdout
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == written
