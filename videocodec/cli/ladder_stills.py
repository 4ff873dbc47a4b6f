"""``videocodec ladder --stills``: its options, and what it does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .common import amount, print_json

if TYPE_CHECKING:
    from ..ladder.progress import LadderProgress
    from ..ladder.schema import LadderResults
    from ..ladder.stills.schema import StillResults

    _Ladder = TypeVar("_Ladder", LadderResults, StillResults)

# What only clips have, as argparse names it.
_OF_CLIPS = (
    "bitrates",
    "crf",
    "target",
    "reference",
    "below",
    "above",
    "presets",
    "gop_size",
    "max_frames",
    "perceptual",
    "pictures",
    "sheets",
    "jobs",
    "executor",
    "add_metric",
)
_OF_STILLS = ("largest", "count")


def add_stills(parser: argparse.ArgumentParser) -> None:
    """Declare the options of still pictures; to be called after all others."""
    group = parser.add_argument_group("still pictures")
    group.add_argument(
        "--stills",
        action="store_true",
        help="compare with AVIF, JPEG XL, WebP and JPEG at fewer and fewer bytes instead: each"
        " INPUT is a picture, and --codecs are of videocodec, avif, jpegxl, webp, jpeg",
    )
    group.add_argument(
        "--largest",
        type=amount,
        metavar="BYTES",
        help="of a picture to begin with, like 8k, halved until no codec has a file so small"
        " (default: 8k)",
    )
    group.add_argument(
        "--count",
        choices=("picture", "file"),
        help="whether bytes are those of the coded picture or of the whole file (default: picture)",
    )
    defaults = {name: parser.get_default(name) for name in _OF_CLIPS}
    parser.set_defaults(defaults_of_clips=defaults)


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that go with the other kind of ladder.  Raises ``ComparisonError``."""
    from ..errors import ComparisonError

    if args.stills:
        for name, default in args.defaults_of_clips.items():
            if getattr(args, name) != default:
                raise ComparisonError(f"--{name.replace('_', '-')} is of clips, not of --stills")
    else:
        for name in _OF_STILLS:
            if getattr(args, name) is not None:
                raise ComparisonError(f"--{name} goes with --stills")


def run_stills(
    args: argparse.Namespace,
    files: dict[str, str],
    progress: Callable[[LadderProgress], None] | None,
) -> StillResults:
    """The ladder of the pictures.  files: what metrics need, by their options' names."""
    from ..ladder.stills.api import LARGEST, SHARES, still_ladder

    return still_ladder(
        args.inputs,
        args.output,
        codecs=args.codecs,
        largest=args.largest or LARGEST,
        count=args.count or "picture",
        resolutions=args.resolutions or SHARES,
        metrics=args.metrics,
        metric_files=files,
        model=args.model,
        threads=args.threads,
        progress=progress,
    )


def show_stills(args: argparse.Namespace, results: StillResults) -> int:
    """Print what came out; a ladder of which no encode worked is a failure."""
    from ..ladder.stills.tables import terminal

    return show_ladder(args, results, terminal, "sheets")


def show_ladder(
    args: argparse.Namespace, results: _Ladder, table: Callable[[_Ladder], str], pictures: str
) -> int:
    """Print the table of a ladder, or its results with --json → the exit status.

    pictures: what the folder has beside the report and the results.
    """
    for note in results["notes"]:
        print(f"videocodec: note: {note}", file=sys.stderr)
    if args.json:
        print_json(results)
    else:
        print(table(results))
        print(f"\n{args.output}: report.html, results.json, results.csv, {pictures}")
    return 0 if any(one["error"] is None for one in results["records"]) else 1
