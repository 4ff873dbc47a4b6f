"""tools/bench/panel_figures.py: pictures compared in the measures of the panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tools.bench.panel_figures import (
    PanelFigures,
    all_figures,
    figures_table,
    pictures_of,
    write_lossless,
)


def test_what_is_written_is_without_loss(
    panned: Callable[..., list[np.ndarray]], tmp_path: Path
) -> None:
    pictures = panned(3, 48, 64, (1, 2))
    write_lossless(tmp_path / "half.mkv", pictures)
    read = pictures_of(tmp_path / "half.mkv", 2)
    assert len(read) == 2
    assert all(np.array_equal(a, b) for a, b in zip(read, pictures, strict=False))


def test_what_is_further_away_is_worse(
    panned: Callable[..., list[np.ndarray]], tmp_path: Path
) -> None:
    pictures = panned(3, 48, 64, (1, 2))
    panel = PanelFigures(pictures, tmp_path, only=("psnr", "xpsnr"))
    assert [figure.name for figure in panel.figures] == ["xpsnr", "psnr_yuv"]
    noise = np.random.default_rng(1).normal(0, 1, pictures[0].shape)
    made = {
        level: [np.clip(each + level * noise, 0, 255).astype(np.uint8) for each in pictures]
        for level in (0, 4, 16)
    }
    same, near, far = (panel.measured(made[level]) for level in (0, 4, 16))
    for figure in panel.figures:
        assert same[figure.name] == pytest.approx(figure.perfect)
        assert same[figure.name] > near[figure.name] > far[figure.name] + 5


def test_a_table_has_a_column_for_every_figure_of_the_panel() -> None:
    figures = all_figures()
    assert {"vmaf", "vmaf_neg", "ssimulacra2", "lpips", "xpsnr", "psnr_yuv", "ms_ssim"} <= {
        figure.name for figure in figures
    }
    assert figures_table(figures, "clip").columns == ["clip", *(each.name for each in figures)]
