"""The report, in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import SmallLadder

WIDTH = 1200


@pytest.fixture
def page(browser: object, small_ladder: SmallLadder) -> Iterator[object]:
    """The report opened; at the end it must have fetched nothing and complained of nothing."""
    opened = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    said, fetched = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: fetched.append(request.url))
    opened.goto((small_ladder.folder / "report.html").as_uri())
    yield opened
    assert said == []
    assert [url for url in fetched if not url.startswith("data:")] == [
        (small_ladder.folder / "report.html").as_uri()
    ]
    opened.close()


def picture(page: object, selector: str) -> np.ndarray:
    return cv2.imdecode(
        np.frombuffer(page.locator(selector).screenshot(), np.uint8), cv2.IMREAD_COLOR
    ).astype(int)


def test_it_is_one_file_without_addresses(small_ladder: SmallLadder) -> None:
    text = (small_ladder.folder / "report.html").read_text()
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert len(text) < 30_000_000


class TestPlots:
    def test_every_finished_encode_is_a_mark_and_every_codec_a_line(
        self, page: object, small_ladder: SmallLadder
    ) -> None:
        done = [record for record in small_ladder.results["records"] if record["error"] is None]
        assert page.locator("#rd circle.mark").count() == len(done)
        assert page.locator("#rd path.curve").count() == 3
        for plot in ("#quality-timeline", "#bytes-timeline"):
            assert page.locator(f"{plot} path.curve").count() == 3

    def test_another_metric_is_another_plot(self, page: object) -> None:
        before = page.locator("#rd").inner_html()
        page.select_option("#figure", "psnr_y")
        assert page.locator("#rd-title").inner_text() == "PSNR Y over bitrate"
        assert page.locator("#rd").inner_html() != before

    def test_pointing_at_a_mark_shows_its_figures(
        self, page: object, small_ladder: SmallLadder
    ) -> None:
        page.select_option("#figure", "psnr_y")
        page.locator("#rd circle.mark").first.hover()
        shown = page.locator("#tip").inner_text()
        assert "x264 (H.264), crf" in shown and "PSNR Y: " in shown and "worst" in shown

    def test_a_codec_can_be_left_out(self, page: object) -> None:
        page.uncheck("#codecs input[value=x265]")
        assert page.locator("#rd path.curve").count() == 2

    def test_higher_quality_is_drawn_higher(self, page: object) -> None:
        page.select_option("#figure", "psnr_y")
        marks = page.locator("#rd circle.mark").evaluate_all(
            "all => all.map(c => [+c.getAttribute('cx'), +c.getAttribute('cy'), c.ariaLabel])"
        )
        x264 = sorted(
            mark for mark in marks if mark[2].startswith("x264") and " at 0.5" not in mark[2]
        )
        assert len(x264) == 3
        assert x264[0][1] > x264[1][1] > x264[2][1]


class TestWipe:
    def test_the_divider_shows_one_picture_on_each_side(self, page: object) -> None:
        page.select_option("#left", "source")
        page.select_option("#right", "x264")
        page.evaluate("document.getElementById('divider').style.display = 'none'")

        def at(share: int) -> np.ndarray:
            page.evaluate(
                f"const w = document.getElementById('wipe'); w.value = {share}; w.dispatchEvent(new"
                " Event('input'))"
            )
            return picture(page, "#stage")

        right, left, half = at(0), at(100), at(50)
        middle = left.shape[1] // 2
        assert np.abs(left - right).mean() > 1
        assert np.array_equal(half[:, : middle - 2], left[:, : middle - 2])
        assert np.array_equal(half[:, middle + 2 :], right[:, middle + 2 :])

    def test_dragging_in_the_picture_moves_it(self, page: object) -> None:
        box = page.locator("#stage").bounding_box()
        page.locator("#stage").scroll_into_view_if_needed()
        box = page.locator("#stage").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
        page.mouse.up()
        assert float(page.locator("#wipe").input_value()) == pytest.approx(25, abs=2)

    def test_zoom_makes_pixels_larger(self, page: object) -> None:
        for zoom in ("1", "4"):
            page.select_option("#zoom", zoom)
            assert page.locator("#stage").bounding_box()["width"] == 96 * int(zoom)

    def test_the_source_is_shown_without_loss(
        self, page: object, small_ladder: SmallLadder, clip_path: Path
    ) -> None:
        from videocodec.media.source import VideoSource

        page.select_option("#left", "source")
        png = page.evaluate("""async () => {
          const image = document.getElementById('image-left');
          const canvas = document.createElement('canvas');
          await image.decode();
          canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
          canvas.getContext('2d').drawImage(image, 0, 0);
          return canvas.toDataURL('image/png').split(',')[1];
        }""")
        shown = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_COLOR)[
            ..., ::-1
        ]
        with VideoSource(clip_path) as source:
            assert np.array_equal(
                shown, list(source)[int(page.locator("#picture").input_value())].rgb
            )


class TestSheets:
    def test_those_of_the_clip_are_shown_with_their_rule(
        self, page: object, small_ladder: SmallLadder
    ) -> None:
        entries = small_ladder.results["sheets"]
        shown = page.locator("#sheets img")
        assert shown.count() == len(entries) == 2
        for place, entry in enumerate(entries):
            assert entry["rule"] in shown.nth(place).get_attribute("alt")
            sheet = cv2.imread(str(small_ladder.folder / entry["file"]))
            sides = shown.nth(place).evaluate(
                "async i => (await i.decode(), [i.naturalHeight, i.naturalWidth])"
            )
            assert tuple(sides) == sheet.shape[:2]

    def test_a_click_shows_one_at_its_own_size_and_another_in_the_page(self, page: object) -> None:
        sheet = page.locator("#sheets img").first
        sheet.evaluate("i => i.decode()")
        fitted = sheet.bounding_box()["width"]
        sheet.click()
        assert sheet.bounding_box()["width"] == sheet.evaluate("i => i.naturalWidth") != fitted
        sheet.click()
        assert sheet.bounding_box()["width"] == fitted


def test_tables_show_figures_and_errors(page: object) -> None:
    assert "svtav1 needs 64 px a side or more" in page.locator("#records").inner_text()
    assert "against x265" in page.locator("#bd").inner_text().lower()
    assert "no weights: give --lpips-weights" in page.locator("#made").inner_text()


def test_dark_and_light(page: object) -> None:
    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground() == "rgb(255, 255, 255)"
    page.click("#theme")
    assert ground() == "rgb(20, 23, 28)"


def test_print_leaves_the_controls_out(page: object) -> None:
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#rd svg").is_visible()


def test_a_name_with_markup_is_only_text(
    browser: object, write_movie, panned, tmp_path: Path, orders_here: None
) -> None:
    from videocodec.ladder.api import ladder

    source = write_movie(tmp_path / "a <b>&.mp4", panned(3, 64, 96, (1, 2)))
    ladder(
        [source],
        tmp_path / "out",
        codecs=("x264",),
        crf=(30, 40),
        metrics=("psnr",),
        pictures=1,
        jobs=1,
    )
    opened = browser.new_page()
    opened.goto((tmp_path / "out" / "report.html").as_uri())
    assert opened.locator("#clip").input_value() == "a <b>&"
    assert opened.locator("#rd circle.mark").count() == 2
    opened.close()
