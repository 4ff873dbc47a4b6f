"""``videocodec play``."""

from __future__ import annotations

import argparse
import sys

from .common import (
    add_decoding_scale,
    add_machine_options,
    add_model_options,
    add_pictures,
    whole_number,
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "play",
        help="look at videos frame by frame, in the browser or in the terminal",
        description=(
            "Serve a page on this machine that shows latent-video files and ordinary videos frame"
            " by frame, beside each other and beside their source, and open it in the browser. It"
            " ends when the page is closed, and with Ctrl-C; both are exit status 0."
        ),
    )
    parser.add_argument(
        "input",
        nargs="+",
        metavar="FILE",
        help=(
            "a latent-video file, or any other video that can be decoded; up to eight of one size,"
            " between which keys choose"
        ),
    )
    parser.add_argument(
        "--terminal",
        action="store_true",
        help=(
            "show it in this terminal instead, as coloured half blocks: q quits, ? shows the keys;"
            " of several files the first, which has to be latent video; none of the options of the"
            " page count"
        ),
    )
    parser.add_argument(
        "--source", metavar="ORIGINAL", help="the video that all were encoded from, to compare with"
    )
    parser.add_argument(
        "--port",
        type=whole_number(1, 65535),
        metavar="N",
        help="port of the page (default: a free one)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address of the page"
    )
    parser.add_argument(
        "--keep-open", action="store_true", help="go on when the page has been closed"
    )
    parser.add_argument(
        "--steps",
        type=whole_number(1, 50),
        default=1,
        metavar="N",
        help="restoration steps to begin with",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="seed of the restoration"
    )
    parser.add_argument(
        "--no-restore", action="store_true", help="begin without UNet and post-filter"
    )
    add_decoding_scale(parser)
    add_pictures(parser)
    add_model_options(parser)
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until the page is closed or the command interrupted, or play in the terminal until the
    person quits.
    """
    if args.terminal:
        return _run_in_terminal(args)
    from ..player.opening import DecodingOptions, opened_files
    from ..player.played import Settings
    from ..player.server import PlayerServer, open_browser

    options = DecodingOptions(
        args.model,
        args.force_model,
        args.seed,
        args.device,
        args.threads,
        scale=args.scale,
        pictures=args.pictures,
    )
    with opened_files(
        args.input, Settings(not args.no_restore, args.steps), options, source=args.source
    ) as files:
        server = PlayerServer(files, port=args.port, keep_open=args.keep_open)

        def ready() -> None:
            print(server.address, flush=True)
            if not args.no_browser and not open_browser(server.address):
                print(
                    "videocodec: no screen here to open a browser on: open that address yourself",
                    file=sys.stderr,
                )

        server.run(ready)  # Ctrl-C is how one ends a player, and no interruption
    return 0


def _run_in_terminal(args: argparse.Namespace) -> int:
    from ..reader.reader import VideoReader
    from ..terminal.player import play_in_terminal
    from ..terminal.screen import check_terminal

    check_terminal()  # before anything that takes time
    first, *others = args.input
    if others:
        print(
            f"videocodec: a terminal shows one file: {first}; the page, without --terminal, shows"
            f" all {len(args.input)}",
            file=sys.stderr,
        )
    settings = {
        "force_model": args.force_model,
        "steps": args.steps,
        "seed": args.seed,
        "restore": not args.no_restore,
    }
    with VideoReader(
        first, model=args.model, device=args.device, threads=args.threads, **settings
    ) as video:
        play_in_terminal(video)
    return 0
