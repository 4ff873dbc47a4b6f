"""The page in a real browser: what is on the canvas is what the decoder made, and what is offered
works.

Skipped where there is no Chromium or no Playwright; nothing is downloaded.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from videocodec import decode_frames, encode
from videocodec.media.source import VideoSource

from ..stock_models import quick_bundle
from .browser_page import Page

pytestmark = pytest.mark.slow
HEIGHT, WIDTH, FRAMES = 64, 96, 22
# What is on the screen and where the sound is, at every frame of the screen while it plays.
FOLLOW = """async () => {
  const audio = document.getElementById("sound");
  const seen = [];
  while (document.body.classList.contains("playing")) {
    await new Promise(requestAnimationFrame);
    if (!audio.seeking && !audio.paused) seen.push([Number(document.body.dataset.shown), audio.currentTime]);
  }
  return { seen, rate: audio.playbackRate };
}"""


@pytest.fixture(scope="module")
def decoded(coded_movie) -> list[np.ndarray]:
    return [
        frame.data.transpose(1, 2, 0)
        for frame in decode_frames(coded_movie.coded, device="cpu", threads=1)
    ]


@pytest.fixture(scope="module")
def originals(coded_movie) -> list[np.ndarray]:
    with VideoSource(coded_movie.movie) as source:
        return [frame.rgb for frame in source]


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

    def test_keys_and_fields(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        page.press("End")
        page.shows(21)
        page.press("Home")
        page.shows(0)
        page.press("ArrowRight")  # 5 s are more than there is
        page.shows(21)
        page.press("Shift+ArrowLeft")
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
        clip = "() => getComputedStyle(document.getElementById('original')).clipPath"
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
        assert (page.pixels("curve")[..., 3] > 200).any()

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


class TestPlaying:
    def test_pictures_keep_in_step_with_the_sound(self, open_page, player) -> None:
        page = open_page(player)
        page.shows(0)
        for index in range(1, FRAMES):  # so that all are at hand, however slow the machine
            page.press(".")
            page.shows(index)
        page.press("Home")
        page.shows(0)
        page.choose("speed", "0.25")
        page.press("Space")
        followed = page.page.evaluate(FOLLOW)
        page.shows(21)
        assert followed["rate"] == 0.25
        seen = followed["seen"]
        assert len({index for index, _ in seen}) > 3 and seen[-1][1] > 0.5
        assert [index for index, _ in seen] == sorted(index for index, _ in seen)
        # A picture may be late, but never before its sound.
        assert all(index / 25 <= sound + 0.02 for index, sound in seen)

    def test_it_pauses_on_what_is_seen(self, open_page, player, decoded) -> None:
        page = open_page(player)
        page.shows(0)
        page.choose("speed", "0.25")
        page.page.click("#play")
        page.page.locator('body:not([data-shown="0"])').wait_for()
        page.page.click("#play")
        page.page.locator("body:not(.playing)").wait_for()
        index = int(page.page.locator("body").get_attribute("data-shown"))
        assert index >= 1 and np.array_equal(page.picture(), decoded[index])
        assert page.page.locator("#frame").input_value() == str(index)
        assert page.page.evaluate("() => document.getElementById('sound').paused")

    def test_a_loop_stays_between_its_marks(self, open_page, player) -> None:
        page = open_page(player, hash="#frame=5")
        page.shows(5)
        page.press("l", ".", ".", ".")
        page.shows(8)
        page.press("l")
        assert page.page.locator("#loop").inner_text() == "Loop 5 to 8"
        page.press("Space")
        seen = page.page.evaluate("""async () => {
              const seen = [];
              let turns = 0;
              while (turns < 3) {
                await new Promise(requestAnimationFrame);
                const index = Number(document.body.dataset.shown);
                if (seen.length && index < seen[seen.length - 1]) turns += 1;
                seen.push(index);
              }
              return seen;
            }""")
        page.press("Space", "l")
        assert set(seen) <= {5, 6, 7, 8} and page.page.locator("#loop").inner_text() == "Loop"

    def test_speeds_by_key_stay_within_their_limits(self, open_page, player) -> None:
        page = open_page(player)
        page.press(*["]"] * 20)
        assert page.page.locator("#speed").input_value() == "4"
        page.press(*["["] * 45)
        assert page.page.locator("#speed").input_value() == "0.1"
        page.press("Backspace")
        assert page.page.locator("#speed").input_value() == "1"

    def test_it_plays_without_sound_by_the_clock(self, open_page, play, generated_movie) -> None:
        with play(generated_movie, keep_open=True) as silent:
            page = open_page(silent)
            page.shows(0)
            page.press("Space")
            page.shows(4)
            page.page.locator("body:not(.playing)").wait_for()
            page.leave()


class TestDamage:
    @pytest.fixture
    def broken(self, rewrite, coded_movie) -> Path:
        """A bit is flipped in the access unit after the first keyframe: frames 1 to 9 are lost."""
        return rewrite(
            coded_movie.coded,
            lambda index, data: (
                data if index != 1 else data[:-9] + bytes([data[-9] ^ 16]) + data[-8:]
            ),
        )

    def test_it_is_marked_told_and_passed_over(self, open_page, play, broken, decoded) -> None:
        with play(broken, keep_open=True) as damaged:
            page = open_page(damaged, color_scheme="dark")
            page.wrong = Expected(page.wrong, "410")  # which browsers write to the console
            page.shows(0)
            red, green, blue, alpha = np.moveaxis(page.pixels("bars").astype(int), 2, 0)
            lost = (red > 150) & (green < 130) & (blue < 130) & (alpha > 60)
            columns = np.flatnonzero(lost.any(0)) / lost.shape[1] * FRAMES
            assert len(columns) and 0.9 < columns.min() and columns.max() < 10.1
            page.press(".")
            page.shows(1)
            page.page.locator("#lost").wait_for()
            assert "checksum" in page.page.locator("#lost-reason").inner_text()
            page.press("Space")
            page.shows(21)
            assert page.page.locator("#lost").is_hidden()
            assert np.array_equal(page.picture(), decoded[21])
            page.leave()


class Expected(list):
    """A list that keeps out what was to be expected."""

    def __init__(self, items: list[str], text: str) -> None:
        self._text = text
        super().__init__(item for item in items if text not in item)

    def append(self, item: str) -> None:
        if self._text not in item:
            super().append(item)


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

    def test_restoration_is_offered_only_where_there_is_one(self, open_page, player) -> None:
        page = open_page(player)
        assert (
            page.page.locator("#restore").is_disabled()
            and page.page.locator("#steps").is_disabled()
        )
        assert "no UNet" in page.page.locator("#restoration").get_attribute("title")

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
                .filter((one) => !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")))
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
