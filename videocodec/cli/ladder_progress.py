"""The progress of ``videocodec ladder`` on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ladder.progress import LadderProgress


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[LadderProgress], None] | None]:
    """A bar over all encodes with the time left, on standard error; None when that is no
    terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    shape = "{desc}: {n_fmt}/{total_fmt} |{bar}| {elapsed}{postfix}"
    with tqdm(
        desc="encodes", total=0, file=sys.stderr, dynamic_ncols=True, leave=False, bar_format=shape
    ) as bar:

        def show(now: LadderProgress) -> None:
            left = (
                "time left unknown"
                if now.seconds_left is None
                else f"{tqdm.format_interval(now.seconds_left)} left"
            )
            bar.total, bar.n = now.total, now.done
            bar.set_postfix_str(
                left + (f", {now.failed} failed" if now.failed else "") + f", {now.label}",
                refresh=False,
            )
            bar.refresh()

        yield show
