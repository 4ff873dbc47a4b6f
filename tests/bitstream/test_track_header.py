"""The size at which pictures are shown, in the header of the latent track."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from bitstream.access_unit import AccessUnit
from bitstream.container import StreamReader, StreamWriter
from bitstream.container.boxes import read_layout
from bitstream.container.track_header import declare_size, magnification_problem

Write = Callable[[Path, tuple[int, int] | None], Path]


@pytest.fixture
def written(tmp_path: Path, make_units: Callable[..., list[AccessUnit]], make_video) -> Write:
    """A file of units, beside sound, whose pictures are shown at a size."""

    def write(path: Path, shown: tuple[int, int] | None) -> Path:
        with StreamWriter(
            path, Fraction(1, 25), copy_from=make_video(), shown_size=shown
        ) as writer:
            for unit in make_units():
                writer.write(unit.to_bytes(), unit.first_pts, unit.duration)
            writer.commit()
        return path

    return write


def test_a_size_survives_and_costs_nothing(tmp_path: Path, written: Write) -> None:
    plain = written(tmp_path / "plain.mp4", None)
    with StreamReader(plain) as reader:
        coded = reader.coded_size
        assert reader.shown_size == coded and reader.size_problem is None
    shown = (2 * coded[0], 2 * coded[1])
    larger = written(tmp_path / "larger.mp4", shown)
    with StreamReader(larger) as reader:
        assert (reader.coded_size, reader.shown_size) == (coded, shown)
        assert reader.size_problem is None and reader.audio_tracks == 1
    differing = [a != b for a, b in zip(plain.read_bytes(), larger.read_bytes(), strict=True)]
    assert 0 < sum(differing) <= 8
    assert read_layout(larger).tracks[0].declared == shown


def test_a_size_that_cannot_be_is_named_and_not_used(tmp_path: Path, written: Write) -> None:
    path = written(tmp_path / "clip.mp4", None)
    with StreamReader(path) as reader:
        width, height = reader.coded_size
    declare_size(path, 0, (2 * width, height))
    with StreamReader(path) as reader:
        assert reader.shown_size == (width, height)
        assert reader.size_problem == (
            f"its track header shows pictures of {width}×{height} at {2 * width}×{height}, which"
            " cannot be: they are shown as they are coded"
        )


@pytest.mark.parametrize("full", [(177, 145), (352, 288), (1920, 1080), (3, 2), (16384, 4096)])
@pytest.mark.parametrize("scale", [0.3, 0.5, 0.75, 0.9, 1])
def test_every_scale_is_possible(full: tuple[int, int], scale: float) -> None:
    coded = (max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
    assert magnification_problem(full, coded) is None


@pytest.mark.parametrize(
    ("shown", "coded"),
    [
        ((351, 288), (352, 288)),  # smaller than it is coded
        ((352, 144), (176, 144)),  # one side alone
        ((352, 296), (176, 144)),
        ((1000, 1000), (200, 200)),  # more than four times
        ((16392, 4098), (8196, 2049)),  # beyond the limits of the format
        ((352, 0), (176, 144)),
    ],
)
def test_others_are_not(shown: tuple[int, int], coded: tuple[int, int]) -> None:
    assert magnification_problem(shown, coded) is not None
