"""How long people wait for a picture in the player's page: from the key or the address to the
picture on the canvas.

    python -m tools.bench.player clip.lv.mp4 --threads 2 [--results]

Times are taken in the page (Chromium without a window), from the key press to the frame of the
screen after the picture was drawn.  Steps are taken when there was time to work ahead, and again
one right after the other; jumps go to frames at random, first in a player that has just been
opened, then in the same once more.  Before all that, in players of their own, the clip is played
once through from where it opens: in the page, and in a terminal.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page

from tools.bench.markdown import Table
from tools.bench.options import bench_parser, parse
from tools.bench.player_page import player_page
from tools.bench.player_playing import played_in_page, played_in_terminal, playing_table
from tools.bench.results import Report
from videocodec import VideoReader

# Milliseconds until a frame is on the screen: drawn, and then a frame of the screen begun.
WAIT = """async ([action, value, target]) => {
  const begun = performance.now();
  const there = () => document.body.dataset.shown === String(target);
  const drawn = new Promise((resolve) => {
    const watch = new MutationObserver(() => there() && (watch.disconnect(), resolve()));
    watch.observe(document.body, { attributes: true, attributeFilter: ["data-shown"] });
  });
  const key = () => new KeyboardEvent("keydown", { key: value, bubbles: true });
  if (action === "key") document.body.dispatchEvent(key());
  else location.hash = `#frame=${target}`;
  if (!there()) await drawn;
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
}"""


def steps_and_jumps(page: Page, steps: int, jumps: int, rest: float) -> dict[str, list[float]]:
    """Milliseconds until every picture was on the screen, by kind."""
    last = int(page.locator("#track").get_attribute("aria-valuemax") or 0)
    steps = min(steps, last)

    def take(action: str, value: str, target: int) -> float:
        return float(page.evaluate(WAIT, [action, value, target]))

    def jump(seed: int) -> list[float]:
        chosen = random.Random(seed).sample(range(1, last + 1), min(jumps, last))
        return [take("hash", "", index) for index in chosen]

    time.sleep(2 + rest)
    results = {"first jumps": jump(seed=1), "jumps once more": jump(seed=2)}
    take("hash", "", 0)
    time.sleep(2 + rest)
    results["steps, rested"] = []
    for index in range(1, steps + 1):
        results["steps, rested"].append(take("key", ".", index))
        time.sleep(rest)
    back = range(steps - 1, -1, -1)
    results["steps back, rested"] = [take("key", ",", index) for index in back]
    begin = min(last // 2, last - steps)
    take("hash", "", begin)
    targets = range(begin + 1, min(begin + steps, last) + 1)
    results["steps, without rest"] = [take("key", ".", target) for target in targets]
    take("hash", "", 0)
    return results


def tabled(results: dict[str, list[float]]) -> Table:
    """A row for each kind."""
    table = Table(
        ["ms until on screen", "n", "median", "90 %", "worst"], ["{}", "{}", *["{:.0f}"] * 3]
    )
    for name, values in results.items():
        ordered = sorted(values)
        ninth = ordered[int(0.9 * (len(values) - 1))]
        table.add(name, len(values), statistics.median(values), ninth, ordered[-1])
    return table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    cli = bench_parser("player", __doc__)
    add = cli.add_argument
    add("clip", type=Path, help="a latent-video file")
    add("--steps", type=int, default=20, metavar="N", help="steps of each kind (default: 20)")
    add("--jumps", type=int, default=12, metavar="N", help="random jumps (default: 12)")
    add(
        "--rest",
        type=float,
        default=0.6,
        metavar="SECONDS",
        help="time to work ahead between steps (default: 0.6)",
    )
    add("--threads", type=int, metavar="N", help="CPU threads of the networks")
    add("--playing-only", action="store_true", help="no steps and jumps")
    add(
        "--terminal",
        type=_size,
        default=(120, 40),
        metavar="COLUMNSxROWS",
        help="size of the terminal (default: 120x40)",
    )
    return cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parse(parser(), arguments)
    report = Report(args, clips=[args.clip])
    options = ("--device", "cpu", *(("--threads", str(args.threads)) if args.threads else ()))
    report.table("playing", _playing(args, options))
    if not args.playing_only:
        with player_page(args.clip, options=options) as page:
            results = steps_and_jumps(page, args.steps, args.jumps, args.rest)
        report.table("player", tabled(results))
    report.save()


def _playing(args: argparse.Namespace, options: tuple[str, ...]) -> Table:
    """The clip once through, in the page and in a terminal."""
    with VideoReader(args.clip, read_ahead=False) as video:
        count = len(video)
    table = playing_table()
    with player_page(args.clip, options=options) as page:
        table.add(*played_in_page(page).row("page", count))
    columns, rows = args.terminal
    played = played_in_terminal(args.clip, args.terminal, options)
    table.add(*played.row(f"terminal {columns}x{rows}", count))
    return table


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    return int(columns), int(rows)


if __name__ == "__main__":
    main()
