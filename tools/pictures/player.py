"""Make the pictures of the player's page in docs: a bundled sample with an overlay, beside the
original, and beside x264 at the same bitrate with the heat map of the error and in a crop.

python -m tools.pictures.player [--clip samples/portrait.mp4] [--crf 30] [--frames 60]
[--model NAME] [--coded FILE] [--output docs]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from playwright.sync_api import Page

import videocodec
from tools.bench.player_page import player_page
from videocodec.media.source import VideoSource
from videocodec.models.default import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[2]

_SIZE = {"width": 1100, "height": 760}
_FRAME = 30


def main() -> None:
    """Encode, open, photograph."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, default=ROOT / "samples" / "portrait.mp4")
    parser.add_argument("--crf", type=int, default=30)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument(
        "--coded", type=Path, help="the clip as a latent-video file, instead of encoding it"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        coded = args.coded
        if coded is None:
            coded = Path(folder) / f"{args.clip.stem}.lv.mp4"
            videocodec.encode(
                args.clip,
                coded,
                crf=args.crf,
                max_frames=args.frames,
                gop_size=24,
                preset="superfast",
                model=args.model,
            )
        anchor = Path(folder) / f"{args.clip.stem}-x264.mp4"
        _encode_x264(args.clip, anchor, coded, args.frames)
        for name, (dark, others, show) in _scenes(anchor).items():
            options = ("--device", "cpu")
            with player_page(
                coded, args.clip, others=others, dark=dark, options=options, **_SIZE
            ) as page:
                page.evaluate(f"() => {{ location.hash = '#frame={_FRAME}' }}")
                page.locator(f'body[data-shown="{_FRAME}"]').wait_for(timeout=60_000)
                page.select_option("#zoom", "fill")
                show(page)
                # The timeline is complete when nothing new comes for a while.
                before = b""
                while before != (before := page.locator("#timeline").screenshot()):
                    page.wait_for_timeout(5000)
                target = args.output / f"{name}.png"
                target.write_bytes(_smaller(page.screenshot()))
                print(f"{target}: {target.stat().st_size} bytes")


def _scenes(anchor: Path) -> dict[str, tuple[bool, tuple[Path, ...], Callable[[Page], None]]]:
    """By the picture's name: whether it is dark, files beside, and what is done on the page."""
    return {
        "player-overlay": (True, (), _overlay),
        "player-wipe": (False, (), _wipe),
        "player-error": (True, (anchor,), _error),
        "player-crop": (False, (anchor,), _crop),
    }


def _overlay(page: Page) -> None:
    page.select_option("#overlay-kind", "motion")
    page.locator(f'body[data-informed="{_FRAME} motion"]').wait_for(timeout=60_000)


def _wipe(page: Page) -> None:
    page.select_option("#view", "wipe")
    page.locator(f'body[data-compared="{_FRAME}"]').wait_for(timeout=60_000)


def _error(page: Page) -> None:
    page.keyboard.press("2")
    page.locator('body[data-sides="1 source"]').wait_for()
    page.locator(f'body[data-shown="{_FRAME}"]').wait_for(timeout=60_000)
    page.keyboard.press("h")
    page.locator(f'body[data-informed="{_FRAME} error"]').wait_for(timeout=60_000)


def _crop(page: Page) -> None:
    page.keyboard.press("N")
    page.select_option("#view", "side")
    page.locator(f'body[data-compared="{_FRAME}"]').wait_for(timeout=60_000)
    box = page.locator("#cell-left").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    page.keyboard.press("X")
    page.select_option("#measure", "vmaf")
    page.locator("#frame-figures", has_text="VMAF").wait_for(timeout=120_000)
    page.select_option("#measure", "psnr")  # the other frames can do without


def _encode_x264(clip: Path, target: Path, coded: Path, count: int) -> None:
    """The clip's first frames by x264, at the bitrate of a latent-video file."""
    with videocodec.VideoReader(coded) as reader:
        rate = 8 * reader.metadata.video_bytes / reader.metadata.duration_seconds
    with VideoSource(clip, max_frames=count) as source, av.open(str(target), "w") as container:
        stream = container.add_stream(
            "libx264",
            rate=source.frame_rate,
            width=source.width,
            height=source.height,
            pix_fmt="yuv420p",
            options={"preset": "veryslow", "g": "240"},
        )
        stream.codec_context.bit_rate = round(rate)
        for frame in source.pictures():
            frame.pict_type = 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _smaller(png: bytes) -> bytes:
    """The same picture in fewer bytes: the strongest compression, and levels in steps of four."""
    picture = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint16)
    picture = (picture + 2) // 4 * 4
    _, data = cv2.imencode(
        ".png", np.minimum(picture, 255).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    return data.tobytes()


if __name__ == "__main__":
    main()
