"""A player's page in a browser without a window, for tools that look at it: needs Playwright's
Python package and a Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]


@contextmanager
def player_page(
    clip: Path,
    source: Path | None = None,
    *,
    others: tuple[Path, ...] = (),
    width: int = 1280,
    height: int = 800,
    dark: bool = True,
    options: tuple[str, ...] = (),
) -> Iterator[Page]:
    """The page of ``videocodec play clip others --source source``, opened and ready.  options: more
    of the command.

    Raises ``SystemExit`` with a line that says what is missing.
    """
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None:
        raise SystemExit("there is no chromium here: install Debian's package of that name")
    command = [sys.executable, "-m", "videocodec", "play", str(clip)]
    command += [*map(str, others), "--no-browser", *options]
    command += [] if source is None else ["--source", str(source)]
    player = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert player.stdout is not None
        address = player.stdout.readline().strip()
        if not address:
            raise SystemExit("videocodec play did not start")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            page.goto(address)
            page.locator('body[data-shown="0"]').wait_for(timeout=120_000)
            yield page
            browser.close()
    finally:
        player.terminate()
        player.wait()
