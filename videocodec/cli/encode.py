"""``videocodec encode``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..cluster import LOCAL
from ..encoder.settings import DEFAULT_CRF, DEFAULT_GOP_SIZE, MAX_CRF, TUNES
from ..errors import SettingsError
from ..models.default import DEFAULT_MODEL
from ..presets import PRESETS
from .common import (
    add_machine_options,
    amount,
    executor,
    guard,
    progress_bar,
    scale,
    share,
    whole_number,
)
from .encode_report import print_report
from .reading_arguments import INPUT_HELP, add_keeping, add_reading


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "encode",
        help="encode a video or picture into a latent-video file",
        description=(
            "Encode any video or picture that PyAV can decode into a latent-video file (MP4), sound"
            " and subtitles copied."
        ),
    )
    parser.add_argument("input", metavar="INPUT", help=INPUT_HELP)
    parser.add_argument(
        "output", metavar="OUTPUT", help="the file to write, for example clip.lv.mp4"
    )
    add_goals(parser)
    add_choices(parser)
    _add_guard(parser)
    add_extent(parser)
    _add_work(parser)
    add_reading(parser)
    add_keeping(parser)
    add_machine_options(parser)
    add_words(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="overwrite the output")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def add_words(parser: argparse.ArgumentParser) -> None:
    """What goes along with the video."""
    words = parser.add_mutually_exclusive_group()
    words.add_argument(
        "--caption",
        metavar="TEXT",
        help=(
            "words that say what is to be seen, kept in the file; they steer models that take words"
        ),
    )
    words.add_argument(
        "--caption-file",
        metavar="FILE",
        help="words with times: lines like 1:02.5 a dog barks, each up to the next",
    )


def add_goals(parser: argparse.ArgumentParser) -> None:
    """Quality, rate or size."""
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument(
        "--crf",
        type=whole_number(0, MAX_CRF),
        metavar=f"0..{MAX_CRF}",
        help=(
            "constant quality, lower is better and larger; the quantiser step doubles every 12"
            f" (default: {DEFAULT_CRF})"
        ),
    )
    goal.add_argument(
        "--bitrate",
        type=amount,
        metavar="RATE",
        help="mean bits per second of the video, like 40k or 1.5M; takes several passes",
    )
    goal.add_argument(
        "--target-size",
        type=amount,
        metavar="SIZE",
        help="bytes of the file without its sound, like 500k; takes several passes",
    )
    parser.add_argument(
        "--maxrate",
        type=amount,
        metavar="RATE",
        help="bits that no second of the video exceeds, like 60k; goes with any of the above",
    )


def add_choices(parser: argparse.ArgumentParser) -> None:
    """What else the bytes depend on."""
    parser.add_argument(
        "--preset", choices=PRESETS, default="medium", help="speed against bits (default: medium)"
    )
    parser.add_argument(
        "--gop-size",
        type=whole_number(1, 65535),
        default=DEFAULT_GOP_SIZE,
        metavar="N",
        help=f"longest distance of keyframes, in frames (default: {DEFAULT_GOP_SIZE})",
    )
    parser.add_argument(
        "--generation",
        type=share,
        metavar="0..1",
        help=(
            "let the model's UNet make up blocks that cost more than they are worth, as if it left"
            " this share of their error; every frame says which (default: presets from slow on run"
            " the UNet to find out, if there is one; others leave it none)"
        ),
    )
    parser.add_argument(
        "--scale",
        type=scale,
        default=1.0,
        metavar="auto|1|0.75|0.5",
        help=(
            "code pictures at so much of their width and height, which decoders show at full size:"
            " a gain at low rates; auto tries a few frames, and with a crf takes one that needs as"
            " many bytes (default: 1)"
        ),
    )
    parser.add_argument(
        "--roi",
        metavar="FILE",
        help=(
            "rectangles that are to be finer or coarser, by time: a JSON list of objects with x, y,"
            " width, height, offset (below 0 is finer) and perhaps begin and end, in seconds"
        ),
    )
    parser.add_argument(
        "--tune",
        choices=TUNES,
        help=(
            "what pictures are aimed at beside the bits: squared error (psnr), structure (ssim),"
            " something between (balanced), the latents of the source (none), or what --perceptual"
            " FILE sees (default: balanced for models of format version 2 and presets from medium"
            " on, else none)"
        ),
    )
    parser.add_argument(
        "--perceptual",
        metavar="FILE",
        help=(
            "look at the decoded pictures through LPIPS while encoding, for a better look at the"
            " same bytes: with presets up to fast at keyframes only; FILE: weights of LPIPS with"
            " SqueezeNet 1.1, safetensors"
        ),
    )


def _add_guard(parser: argparse.ArgumentParser) -> None:
    """What every part of every picture must have."""
    parser.add_argument(
        "--guard",
        type=guard,
        metavar="ssim=0.9|psnr=28",
        help=(
            "what every square of 64 px of every frame must have, against the source, in the"
            " decoded picture: squares that fall short are coded again finer until they hold; info"
            " lists those that cannot"
        ),
    )
    parser.add_argument(
        "--guard-strict",
        action="store_true",
        help="exit status 1 if a square does not hold; the file is written all the same",
    )


def add_extent(parser: argparse.ArgumentParser) -> None:
    """How much is encoded, and with what model."""
    parser.add_argument(
        "--max-frames", type=whole_number(1), metavar="N", help="stop after N frames"
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME_OR_DIR",
        help=(
            "model bundle: a name from videocodec models list, a folder, or org/name on the Hugging"
            f" Face hub (default: {DEFAULT_MODEL})"
        ),
    )
    parser.add_argument(
        "--embed-model",
        action="store_true",
        help="attach the model bundle to the file, which then decodes where nobody has it",
    )


def _add_work(parser: argparse.ArgumentParser) -> None:
    """By how many it is done, and how it goes on."""
    parser.add_argument(
        "--jobs",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="processes that share the work, for the same bytes (default: 1)",
    )
    parser.add_argument(
        "--executor",
        type=executor,
        default=LOCAL,
        metavar="ray[://HOST:PORT]",
        help=(
            "let the jobs be workers on a Ray cluster: the one at that address, the one that this"
            " machine belongs to, or else one that is started for the encode"
        ),
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with what an interrupted encode left in OUTPUT.chunks; needs the same settings",
    )


def run(args: argparse.Namespace) -> int:
    """Encode and print what it took."""
    if args.guard_strict and args.guard is None:
        raise SettingsError("--guard-strict needs --guard: what every square must have")
    from ..encoder.api import encode
    from .standard_input import ordinary_file

    with (
        ordinary_file(
            args.input, Path(args.output), overwrite=args.yes, resume=args.resume
        ) as source,
        progress_bar("encoding", quiet=args.json and not sys.stderr.isatty()) as progress,
    ):
        report = encode(
            source,
            args.output,
            crf=args.crf,
            bitrate=args.bitrate,
            target_size=args.target_size,
            maxrate=args.maxrate,
            preset=args.preset,
            gop_size=args.gop_size,
            generation=args.generation,
            tune=args.tune,
            guard=args.guard,
            scale=args.scale,
            roi=args.roi,
            perceptual=args.perceptual,
            max_frames=args.max_frames,
            model=args.model,
            embed_model=args.embed_model,
            device=args.device,
            threads=args.threads,
            jobs=args.jobs,
            executor=args.executor,
            resume=args.resume,
            strict=args.strict,
            to_sdr=args.to_sdr,
            background=args.background,
            deinterlace=args.deinterlace,
            fps=args.fps,
            keep_location=args.keep_location,
            caption=args.caption,
            caption_file=args.caption_file,
            overwrite=args.yes,
            progress=progress,
        )
    print_report(report, args.input, args.output, as_json=args.json)
    if args.guard_strict and report.guard is not None and report.guard.unheld:
        return 1
    return 1 if report.losses else 0  # 0 only if nothing of the source was lost
