"""tools/bench/inter.py: every configuration codes and decodes, and tables come out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.slow
def test_all_tables_are_printed(
    run_tool: Callable,
    panned: Callable,
    write_movie: Callable[..., Path],
    lpips_weights: Path,
    tmp_path: Path,
) -> None:
    pytest.importorskip("bjontegaard")
    (tmp_path / "clips").mkdir()
    write_movie(tmp_path / "clips" / "pan.mp4", panned(4, 48, 64, (1, 2)))
    ran = run_tool(
        "bench.inter",
        "--clips",
        tmp_path / "clips",
        "--lpips",
        lpips_weights,
        "--crf",
        26,
        38,
        50,
        "--jobs",
        1,
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line for line in ran.stdout.splitlines() if line.startswith("|")]
    assert sum(row.startswith("| + ") for row in rows) == 8
    assert sum(row.startswith("| without ") for row in rows) == 4
    assert [
        row.split("|")[1].strip() for row in rows if row.split("|")[1].strip() in {"26", "38", "50"}
    ] == ["26", "38", "50"]


def test_the_whole_encoder_is_the_one_people_use(tool_module: Callable) -> None:
    from videocodec.encoder.settings import EncoderSettings

    added, without = tool_module("bench.inter_coders").coders()
    whole = added[-1]
    assert (
        whole.weighted
        and whole.decides
        and EncoderSettings(crf=30, **whole.settings) == EncoderSettings(crf=30)
    )
    assert all(
        EncoderSettings(crf=30, **coder.settings) != EncoderSettings(crf=30) or not coder.weighted
        for coder in without
    )


def test_bytes_are_shared_out_over_the_elements_of_the_syntax(tool_module: Callable) -> None:
    inter = tool_module("bench.inter")
    whole = tool_module("bench.inter_coders").coders()[0][-1]
    spent = dict.fromkeys(inter.PARTS, 10.0) | {"inter": 100.0, "keyframes": 50.0}
    coded = inter.Coded(150, 30.0, 0.2, spent)
    table = inter.shares(
        {"a": {(whole.name, 32): coded}, "b": {(whole.name, 32): coded}}, whole, [32]
    )
    assert table.rows == [[32, 200.0, *[10.0] * len(inter.PARTS), 40.0, 50.0]]
