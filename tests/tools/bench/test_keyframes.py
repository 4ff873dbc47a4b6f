"""tools/bench/keyframes.py: first frames of clips become keyframes, beside SVT-AV1's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from videocodec.ladder.metrics.vmaf import Vmaf

pytest.importorskip("ssimulacra2")


def test_tables_are_printed(
    run_tool: Callable, panned: Callable, write_movie: Callable, lpips_weights: Path, tmp_path: Path
) -> None:
    write_movie(tmp_path / "clip.mp4", panned(2, 64, 96, (1, 2)))
    rates = ("--crf", 10, 40, "--svtav1-crf", 30, 63, "--bpp", 1, "--presets", "veryfast")
    ran = run_tool("bench.keyframes", "--clips", tmp_path, "--lpips", lpips_weights, *rates)
    assert ran.returncode == 0, ran.stderr
    rows = [line.strip("|").split("|") for line in ran.stdout.splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in row] for row in rows]
    fine, coarse = (next(row for row in cells if row[0] == crf) for crf in ("10", "40"))
    assert float(fine[1]) > float(coarse[1]) > 0  # bits
    assert float(fine[2]) > float(coarse[2])  # decibels
    codecs = [["1", "second, veryfast"], ["1", "SVT-AV1 intra"]]
    assert [row[:2] for row in cells[-2:]] == codecs
    head = next(row for row in cells if row[0] == "quantiser")
    assert ("VMAF" in head) == (Vmaf({}).missing() is None)
