"""tools/bench/ablation.py: the encoder without one of its tools, and what a tool is worth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tools.bench.ablation import TOOLS, by_clip, by_figure
from videocodec import decode_frames, encode

Clip = tuple[Path, bytes, list[np.ndarray]]


@pytest.fixture(scope="module")
def clip(
    tmp_path_factory: pytest.TempPathFactory,
    panned: Callable[..., list[np.ndarray]],
    write_movie: Callable[..., Path],
) -> Clip:
    """A picture that moves within a frame that does not, its bytes with all tools, and its
    pictures.
    """
    folder = tmp_path_factory.mktemp("ablation")
    frames = panned(17, 160, 160, (0, 0))
    for frame, inner in zip(frames, panned(17, 96, 96, (1, 2), seed=1), strict=True):
        frame[32:128, 32:128] = inner
    source = write_movie(folder / "source.mp4", frames)
    coded = folder / "coded.mp4"
    encode(source, coded, crf=36, model="second", threads=1)
    return source, coded.read_bytes(), [frame.data for frame in decode_frames(coded)]


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "level sizes"])
def test_an_encoder_without_a_tool_writes_other_bytes_that_decode(
    tool: str, clip: Clip, tmp_path: Path
) -> None:
    source, whole, pictures = clip
    with TOOLS[tool]():
        encode(source, tmp_path / "coded.mp4", crf=36, model="second", threads=1)
        decoded = [frame.data for frame in decode_frames(tmp_path / "coded.mp4")]
    assert (tmp_path / "coded.mp4").read_bytes() != whole
    assert len(decoded) == len(pictures)
    for one, other in zip(decoded, pictures, strict=True):
        assert np.mean(np.abs(one.astype(int) - other)) < 12


def test_a_tool_is_gone_only_as_long_as_asked(clip: Clip, tmp_path: Path) -> None:
    source, whole, _ = clip
    for without in TOOLS.values():
        with without():
            pass
    encode(source, tmp_path / "coded.mp4", crf=36, model="second", threads=1)
    assert (tmp_path / "coded.mp4").read_bytes() == whole


def test_means_are_of_ratios_and_of_what_is_known() -> None:
    found = {
        "one": {"tool": {"good": -50.0, "panel": -50.0}},
        "two": {"tool": {"good": 100.0, "panel": 100.0}},
        "three": {"tool": {"good": None, "panel": None}},
    }
    assert by_clip(found).rows == [["tool", -50.0, 100.0, None, pytest.approx(0.0)]]
    assert by_figure(found, "tool", ["good", "rare"]).rows[-1] == [
        "mean",
        pytest.approx(0.0),
        None,
        pytest.approx(0.0),
    ]
