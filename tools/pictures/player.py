"""Make the README's pictures of the player: the page of a bundled sample, dark with an overlay and
light with the original.

python -m tools.pictures.player [--clip samples/portrait.mp4] [--crf 30] [--frames 60]
[--coded FILE] [--output docs]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

import videocodec
from tools.bench.player_page import player_page

ROOT = Path(__file__).resolve().parents[2]

_SIZE = {"width": 1100, "height": 720}


def main() -> None:
    """Encode, open, photograph."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, default=ROOT / "samples" / "portrait.mp4")
    parser.add_argument("--crf", type=int, default=30)
    parser.add_argument("--frames", type=int, default=60)
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
            )
        for name, dark in (("player-overlay", True), ("player-wipe", False)):
            with player_page(
                coded, args.clip, dark=dark, options=("--device", "cpu"), **_SIZE
            ) as page:
                page.evaluate("() => { location.hash = '#frame=30' }")
                page.locator('body[data-shown="30"]').wait_for(timeout=60_000)
                page.select_option("#zoom", "fill")
                if dark:
                    page.select_option("#overlay-kind", "motion")
                    page.locator('body[data-informed="30 motion"]').wait_for(timeout=60_000)
                else:
                    page.select_option("#view", "wipe")
                    page.locator('body[data-compared="30"]').wait_for(timeout=60_000)
                # The timeline is complete when nothing new comes for a while.
                before = b""
                while before != (before := page.locator("#timeline").screenshot()):
                    page.wait_for_timeout(5000)
                target = args.output / f"{name}.png"
                target.write_bytes(_smaller(page.screenshot()))
                print(f"{target}: {target.stat().st_size} bytes")


def _smaller(png: bytes) -> bytes:
    """The same picture in fewer bytes: the strongest compression, and levels in steps of four."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    picture = (picture.astype(np.uint16) + 2) // 4 * 4
    _, data = cv2.imencode(
        ".png", np.minimum(picture, 255).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    return data.tobytes()


if __name__ == "__main__":
    main()
