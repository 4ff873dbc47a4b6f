"""Keys for people who look for faults, in a real browser: keyframes, the worst frame, frame numbers
as text, and the original against the stream.
"""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow

_READ_CLIPBOARD = "() => navigator.clipboard.readText()"


def test_keyframes_are_stepped_to_both_ways(open_page, player) -> None:
    clip = player.get("/api/clip").json
    firsts = [unit["first"] for unit in clip["units"] if unit["keyframe"]]
    assert firsts[0] == 0 and len(firsts) == 3
    page = open_page(player)
    page.shows(0)
    for first in firsts[1:]:
        page.press("k")
        page.shows(first)
    page.press("k")  # there is none after the last
    page.page.locator("#message", has_text="No keyframe after").wait_for()
    page.press(".", "K")
    page.shows(firsts[-1])
    for first in firsts[-2::-1]:
        page.press("K")
        page.shows(first)
    page.press("K")
    page.page.locator("#message", has_text="No keyframe before").wait_for()


def test_number_and_time_of_a_frame_are_copied(open_page, player) -> None:
    page = open_page(player, hash="#frame=11")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.shows(11)
    expected = f"{player.stream.path.name} frame 11 at 0:00.440 (0.440000 s)"
    page.press("c")
    page.page.locator("#message", has_text=f"Copied: {expected}").wait_for()
    assert page.page.evaluate(_READ_CLIPBOARD) == expected
    page.press(".")
    page.shows(12)
    page.page.click("#time")
    page.page.locator("#message", has_text="frame 12").wait_for()
    assert "frame 12 at 0:00.480" in page.page.evaluate(_READ_CLIPBOARD)


def test_one_key_flips_between_decoded_and_original(open_page, player, decoded, originals) -> None:
    page = open_page(player, hash="#frame=5")
    page.shows(5)
    page.press("a")
    page.shows(5, "compared")
    assert page.page.locator("#view").input_value() == "original"
    assert page.page.locator("#original").is_visible()
    assert np.array_equal(page.picture("original"), originals[5])
    page.press("a")
    assert page.page.locator("#view").input_value() == "decoded"
    assert not page.page.locator("#original").is_visible()
    assert np.array_equal(page.picture(), decoded[5])


def test_the_original_is_shifted_by_frames(open_page, player, decoded, originals) -> None:
    page = open_page(player, hash="#frame=5")
    page.shows(5)
    page.choose("view", "side")
    page.shows(5, "compared")
    page.press("}", "}")
    page.shows("5 2", "compared")
    assert np.array_equal(page.picture("original"), originals[7])
    assert np.array_equal(page.picture(), decoded[5])
    assert page.page.locator("#tag-right").inner_text().lower() == "original +2"
    page.press(".")  # the shift goes along
    page.shows("6 2", "compared")
    assert np.array_equal(page.picture("original"), originals[8])
    page.press("{", "{", "{")
    page.shows("6 -1", "compared")
    assert np.array_equal(page.picture("original"), originals[5])
    page.press("Home")  # before the first frame of the original there is none
    page.shows("0 -1", "compared")
    assert not page.pixels("original")[..., :3].any()
    page.press("}")
    page.shows(0, "compared")
    assert np.array_equal(page.picture("original"), originals[0])


def test_the_worst_frame_compared_so_far_is_gone_to(open_page, player) -> None:
    page = open_page(player)
    page.shows(0)
    page.page.wait_for_function(
        "() => document.getElementById('track').dataset.compared === '22'", timeout=60_000
    )
    measured = player.stream.findings.since(0)[0]
    psnr = {m["quality"][0]: m["quality"][1] for m in measured if "quality" in m}
    page.press("w")
    page.shows(min(psnr, key=psnr.get))
    page.page.locator("#message", has_text="Lowest PSNR of 22 frames").wait_for()


def test_without_an_original_keys_say_what_they_need(open_page, play, coded_movie) -> None:
    with play(coded_movie.coded, keep_open=True) as alone:
        page = open_page(alone)
        page.shows(0)
        for key in ("a", "}", "{", "w"):
            page.press("k")  # another message in between
            page.press(key)
            assert "--source" in page.page.locator("#message").inner_text()
        page.leave()
