"""How long people wait for a picture in the player's page: from the key or the address to the
picture on the canvas.

    python -m tools.bench.player clip.lv.mp4 --threads 2

Times are taken in the page (Chromium without a window), from the key press to the frame of the
screen after the picture was drawn.  Steps are taken when there was time to work ahead, and again
one right after the other; jumps go to frames at random, first in a player that has just been
opened, then in the same once more.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tools.bench.player_page import player_page

# Milliseconds until a frame is on the screen: drawn, and then a frame of the screen begun.
WAIT = """async ([action, value, target]) => {
  const begun = performance.now();
  const there = () => document.body.dataset.shown === String(target);
  const drawn = new Promise((resolve) => {
    const watch = new MutationObserver(() => there() && (watch.disconnect(), resolve()));
    watch.observe(document.body, { attributes: true, attributeFilter: ["data-shown"] });
  });
  if (action === "key") document.body.dispatchEvent(new KeyboardEvent("keydown", { key: value, bubbles: true }));
  else location.hash = `#frame=${target}`;
  if (!there()) await drawn;
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""
PLAY = """async (milliseconds) => {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  const begun = performance.now();
  let [drawn, last] = [0, null];
  while (document.body.classList.contains("playing") && performance.now() - begun < milliseconds) {
    await new Promise(requestAnimationFrame);
    if (document.body.dataset.shown !== last) [drawn, last] = [drawn + 1, document.body.dataset.shown];
  }
  return [drawn, (performance.now() - begun) / 1000];
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, help="a latent-video file")
    parser.add_argument(
        "--steps", type=int, default=20, metavar="N", help="steps of each kind (default: 20)"
    )
    parser.add_argument(
        "--jumps", type=int, default=12, metavar="N", help="random jumps (default: 12)"
    )
    parser.add_argument(
        "--rest",
        type=float,
        default=0.6,
        metavar="SECONDS",
        help="time to work ahead between steps (default: 0.6)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of the networks")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    options = ("--device", "cpu", *(("--threads", str(args.threads)) if args.threads else ()))
    with player_page(args.clip, options=options) as page:
        last = int(page.locator("#track").get_attribute("aria-valuemax"))

        def take(action: str, value: str, target: int) -> float:
            return page.evaluate(WAIT, [action, value, target])

        time.sleep(2 + args.rest)
        results = {"first jumps": jumps(take, last, args.jumps, seed=1)}
        results["jumps once more"] = jumps(take, last, args.jumps, seed=2)
        take("hash", "", 0)
        time.sleep(2 + args.rest)
        results["steps, rested"] = []
        for index in range(1, min(args.steps, last) + 1):
            results["steps, rested"].append(take("key", ".", index))
            time.sleep(args.rest)
        results["steps back, rested"] = [
            take("key", ",", index) for index in range(min(args.steps, last) - 1, -1, -1)
        ]
        begin = min(last // 2, last - args.steps)
        take("hash", "", begin)
        results["steps, without rest"] = [
            take("key", ".", begin + count)
            for count in range(1, args.steps + 1)
            if begin + count <= last
        ]
        take("hash", "", 0)
        drawn, seconds = page.evaluate(PLAY, 4000)
    report(results, drawn / seconds, as_json=args.json)


def jumps(take: Callable[[str, str, int], float], last: int, count: int, seed: int) -> list[float]:
    """Milliseconds of jumps to random frames, all different."""
    return [
        take("hash", "", index)
        for index in random.Random(seed).sample(range(1, last + 1), min(count, last))
    ]


def report(results: dict[str, list[float]], rate: float, *, as_json: bool) -> None:
    """One line for each kind."""
    if as_json:
        print(json.dumps({"milliseconds": results, "frames_per_second_playing": rate}, indent=2))
        return
    print(f"{'ms until on screen':22}{'n':>4}{'median':>9}{'90 %':>9}{'worst':>9}")
    for name, values in results.items():
        ordered = sorted(values)
        print(
            f"{name:22}{len(values):4}{statistics.median(values):9.0f}{ordered[int(0.9 * (len(values) - 1))]:9.0f}{ordered[-1]:9.0f}"
        )
    print(f"playing: {rate:.1f} frames per second on screen")


if __name__ == "__main__":
    main()
