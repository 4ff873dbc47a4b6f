"""A ladder of presets has a row for each, with the means over clips."""

from __future__ import annotations

import pytest

from tools.bench.presets import ladder, parser


def test_a_row_has_means_over_clips() -> None:
    milliseconds = {"one": {"fast": 10.0, "medium": 20.0}, "two": {"fast": 30.0, "medium": 40.0}}
    rates: dict[str, dict[str, float | None]] = {
        "one": {"fast": 21.0, "medium": 0.0},
        "two": {"fast": None, "medium": 0.0},
    }
    table = ladder(["fast", "medium"], milliseconds, rates)
    assert table.columns == ["preset", "ms a frame", "one, %", "two, %", "mean, %"]
    assert table.rows == [
        ["fast", 20.0, 21.0, None, pytest.approx(21.0)],
        ["medium", 30.0, 0.0, 0.0, pytest.approx(0.0)],
    ]


def test_a_preset_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--clips", ".", "--presets", "quick"])
    assert "invalid choice: 'quick'" in capsys.readouterr().err
