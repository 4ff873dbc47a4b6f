"""The page in a real browser: what is on the canvas is what the decoder made, and what is offered
works.

Skipped where there is no Chromium or no Playwright; nothing is downloaded.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from videocodec import decode_frames

from .conftest import FRAMES, HEIGHT, WIDTH

pytestmark = pytest.mark.slow


def test_every_frame_on_the_canvas_is_the_decoders_forwards_and_back(
    open_page, player, decoded
) -> None:
    page = open_page(player)
    page.shows(0)
    for key, indices in ((".", range(1, 21)), (",", range(19, -1, -1))):
        for index in indices:
            page.press(key)
            page.shows(index)
            assert np.array_equal(page.picture(), decoded[index]), index
    page.press(",")  # before the first frame there is none
    page.shows(0)


class TestGoingThere:
    def test_the_address_bar_names_the_frame_both_ways(self, open_page, player, decoded) -> None:
        page = open_page(player, hash="#frame=17")
        page.shows(17)
        assert np.array_equal(page.picture(), decoded[17])
        page.press(",")
        page.page.wait_for_url(re.compile(r"#frame=16$"))
        assert "token" not in page.page.url
        page.page.evaluate("() => { location.hash = '#frame=4' }")
        page.shows(4)
        page.page.evaluate("() => { location.hash = '#frame=9999' }")
        page.shows(21)

    @pytest.mark.parametrize(
        ("to_the_end", "back"), [("End", "Home"), ("ArrowRight", "Shift+ArrowLeft")]
    )
    def test_a_key_goes_to_the_end_and_another_to_the_beginning(
        self, open_page, player, to_the_end: str, back: str
    ) -> None:
        """An arrow goes 5 s, which is more than there is."""
        page = open_page(player)
        page.shows(0)
        page.press(to_the_end)
        page.shows(21)
        page.press(back)
        page.shows(0)

    def test_the_field_takes_a_number_and_the_buttons_step_from_there(
        self, open_page, player
    ) -> None:
        page = open_page(player)
        page.shows(0)
        page.page.fill("#frame", "13")
        page.press("Enter")
        page.shows(13)
        page.page.click("#forward")
        page.shows(14)
        page.page.click("#first")
        page.shows(0)

    def test_a_click_on_the_timeline_goes_to_the_frame_under_it(
        self, open_page, player, decoded
    ) -> None:
        page = open_page(player)
        box = page.page.locator("#track").bounding_box()
        for index in (13, 2, 21):
            page.page.mouse.click(box["x"] + box["width"] * (index + 0.5) / FRAMES, box["y"] + 20)
            page.shows(index)
            assert np.array_equal(page.picture(), decoded[index])
            assert page.page.locator("#track").get_attribute("aria-valuenow") == str(index)

    def test_a_thumbnail_hovers_over_the_timeline(self, open_page, player, decoded) -> None:
        page = open_page(player)
        box = page.page.locator("#track").bounding_box()
        page.page.mouse.move(box["x"] + box["width"] * 10.5 / FRAMES, box["y"] + 20)
        page.page.locator('#preview-picture[src^="blob:"]').wait_for()
        assert (
            page.page.locator("#preview-text")
            .inner_text()
            .startswith("10 · 0:00.400 · keyframe · ")
        )
        page.page.mouse.move(5, 5)
        page.page.locator("#preview").wait_for(state="hidden")

    def test_the_timeline_looks_closer(self, open_page, player) -> None:
        page = open_page(player)
        page.page.click("#timeline-in")
        assert page.page.locator("#range").inner_text().startswith("frames 0 to ")
        page.page.click("#timeline-out")
        assert page.page.locator("#range").inner_text() == "22 frames"


class TestComparing:
    def test_wipe_side_by_side_and_difference_show_the_originals_pixels(
        self, open_page, player, decoded, originals
    ) -> None:
        page = open_page(player)
        page.press("End")
        for view in ("wipe", "side", "original"):
            page.choose("view", view)
            page.shows(21, "compared")
            assert np.array_equal(page.picture("original"), originals[21])
            assert np.array_equal(page.picture(), decoded[21])
        page.press(",")
        page.shows(20, "compared")
        assert np.array_equal(page.picture("original"), originals[20])
        page.choose("view", "difference")
        for gain in (1, 8):
            page.choose("gain", str(gain))
            expected = np.minimum(255, gain * np.abs(decoded[20].astype(int) - originals[20]))
            assert np.array_equal(page.picture("difference"), expected)

    def test_the_wipe_follows_slider_and_pointer(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        page.choose("view", "wipe")
        page.shows(0, "compared")
        clip = "() => getComputedStyle(document.getElementById('cell-right')).clipPath"
        page.page.locator("#wipe").fill("250")
        assert page.page.evaluate(clip) == "inset(0px 0px 0px 25%)"
        box = page.page.locator("#picture").bounding_box()
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10)
        page.page.mouse.up()
        assert float(re.search(r"([\d.]+)%", page.page.evaluate(clip))[1]) == pytest.approx(
            75, abs=1
        )
        assert not page.page.evaluate("() => document.body.classList.contains('playing')")

    def test_the_curve_of_quality_fills(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        page.page.locator("#frame-figures dt", has_text="PSNR").wait_for(timeout=60_000)
        for _ in range(100):  # the figures come before the curve is drawn
            if (page.pixels("curve")[..., 3] > 200).any():
                return
            page.page.wait_for_timeout(100)
        pytest.fail("no curve was drawn")

    def test_without_a_source_there_is_only_the_decoded_view(
        self, open_page, play, coded_movie
    ) -> None:
        with play(coded_movie.coded, keep_open=True) as alone:
            page = open_page(alone)
            page.shows(0)
            assert page.page.locator("#view option:not([disabled])").count() == 1
            page.press("v")
            assert "--source" in page.page.locator("#message").inner_text()
            page.leave()


class TestOverlays:
    def test_each_draws_something_of_its_own_and_leaves_the_picture_alone(
        self, open_page, player, decoded
    ) -> None:
        page = open_page(player)
        page.shows(0)
        page.page.fill("#frame", "15")
        page.press("Enter")
        page.shows(15)
        drawn = []
        for kind, heading in (
            ("modes", "Block modes"),
            ("motion", "Motion vectors"),
            ("provenance", "Provenance"),
            ("quantiser", "Quantiser"),
            ("bits", "Bits"),
        ):
            page.choose("overlay-kind", kind)
            page.has_drawn(15, kind)
            drawn.append(page.pixels("overlay"))
            assert page.page.locator("#legend h2").inner_text().lower() == heading.lower()
            assert (drawn[-1][..., 3] > 0).mean() > 0.005
            assert np.array_equal(page.picture(), decoded[15])
        assert len({array.tobytes() for array in drawn}) == len(drawn)
        page.choose("overlay-kind", "none")
        page.has_drawn(15, "none")
        assert not page.pixels("overlay").any()

    def test_the_provenance_on_screen_is_that_of_the_stream(
        self, open_page, player, coded_movie
    ) -> None:
        frame = list(decode_frames(coded_movie.coded, device="cpu", threads=1))[15]
        page = open_page(player, hash="#frame=15")
        page.shows(15)
        page.choose("overlay-kind", "provenance")
        page.has_drawn(15, "provenance")
        overlay = page.pixels("overlay")
        scale = overlay.shape[0] / HEIGHT
        places = (
            [round((8 * row + 4) * scale) for row in range(HEIGHT // 8)],
            [round((8 * column + 4) * scale) for column in range(WIDTH // 8)],
        )
        colours = overlay[np.ix_(*places)][..., :3].astype(int)
        expected = np.array([(230, 159, 0), (0, 114, 178), (204, 121, 167)])[frame.provenance]
        # the canvas keeps colours multiplied by their strength
        assert np.abs(colours - expected).max() <= 3

    def test_the_panel_states_the_frames_figures(self, open_page, player, coded_movie) -> None:
        frame = list(decode_frames(coded_movie.coded, device="cpu", threads=1))[10]
        page = open_page(player, hash="#frame=10")
        page.has_drawn(10, "none")
        text = page.page.locator("#frame-figures").inner_text()
        assert "keyframe" in text and "0:00.400" in text
        assert f"{frame.bytes / 1000:.2f} kB" in text or f"{frame.bytes} B" in text
