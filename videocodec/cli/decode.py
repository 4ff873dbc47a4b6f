"""``videocodec decode``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from .common import (
    add_decoding_scale,
    add_machine_options,
    add_model_options,
    add_pictures,
    counted,
    frame_rate,
    frame_span,
    print_json,
    progress_bar,
    whole_number,
)

if TYPE_CHECKING:
    from ..decoder.api import DecodeReport

_RUNS_SHOWN = 20  # of lost frames, with a line each; JSON has all


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "decode",
        help="decode a latent-video file into an ordinary video or pictures",
        description=(
            "Decode a latent-video file into .mp4, .mov or .mkv (H.264, with the sound), .y4m, -"
            " (y4m on standard output), or a folder of pictures such as frames/%%05d.png."
        ),
    )
    parser.add_argument("input", metavar="INPUT", help="the latent-video file")
    parser.add_argument(
        "output", metavar="OUTPUT", help="the file or pattern to write, - for standard output"
    )
    parser.add_argument(
        "--frames",
        type=frame_span,
        metavar="FIRST:STOP",
        help=(
            "only these frames, STOP excluded: numbers from 0 (100:140), or seconds when they begin"
            " (3.5s:7s); either may be left out, negative ones count from the end (--frames=-50:)"
        ),
    )
    parser.add_argument(
        "--provenance",
        metavar="FILE",
        help=(
            "also write the pictures with a map of what was transmitted, predicted and generated"
            " over them, as any kind of OUTPUT"
        ),
    )
    parser.add_argument(
        "--fps",
        type=frame_rate,
        metavar="N",
        help=(
            "frames per second of the output, as in 60 or 60000/1001: those between coded frames"
            " are made up of both along their motion, but never across a scene cut"
        ),
    )
    parser.add_argument(
        "--coded-size",
        action="store_true",
        help="pictures as they are coded, of a file that shows them larger (encode --scale)",
    )
    add_decoding_scale(parser)
    add_pictures(parser)
    _add_restoration(parser)
    add_model_options(parser)
    add_machine_options(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="overwrite outputs")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON; on standard error if an output is -",
    )
    parser.set_defaults(run=run)


def _add_restoration(parser: argparse.ArgumentParser) -> None:
    """What becomes of latents, and of those that are lost."""
    parser.add_argument(
        "--steps",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="restoration steps; no effect without a restoration model",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0),
        default=0,
        metavar="N",
        help=(
            "seed of the noise that generated blocks are filled with; no effect without a"
            " restoration model, nor with embedded-unet"
        ),
    )
    parser.add_argument(
        "--no-restore",
        action="store_true",
        help="without UNet and post-filter",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=(
            "stop at a damaged file, without an output, instead of concealing the frames that are"
            " lost"
        ),
    )


def run(args: argparse.Namespace) -> int:
    """Decode and say where to."""
    from ..decoder.api import decode

    with progress_bar("decoding") as progress:
        report = decode(
            args.input,
            args.output,
            frames=args.frames,
            provenance=args.provenance,
            fps=args.fps,
            model=args.model,
            force_model=args.force_model,
            steps=args.steps,
            seed=args.seed,
            restore=not args.no_restore,
            device=args.device,
            threads=args.threads,
            strict=args.strict,
            coded_size=args.coded_size,
            scale=args.scale,
            pictures=args.pictures,
            overwrite=args.yes,
            progress=progress,
        )
    _warn(args, report)
    piped = "-" in (args.output, args.provenance)
    if args.json:
        print_json(
            {
                "input": args.input,
                "output": args.output,
                **asdict(report),
                "concealed_frames": report.concealed_frames,
            },
            sys.stderr if piped else sys.stdout,
        )
    elif not piped:
        place = (
            args.output
            if args.provenance is None
            else f"{args.output}, and its provenance in {args.provenance}"
        )
        made_up = "" if args.fps is None else f" ({report.interpolated_frames} of them made up)"
        print(
            f"{place}: {counted(report.frames, 'frame')}{made_up},"
            f" {report.frames / report.decode_seconds:.1f} frames per second"
        )
    return 0


def _warn(args: argparse.Namespace, report: DecodeReport) -> None:
    """Say on standard error what was left out, made up in another way, or lost."""
    for track in report.skipped_tracks:
        print(f"videocodec: warning: {args.output}: not copied: {track}", file=sys.stderr)
    for note in report.notes:
        print(f"videocodec: note: {args.input}: {note}", file=sys.stderr)
    for problem in report.problems:
        print(f"videocodec: warning: {args.input}: {problem}", file=sys.stderr)
    for run in report.concealed[:_RUNS_SHOWN]:
        print(f"videocodec: warning: {args.input}: {run.sentence}", file=sys.stderr)
    if report.concealed:
        more = len(report.concealed) - _RUNS_SHOWN
        rest = f", in {more} more places" if more > 0 else ""
        print(
            f"videocodec: warning: {args.input}: damaged: {report.concealed_frames} of"
            f" {counted(report.frames, 'frame')} concealed{rest}; --strict refuses such files",
            file=sys.stderr,
        )
