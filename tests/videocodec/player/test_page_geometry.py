"""Clips that were filmed with the camera turned, or whose pixels are not square, as a browser shows
them.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videocodec import decode_frames, encode

pytestmark = pytest.mark.slow
HEIGHT, WIDTH = 48, 80
CPU = {"device": "cpu", "threads": 1}


def coded(folder: Path, rotation: int, aspect: Fraction) -> Path:
    """Three frames, each corner of another colour."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:24, :40], rgb[:24, 40:], rgb[24:, :40], rgb[24:, 40:] = (
        (220, 30, 30),
        (30, 200, 40),
        (40, 60, 220),
        (230, 230, 230),
    )
    with av.open(str(folder / "movie.mp4"), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, width=WIDTH, height=HEIGHT, pix_fmt="yuv444p"
        )
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            1,
            1,
            1,
            1,
        )
        context.sample_aspect_ratio = aspect
        stream.set_display_rotation(rotation)
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv444p", dst_colorspace=1, dst_color_range=1
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    encode(
        folder / "movie.mp4", folder / "movie.lv.mp4", preset="superfast", model="embedded", **CPU
    )
    return folder / "movie.lv.mp4"


def corners(picture: np.ndarray) -> np.ndarray:
    """(4, 3): the colours in the middles of the quarters: upper left, upper right, lower left,
    lower right.
    """
    height, width = picture.shape[:2]
    return np.array(
        [picture[height * y // 4, width * x // 4, :3] for y, x in ((1, 1), (1, 3), (3, 1), (3, 3))],
        int,
    )


@pytest.mark.parametrize(
    ("rotation", "aspect"),
    [(90, Fraction(1)), (-90, Fraction(4, 3)), (180, Fraction(1)), (0, Fraction(3, 2))],
)
def test_it_is_seen_upright_and_in_its_shape(
    open_page, play, tmp_path: Path, rotation: int, aspect: Fraction
) -> None:
    clip = coded(tmp_path, rotation, aspect)
    decoded = next(iter(decode_frames(clip, **CPU))).data.transpose(1, 2, 0)
    with play(clip, keep_open=True) as turned:
        page = open_page(turned)
        page.shows(0)
        # the canvas keeps the decoder's grid; how it is seen is the page's layout
        assert np.array_equal(page.picture(), decoded)
        box = page.page.locator("#picture").bounding_box()
        seen = cv2.imdecode(
            np.frombuffer(page.page.screenshot(clip=box), np.uint8), cv2.IMREAD_COLOR_RGB
        )
        page.leave()
    upright = np.rot90(decoded, rotation // 90)  # both count counter-clockwise
    shape = (
        (WIDTH * float(aspect), HEIGHT) if rotation % 180 == 0 else (HEIGHT, WIDTH * float(aspect))
    )
    assert box["width"] / box["height"] == pytest.approx(shape[0] / shape[1], rel=0.01)
    # neighbouring pixels blend where they are not square
    assert np.abs(corners(seen) - corners(upright)).max() <= 12


def test_the_wipe_follows_the_pointer_in_a_turned_picture(open_page, play, tmp_path: Path) -> None:
    clip = coded(tmp_path, 90, Fraction(1))
    with play(clip, tmp_path / "movie.mp4", keep_open=True) as turned:
        page = open_page(turned)
        page.shows(0)
        page.choose("view", "wipe")
        box = page.page.locator("#picture").bounding_box()
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        page.page.mouse.up()
        # Turned by a quarter counter-clockwise, the left of the picture is below: a quarter from
        # above is three quarters from its left.
        wipe = page.page.evaluate(
            "() => getComputedStyle(document.getElementById('pictures')).getPropertyValue('--wipe')"
        )
        assert float(wipe.rstrip("%")) == pytest.approx(75, abs=2)
        page.leave()
