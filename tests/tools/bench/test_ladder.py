"""tools/bench/ladder.py: BD-rates of ladders as results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.bench.ladder import main
from tools.bench.results import Results

pytest.importorskip("bjontegaard")
RUNGS = ((10_000, 30), (20_000, 33), (40_000, 36), (80_000, 39))


@pytest.fixture
def write_ladder(tmp_path: Path) -> Callable[..., Path]:
    """write_ladder(name, videocodec=factor, x265=factor) → a folder with results.json, in which
    codecs take that many times the rate for the same quality.
    """

    def write(name: str, **factors: float) -> Path:
        records = [
            {
                "clip": clip,
                "codec": codec,
                "mode": "crf",
                "value": quality,
                "bitrate_bps": factor * rate,
                "scale": 1,
                "error": None,
                "sought": None,
                "quality": {"psnr_y": {"mean": quality}},
            }
            for clip in ("pan", "zoom")
            for codec, factor in factors.items()
            for rate, quality in RUNGS
        ]
        found = {
            "command": ["/usr/bin/videocodec", "ladder", "/data/pan.mp4", "--output", "/tmp/out"],
            "created": "2026-01-02T03:04:05+00:00",
            "commit": "abc",
            "machine": {"processor": "A processor", "cores": 2, "jobs": 1},
            "clips": [{"name": clip, "sha256": "0" * 64} for clip in ("pan", "zoom")],
            "codecs": [{"name": codec, "preset": None} for codec in factors],
            "figures": [
                {
                    "name": "psnr_y",
                    "label": "PSNR Y",
                    "unit": "dB",
                    "higher_is_better": True,
                    "decimals": 2,
                    "perfect": 100.0,
                }
            ],
            "records": records,
        }
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(found))
        return tmp_path / name

    return write


def written(tmp_path: Path, *arguments: object) -> Results:
    main([*map(str, arguments), "--results", str(tmp_path / "found.json")])
    return Results.from_json((tmp_path / "found.json").read_text())


def test_the_first_codec_is_compared_with_every_other(
    write_ladder: Callable, tmp_path: Path
) -> None:
    folder = write_ladder("a", videocodec=0.8, x265=1.0, x264=1.6)
    found = written(tmp_path, folder)
    table = found.tables["psnr_y"]
    assert table.columns == ["clip", "x265", "x264"]
    assert [row[0] for row in table.rows] == ["pan", "zoom", "mean"]
    assert all(row[1:] == pytest.approx([-20, -50]) for row in table.rows)
    assert found.command == "videocodec ladder pan.mp4 --output OUTPUT"
    assert (found.date, found.commit, found.clips["pan"]) == ("2026-01-02", "abc", "0" * 64)


def test_only_rates_below_a_limit_count(write_ladder: Callable, tmp_path: Path) -> None:
    folder = write_ladder("a", videocodec=0.8, x265=1.0)
    (row, *_) = written(tmp_path, folder, "--below", "5k").tables["psnr_y"].rows
    assert row[1] == "never below 5 kbit/s"


def test_two_ladders_are_compared_by_their_first_codec(
    write_ladder: Callable, tmp_path: Path
) -> None:
    judged, plain = write_ladder("a", videocodec=0.9), write_ladder("b", videocodec=1.0)
    found = written(tmp_path, judged, "--against", plain, "--figures", "psnr_y")
    (row,) = found.tables["figures"].rows
    assert row[0] == "PSNR Y" and row[1:] == pytest.approx([-10, -10, -10])
