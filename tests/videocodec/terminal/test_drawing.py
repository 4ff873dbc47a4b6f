"""Pictures as half blocks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from videocodec.terminal.drawing import fit, has_true_colour, render, to_256, to_cells


@pytest.mark.parametrize(
    ("picture", "cells", "size"),
    [
        ((512, 288), (80, 23), (80, 44)),
        ((512, 288), (40, 50), (40, 22)),
        ((100, 400), (80, 23), (12, 46)),
        ((2, 2000), (9, 3), (1, 6)),
    ],
)
def test_proportions_are_kept(
    picture: tuple[int, int], cells: tuple[int, int], size: tuple[int, int]
) -> None:
    assert fit(*picture, *cells) == size


def test_a_cell_has_two_pixels() -> None:
    rgb = np.zeros((4, 2, 3), np.uint8)
    rgb[1, 0], rgb[2, 1] = (255, 0, 0), (0, 0, 9)
    cells = to_cells(rgb, 2, 4)
    assert cells.shape == (2, 2, 6)
    assert cells[0, 0].tolist() == [0, 0, 0, 255, 0, 0] and cells[1, 1].tolist() == [
        0,
        0,
        9,
        0,
        0,
        0,
    ]
    with pytest.raises(ValueError, match=r"rgb must be \(H, W, 3\) uint8, got shape \(3, 4, 2\)"):
        to_cells(np.zeros((3, 4, 2), np.uint8), 2, 2)


def test_colours_are_written_where_they_change() -> None:
    cells = np.zeros((1, 3, 6), np.uint8)
    cells[0, 2] = (1, 2, 3, 0, 0, 0)
    text = render(cells, None, 4, 10, True)
    assert text == "\x1b[5;11H\x1b[38;2;0;0;0;48;2;0;0;0m▀▀\x1b[38;2;1;2;3m▀\x1b[0m"


@pytest.mark.parametrize("true_colour", [True, False])
def test_a_terminal_that_obeys_shows_the_cells(true_colour: bool) -> None:
    """Whatever is written over whatever was there, read back by a terminal of a few lines."""
    rng = np.random.default_rng(2)
    shown, before = np.full((9, 17, 6), -1), None
    for change in (1.0, 0.3, 0.02, 0.0):
        cells = rng.integers(0, 256, (9, 17, 6)).astype(np.uint8)
        cells[:, 1:9] = cells[:, :1]  # runs of one colour
        if before is not None:
            cells = np.where(rng.random((9, 17, 1)) < change, cells, before)
        obey(render(cells, before, 2, 3, true_colour), shown)
        wanted = cells.astype(int)
        if not true_colour:
            wanted = to_256(cells.reshape(9, 17, 2, 3)).repeat(3, -1)
        assert np.array_equal(shown, wanted)
        before = cells


def obey(text: str, shown: np.ndarray) -> None:
    """Write half blocks as a terminal would that begins at row 2 and column 3."""
    row = column = 0
    colours = [0] * 6
    for end, place, codes, block in re.findall(
        r"(\x1b\[0m)|\x1b\[(\d+;\d+)H|\x1b\[([^mH]+)m|(▀)", text
    ):
        if place:
            row, column = (int(number) for number in place.split(";"))
        elif codes:
            numbers = [int(number) for number in codes.split(";")]
            while numbers:
                layer, kind, *numbers = numbers
                count = 3 if kind == 2 else 1
                begin = 3 * (layer == 48)
                colours[begin : begin + 3] = numbers[:count] * (3 // count)
                numbers = numbers[count:]
        elif block:
            shown[row - 3, column - 4] = colours
            column += 1
        else:
            assert end


def test_only_what_changed_is_written() -> None:
    before = np.zeros((3, 5, 6), np.uint8)
    after = before.copy()
    after[1, 2:4] = 7
    assert render(before, before, 0, 0, True) == ""
    assert (
        render(after, before, 0, 0, True).startswith("\x1b[2;3H")
        and render(after, before, 0, 0, True).count("▀") == 2
    )
    assert render(after, before[:2], 0, 0, True).count("▀") == 15  # another size: all of it


def test_the_nearest_of_256_colours() -> None:
    """Against a search through the whole palette."""
    palette = [
        (r, g, b)
        for r in (0, 95, 135, 175, 215, 255)
        for g in (0, 95, 135, 175, 215, 255)
        for b in (0, 95, 135, 175, 215, 255)
    ]
    palette += [(8 + 10 * grey,) * 3 for grey in range(24)]
    colours = np.random.default_rng(0).integers(0, 256, (300, 3)).astype(np.uint8)
    chosen = np.array(palette)[to_256(colours) - 16]
    best = ((colours[:, None].astype(int) - np.array(palette)) ** 2).sum(-1).min(1)
    assert np.array_equal(((colours.astype(int) - chosen) ** 2).sum(-1), best)
    assert re.fullmatch(
        r"\x1b\[1;1H\x1b\[38;5;231;48;5;16m▀\x1b\[0m",
        render(np.array([[[255] * 3 + [0] * 3]], np.uint8), None, 0, 0, False),
    )


@pytest.mark.parametrize(
    ("value", "true_colour"), [("truecolor", True), ("24bit", True), ("", False), ("yes", False)]
)
def test_terminals_say_whether_they_have_all_colours(value: str, true_colour: bool) -> None:
    assert has_true_colour({"COLORTERM": value}) is true_colour
    assert not has_true_colour({})
