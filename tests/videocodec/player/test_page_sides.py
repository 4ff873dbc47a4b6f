"""Several files behind one page, in a real browser: which is shown, what stands beside it, and how
far the two are apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from videocodec.media.source import VideoSource

from .conftest import FRAMES, HEIGHT, WIDTH

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slow_movie(write_movie, panned, tmp_path_factory) -> Path:
    """A video of the same size and length with half the frames."""
    path = tmp_path_factory.mktemp("slow") / "slow.mp4"
    frames = panned(FRAMES // 2, HEIGHT, WIDTH, (0, 1), seed=8)
    return write_movie(path, frames, pts=range(0, FRAMES, 2))


@pytest.fixture(scope="module")
def two(coded_movie, slow_movie, play) -> Iterator:
    """The coded movie, its original as a file of its own, and the slow movie."""
    others = [coded_movie.movie, slow_movie]
    with play(coded_movie.coded, coded_movie.movie, others=others, keep_open=True) as player:
        yield player


@pytest.fixture(scope="module")
def slow(slow_movie) -> list[np.ndarray]:
    with VideoSource(slow_movie) as source:
        return [frame.rgb for frame in source]


def has_sides(page, left: int, right: object) -> None:
    page.page.locator(f'body[data-sides="{left} {right}"]').wait_for(timeout=60_000)


def test_number_keys_show_files_at_the_same_time(open_page, two, decoded, originals, slow) -> None:
    page = open_page(two, hash="#frame=9")
    page.shows(9)
    has_sides(page, 0, "source")
    page.press("2")
    has_sides(page, 1, "source")
    page.shows(9)
    page.page.wait_for_function("() => document.title.startsWith('pan.mp4')")
    page.draws(originals[9])
    page.press("3")  # 0.36 s is between its frames 4 (0.32 s) and 5 (0.4 s)
    page.shows(4)
    page.draws(slow[4])
    assert page.page.locator("#of").inner_text() == f"of {FRAMES // 2 - 1}"
    page.press(".")
    page.shows(5)
    page.press("1")
    page.shows(10)
    assert np.array_equal(page.picture(), decoded[10])
    page.press("7")
    page.page.locator("#message", has_text="There is no file 7").wait_for()


def test_keys_go_through_files_and_partners(open_page, two, decoded, slow) -> None:
    page = open_page(two, hash="#frame=8")
    page.shows(8)
    page.press("N")
    has_sides(page, 0, 1)
    page.press("N")
    has_sides(page, 0, 2)
    page.choose("view", "side")
    page.shows(8, "compared")
    assert np.array_equal(page.picture("original"), slow[4])
    assert page.page.locator("#tag-right").inner_text() == "slow.mp4"
    page.press("n", "n")  # the slow movie, beside what was shown before
    has_sides(page, 2, 1)
    page.shows(4)
    page.press("n")
    has_sides(page, 0, 1)
    page.shows(8)
    assert np.array_equal(page.picture(), decoded[8])


def test_the_fields_choose_too(open_page, two, slow) -> None:
    page = open_page(two, hash="#frame=8")
    page.shows(8)
    page.choose("left", "2")
    page.shows(4)
    page.choose("right", "0")
    has_sides(page, 2, 0)
    assert np.array_equal(page.picture(), slow[4])
    assert "slow.mp4" in page.page.locator("#view option").first.inner_text()


def test_a_frame_that_the_other_file_has_not_is_said(open_page, two) -> None:
    page = open_page(two, hash="#frame=9")
    page.shows(9)
    page.choose("right", "2")
    page.press("a")
    page.shows(9, "compared")
    # frame 9 is half a frame away from both of its neighbours there at best
    page.page.locator("#message", has_text="slow.mp4 has no frame at this time").wait_for()


def test_an_ordinary_file_says_that_nothing_is_known(open_page, two) -> None:
    page = open_page(two, hash="#frame=4")
    page.shows(4)
    page.choose("overlay-kind", "modes")
    page.has_drawn(4, "modes")
    page.press("2")
    page.has_drawn(4, "none")  # it has no block modes
    offered = page.page.locator("#overlay-kind option:not([disabled])").all_inner_texts()
    assert offered == ["None", "Provenance", "Error"]
    page.press("o")
    page.has_drawn(4, "provenance")
    legend = page.page.locator("#legend").inner_text()
    assert "unknown" in legend and "100 %" in legend and "generated" not in legend
    page.press("1")
    page.has_drawn(4, "provenance")
    assert "transmitted" in page.page.locator("#legend").inner_text()


def test_two_files_without_a_source_stand_beside_each_other(
    open_page, play, coded_movie, slow_movie, decoded, slow
) -> None:
    with play(coded_movie.coded, others=[slow_movie], keep_open=True) as pair:
        page = open_page(pair, hash="#frame=6")
        page.shows(6)
        has_sides(page, 0, 1)
        page.press("a")
        page.shows(6, "compared")
        assert np.array_equal(page.picture("original"), slow[3])
        page.press("w")
        assert "--source" in page.page.locator("#message").inner_text()
        page.leave()


def test_the_heat_map_is_the_error_of_each_square(open_page, two, decoded, originals) -> None:
    page = open_page(two, hash="#frame=5")
    page.shows(5)
    page.press("h")
    page.has_drawn(5, "error")
    squared = (decoded[5].astype(float) - originals[5]) ** 2
    squares = squared.reshape(HEIGHT // 8, 8, WIDTH // 8, 8, 3).mean((1, 3, 4)) ** 0.5
    row, column = np.unravel_index(squares.argmax(), squares.shape)
    legend = page.page.locator("#legend").inner_text()
    assert f"Of the frame {squared.mean() ** 0.5:.2f}" in legend
    assert f"worst {squares.max():.1f}, at {8 * column}, {8 * row}." in legend
    # brighter is worse
    drawn = page.pixels("overlay")[..., :3].astype(float).sum(-1)
    high, wide = (side / count for side, count in zip(drawn.shape, squares.shape, strict=True))
    light = np.array(
        [
            [drawn[int((y + 0.5) * high), int((x + 0.5) * wide)] for x in range(squares.shape[1])]
            for y in range(squares.shape[0])
        ]
    )
    assert np.corrcoef(light.ravel(), np.log2(1 + squares).ravel())[0, 1] > 0.9
    page.press("2")  # the original as a file: there is no error
    page.page.locator("#legend", has_text="Of the frame 0.00").wait_for(timeout=60_000)
    page.press("h")
    page.has_drawn(5, "none")
    assert not page.pixels("overlay").any()


def test_the_worst_frame_by_a_measure_on_demand(open_page, two) -> None:
    page = open_page(two)
    page.shows(0)
    page.press("e", "e")
    assert page.page.locator("#measure").input_value() == "ssimulacra2"
    page.page.locator("#frame-figures", has_text="SSIMULACRA2").wait_for(timeout=60_000)
    page.page.locator(f'#track[data-measured="{FRAMES}"]').wait_for(timeout=120_000)
    values = [
        two.get(f"/api/frame/{index}/measure?name=ssimulacra2").json["value"]
        for index in range(FRAMES)
    ]
    page.press("w")
    page.shows(int(np.argmin(values)))
    page.page.locator("#message", has_text=f"Lowest SSIMULACRA2 of {FRAMES} frames").wait_for()
    assert f"{min(values):.2f}" in page.page.locator("#frame-figures").inner_text()
    page.press("e")
    page.page.locator("#frame-figures", has_text="VMAF").wait_for(timeout=60_000)
    assert "VMAF" in page.page.locator("#curve-key").inner_text()
