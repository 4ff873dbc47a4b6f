"""``videocodec plan``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..encoder.settings import DEFAULT_CRF, EncoderSettings, checked_tune
from ..regions import read_regions
from ..scaling import AUTO
from .common import counted, print_json, progress_bar
from .encode import add_choices, add_extent, add_goals, add_words
from .reading_arguments import INPUT_HELP, add_keeping, add_reading, source_options

if TYPE_CHECKING:
    from ..farm.planning import PlanRequest


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "plan",
        help="plan an encode that many machines share",
        description=(
            "Look for keyframes and write down where they go, with all settings. Then encode-chunk"
            " codes any chunk of the plan, on any machine, and merge makes the file."
        ),
    )
    parser.add_argument("input", metavar="INPUT", help=INPUT_HELP)
    parser.add_argument("plan", metavar="PLAN.json", help="the plan to write")
    add_goals(parser)
    add_choices(parser)
    add_extent(parser)
    add_reading(parser)
    add_keeping(parser)
    add_words(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="overwrite the plan")
    parser.add_argument("--json", action="store_true", help="print what was planned as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan and print how many chunks there are."""
    from ..farm.planning import make_plan, write_plan
    from ..media.frame_sink import check_target

    check_target(Path(args.plan), overwrite=args.yes)
    with progress_bar("planning", quiet=args.json and not sys.stderr.isatty()) as progress:
        plan = make_plan(_request(args), progress)
    write_plan(plan, Path(args.plan), overwrite=args.yes)
    frames = sum(planned.chunk.frames for planned in plan.chunks)
    if args.json:
        facts = {"chunks": len(plan.chunks), "frames": frames, "id": plan.id}
        print_json({"input": args.input, "plan": args.plan, **facts})
        return 0
    print(
        f"{args.plan}: {counted(len(plan.chunks), 'chunk')}, 0 to {len(plan.chunks) - 1}, of"
        f" {counted(frames, 'frame')}; plan {plan.id}"
    )
    return 0


def _request(args: argparse.Namespace) -> PlanRequest:
    from ..captions import captions_of
    from ..encoder.request import RateGoal
    from ..farm.planning import PlanRequest

    return PlanRequest(
        source=Path(args.input),
        settings=EncoderSettings(
            crf=DEFAULT_CRF if args.crf is None else args.crf,
            preset=args.preset,
            gop_size=args.gop_size,
            generation=args.generation,
            tune=checked_tune(args.tune, brings_weights=args.perceptual is not None),
            regions=() if args.roi is None else read_regions(Path(args.roi)),
        ),
        goal=RateGoal.checked(args.bitrate, args.target_size, args.maxrate),
        model=args.model,
        perceptual=None if args.perceptual is None else Path(args.perceptual),
        max_frames=args.max_frames,
        embed_model=args.embed_model,
        options=replace(
            source_options(args), scale=1.0 if args.scale == AUTO else float(args.scale)
        ),
        keep_location=args.keep_location,
        captions=captions_of(args.caption, args.caption_file),
        tries_scales=args.scale == AUTO,
    )
