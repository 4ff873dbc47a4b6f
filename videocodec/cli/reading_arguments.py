"""Arguments that say how a source is read, shared by ``encode`` and ``plan``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .common import frame_rate

if TYPE_CHECKING:
    from ..media.options import SourceOptions

INPUT_HELP = (
    "the video or picture, or a sequence of pictures: 'frames/%%05d.png', a folder or a glob; - is"
    " standard input"
)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How unusual inputs are read."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help=(
            "refuse a damaged input (default: encode what decodes, say what is missing, and exit"
            " with status 1)"
        ),
    )
    parser.add_argument(
        "--to-sdr", action="store_true", help="tone-map HDR (PQ, HLG) to SDR (default: refuse it)"
    )
    parser.add_argument(
        "--background",
        metavar="COLOUR",
        help="flatten transparent pictures onto a colour, as in '#000' (default: refuse them)",
    )
    parser.add_argument(
        "--deinterlace",
        action="store_true",
        help="make whole pictures of interlaced frames (default: take them as they are)",
    )
    parser.add_argument(
        "--fps",
        type=frame_rate,
        metavar="RATE",
        help="frames per second of a sequence of pictures, like 24000/1001 (default: 25)",
    )


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """What the file may say."""
    parser.add_argument(
        "--keep-location",
        action="store_true",
        help="let the file say where it was recorded (default: leave that out)",
    )


def source_options(args: argparse.Namespace) -> SourceOptions:
    """What ``add_reading`` declared, as given."""
    from ..media.options import SourceOptions, colour_of

    return SourceOptions(
        strict=args.strict,
        to_sdr=args.to_sdr,
        background=None if args.background is None else colour_of(args.background),
        deinterlace=args.deinterlace,
        fps=args.fps,
    )
