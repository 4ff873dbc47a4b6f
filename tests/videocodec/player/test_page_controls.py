"""What the page offers in a real browser: saving, help, restoration, names, swipes, its end."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from videocodec import decode_frames, encode

from ..stock_models import quick_bundle
from .browser_page import Expected, Page
from .conftest import WIDTH

pytestmark = pytest.mark.slow


class TestTheRest:
    def test_a_saved_picture_is_exact(self, open_page, player, decoded) -> None:
        page = open_page(player, hash="#frame=11")
        page.shows(11)
        page.choose("overlay-kind", "modes")
        page.has_drawn(11, "modes")
        with page.page.expect_download() as download:
            page.press("s")
        assert download.value.suggested_filename == "pan-frame-11.png"
        saved = cv2.imread(str(download.value.path()))
        assert np.array_equal(saved[..., ::-1], decoded[11])

    def test_help_lists_the_keys_and_statistics_toggle(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        page.press("?")
        text = page.page.locator("#help").inner_text()
        assert all(what in text for what in ("one frame forward", "save the picture", "loop"))
        page.press("Escape")
        page.page.locator("#help").wait_for(state="hidden")
        page.press("i")
        page.page.locator("#statistics", has_text="on screen").wait_for()
        page.press("i")
        assert page.page.locator("#statistics").is_hidden()

    def test_a_key_right_after_the_help_closed_counts(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        page.press("?")
        assert page.page.evaluate(
            """() => {
                document.getElementById("help").close();
                const focused = document.activeElement;
                focused.dispatchEvent(new KeyboardEvent("keydown", { key: "i", bubbles: true }));
                return focused.closest("dialog") !== null;
            }"""
        ), "the closed help has the focus until the page is drawn again"
        assert page.page.locator("#statistics").is_visible()

    def test_restoration_is_offered_only_where_there_is_one(self, open_page, player) -> None:
        page = open_page(player)
        assert (
            page.page.locator("#restore").is_disabled()
            and page.page.locator("#steps").is_disabled()
        )
        title = page.page.locator("#restoration").get_attribute("title")
        assert "neither UNet nor post-filter" in title

    @pytest.mark.parametrize("theme", ["dark", "light"])
    @pytest.mark.parametrize("width", [400, 760, 1280])
    def test_nothing_sticks_out_at_any_width(self, open_page, player, theme, width) -> None:
        page = open_page(player, viewport={"width": width, "height": 800}, color_scheme=theme)
        page.has_drawn(0, "none")
        assert page.page.evaluate("() => document.documentElement.dataset.theme") == theme
        assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width
        box = page.page.locator("#picture").bounding_box()
        assert (
            box["x"] >= 0
            and box["x"] + box["width"] <= width
            and box["width"] >= 0.9 * min(WIDTH, width)
        )
        page.page.click("#theme")
        assert page.page.evaluate("() => document.documentElement.dataset.theme") != theme

    def test_everything_to_operate_has_a_name(self, open_page, player) -> None:
        page = open_page(player)
        nameless = page.page.evaluate(
            """() => [...document.querySelectorAll("button, select, input, [role]")]
                .filter((one) => !one.getAttribute("aria-label"))
                .filter((one) => !one.getAttribute("aria-labelledby"))
                .filter((one) => !(one.labels?.length || one.textContent.trim()))
                .map((one) => one.id || one.outerHTML)
                .filter((id) => !["message", "lost", "fatal"].includes(id))"""
        )
        assert nameless == []

    def test_touch_swipes_step(self, open_page, player) -> None:
        page = open_page(player, has_touch=True, viewport={"width": 400, "height": 800})
        page.shows(0)
        box = page.page.locator("#picture").bounding_box()
        session = page.context.new_cdp_session(page.page)
        y = box["y"] + box["height"] / 2
        for kind, x in (
            ("touchStart", 70),
            ("touchMove", 55),
            ("touchMove", 20),
            ("touchEnd", None),
        ):
            points = [] if x is None else [{"x": box["x"] + x, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.shows(1)

    def test_the_page_says_when_the_player_has_ended(self, open_page, play, coded_movie) -> None:
        with play(coded_movie.coded, keep_open=True) as ending:
            page = open_page(ending)
            # what it asked for at that moment
            page.wrong = Expected(page.wrong, "Failed to load resource")
            page.shows(0)
        page.page.locator("#fatal:not([hidden])").wait_for()
        assert "has ended" in page.page.locator("#fatal").inner_text()

    def test_closing_the_page_ends_the_player(
        self, browser, play, coded_movie, monkeypatch
    ) -> None:
        monkeypatch.setattr("videocodec.player.server.CLOSED_SECONDS", 0.3)
        with play(coded_movie.coded) as closing:
            page = Page(browser, closing)
            page.shows(0)
            page.context.close()
            assert closing.ended.wait(60)


def test_restoration_and_steps_change_the_picture(open_page, play, restorable) -> None:
    with play(restorable.coded, keep_open=True, model=restorable.bundle) as restoring:
        page = open_page(restoring)
        page.shows(0)
        seen = []
        for settings in (
            {"restore": True, "steps": 1},
            {"restore": False, "steps": 1},
            {"restore": True, "steps": 3},
        ):
            page.page.set_checked("#restore", settings["restore"])
            if page.page.locator("#steps").input_value() != str(settings["steps"]):
                page.page.fill("#steps", str(settings["steps"]))
                page.press("Enter")
            frames = decode_frames(
                restorable.coded, model=restorable.bundle, device="cpu", threads=1, **settings
            )
            expected = next(iter(frames)).data.transpose(1, 2, 0)
            page.page.locator(
                f'body[data-settings="{int(settings["restore"])} {settings["steps"]} 0"]'
            ).wait_for(timeout=60_000)
            assert np.array_equal(page.picture(), expected)
            seen.append(expected.tobytes())
        assert len(set(seen)) == 3
        page.leave()


@pytest.fixture(scope="module")
def restorable(tmp_path_factory, write_movie, panned) -> SimpleNamespace:
    """Three frames coded with a model that has a small UNet of random weights."""
    folder = tmp_path_factory.mktemp("restorable")
    bundle = quick_bundle(folder / "bundle", restores="plain")
    movie = write_movie(folder / "movie.mp4", panned(3, 40, 56, (1, 2)))
    encode(
        movie, folder / "movie.lv.mp4", model=bundle, preset="superfast", device="cpu", threads=1
    )
    return SimpleNamespace(coded=folder / "movie.lv.mp4", bundle=bundle)
