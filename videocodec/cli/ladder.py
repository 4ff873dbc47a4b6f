"""``videocodec ladder``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..cluster import LOCAL
from ..models.default import DEFAULT_MODEL
from .common import amount, executor, whole_number
from .ladder_arguments import (
    crf_values,
    merged_crf,
    names,
    numbers,
    presets_of_codecs,
    rates,
    targets,
)
from .ladder_progress import progress_bar
from .ladder_stills import add_stills, check_options, run_stills, show_ladder, show_stills

if TYPE_CHECKING:
    from ..ladder.schema import LadderResults


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "ladder",
        help="compare with x264, x265, SVT-AV1 and VP9 at many bitrates",
        description=(
            "Encode clips with this codec and others at many bitrates, measure all alike, and write"
            " a report. An interrupted run goes on when started again with the same --output."
        ),
    )
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="clips, or pictures with --stills"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="folder for results, report and everything encoded",
    )
    parser.add_argument(
        "--codecs",
        type=names,
        default=None,
        metavar="NAME,…",
        help="of videocodec, x264, x265, svtav1, vp9 (default: all these)",
    )
    _add_rungs(parser)
    _add_figures(parser)
    _add_codec_settings(parser)
    _add_work(parser)
    parser.add_argument("--json", action="store_true", help="print results.json instead of a table")
    add_stills(parser)
    parser.set_defaults(run=run)


def _add_rungs(parser: argparse.ArgumentParser) -> None:
    """Bitrates or qualities, and sizes."""
    rungs = parser.add_mutually_exclusive_group()
    rungs.add_argument(
        "--bitrates",
        type=rates,
        metavar="RATE,…",
        help="bits per second of video, like 10k,20k,40k (default: 10k,20k,40k,80k,160k)",
    )
    rungs.add_argument(
        "--crf",
        action="append",
        type=crf_values,
        metavar="N,… | CODEC=N,… | auto",
        help=(
            "constant quality instead: numbers for every codec, for one, or each codec's own"
            " ladder; may be repeated"
        ),
    )
    parser.add_argument(
        "--resolutions",
        type=numbers,
        metavar="R,…",
        help="shares of width and height (default: 1; of stills 1,0.5,0.25,0.125)",
    )


def _add_figures(parser: argparse.ArgumentParser) -> None:
    """What is measured and compared."""
    from ..ladder.metrics import all_options

    parser.add_argument(
        "--metrics",
        type=names,
        metavar="NAME,…",
        help="what to measure (default: all that can be)",
    )
    parser.add_argument(
        "--add-metric",
        type=names,
        metavar="NAME,…",
        help="score the finished encodes in --output with these too, without encoding again",
    )
    for option in all_options():
        parser.add_argument(f"--{option.name}", metavar="FILE", help=option.help)
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        type=targets,
        metavar="FIGURE=VALUE",
        help=(
            "search the crf that reaches this mean, like vmaf=60; may be repeated, or several"
            " with |"
        ),
    )
    parser.add_argument(
        "--reference", metavar="CODEC", help="what BD-rates are against (default: x265)"
    )
    parser.add_argument(
        "--below",
        type=amount,
        metavar="RATE",
        help="BD-rates only where a codec takes less than this",
    )
    parser.add_argument(
        "--above",
        type=amount,
        metavar="RATE",
        help="BD-rates only where a codec takes more than this",
    )


def _add_codec_settings(parser: argparse.ArgumentParser) -> None:
    """How the codecs encode."""
    parser.add_argument(
        "--presets",
        type=presets_of_codecs,
        default={},
        metavar="CODEC=PRESET,…",
        help="speeds, like x265=slow (default: see docs/ladder.md)",
    )
    parser.add_argument(
        "--gop-size",
        type=whole_number(1, 65535),
        default=250,
        metavar="N",
        help="longest distance of keyframes (default: 250)",
    )
    parser.add_argument(
        "--max-frames",
        type=whole_number(1),
        metavar="N",
        help="only the first N frames of each clip",
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME_OR_DIR",
        help=f"model bundle of videocodec (default: {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--perceptual",
        metavar="FILE",
        help="have videocodec look through these weights, as encode --perceptual does",
    )


def _add_work(parser: argparse.ArgumentParser) -> None:
    """How much is shown, and by how many it is done."""
    parser.add_argument(
        "--pictures",
        type=whole_number(1),
        default=3,
        metavar="N",
        help="frames of each clip in the report (default: 3)",
    )
    parser.add_argument(
        "--sheets",
        type=whole_number(0),
        default=2,
        metavar="N",
        help="contact sheets of each clip, at so many rates (default: 2)",
    )
    parser.add_argument(
        "--jobs",
        type=whole_number(1),
        metavar="N",
        help="processes at a time (default: one a core)",
    )
    parser.add_argument(
        "--executor",
        type=executor,
        default=LOCAL,
        metavar="ray[://HOST:PORT]",
        help="let the processes run on a Ray cluster, whose machines all see --output",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="threads of each encode and decode (default: 1)",
    )


def run(args: argparse.Namespace) -> int:
    """Compare and print what came out; a ladder of which no encode worked is a failure."""
    from ..ladder.tables import terminal

    check_options(args)
    if args.stills:
        with progress_bar(quiet=args.json and not sys.stderr.isatty()) as progress:
            found = run_stills(args, _metric_files(args), progress)
        return show_stills(args, found)
    return show_ladder(args, _results(args), terminal, "plots, sheets")


def _results(args: argparse.Namespace) -> LadderResults:
    from ..ladder.add_metrics import add_metrics
    from ..ladder.api import ladder
    from ..ladder.settings import DEFAULT_CODECS

    files = _metric_files(args)
    with progress_bar(quiet=args.json and not sys.stderr.isatty()) as progress:
        if args.add_metric:
            return add_metrics(
                args.output,
                args.add_metric,
                metric_files=files,
                jobs=args.jobs,
                progress=progress,
            )
        return ladder(
            args.inputs,
            args.output,
            codecs=args.codecs or DEFAULT_CODECS,
            bitrates=args.bitrates,
            crf=merged_crf(args.crf),
            resolutions=args.resolutions or (1.0,),
            metrics=args.metrics,
            metric_files=files,
            targets=dict(pair for pairs in args.target for pair in pairs),
            presets=args.presets,
            reference=args.reference,
            below=args.below,
            above=args.above,
            gop_size=args.gop_size,
            max_frames=args.max_frames,
            model=args.model,
            perceptual=args.perceptual,
            pictures=args.pictures,
            sheets=args.sheets,
            jobs=args.jobs,
            executor=args.executor,
            threads=args.threads,
            progress=progress,
        )


def _metric_files(args: argparse.Namespace) -> dict[str, str]:
    """The files that the user named for metrics, by their options' names."""
    from ..ladder.metrics import all_options

    named = {option.name: getattr(args, option.name.replace("-", "_")) for option in all_options()}
    return {name: path for name, path in named.items() if path is not None}
