"""``videocodec models calibrate|list|show|lpips``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from ..models.configurations import FAMILIES
from .common import add_machine_options, counted, minutes, print_json, size, whole_number


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "models",
        help="make, list and show model bundles",
        description=(
            "Model bundles: an autoencoder, with or without a UNet that restores, and the codec's"
            " tables for it."
        ),
    )
    actions = parser.add_subparsers(
        title="commands", dest="action", required=True, metavar="COMMAND"
    )
    _add_calibrate(actions)
    listing = actions.add_parser(
        "list",
        help="list the bundles that are installed",
        description=(
            "List the bundles of the package and of your own folder of models ($VIDEOCODEC_MODELS)."
        ),
    )
    listing.add_argument("--json", action="store_true", help="print everything as JSON")
    listing.set_defaults(run=run_list)
    show = actions.add_parser(
        "show",
        help="say what a bundle is",
        description="Say what a bundle is and how it was made; no network runs.",
    )
    show.add_argument("model", metavar="NAME_OR_DIR", help="the bundle")
    show.add_argument("--json", action="store_true", help="print everything as JSON")
    show.set_defaults(run=run_show)
    lpips = actions.add_parser(
        "lpips",
        help="write the weights that encode --perceptual looks through",
        description=(
            "Write the weights of LPIPS with SqueezeNet, which encode --perceptual, the ladder and"
            " training take, as one safetensors file. They come from the package lpips (pip install"
            " lpips), which downloads them once."
        ),
    )
    lpips.add_argument("output", metavar="FILE", help="the safetensors file to write")
    lpips.add_argument("-y", "--yes", action="store_true", help="replace an existing file")
    lpips.set_defaults(run=run_lpips)


def _add_calibrate(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "calibrate",
        help="make a bundle of a diffusers autoencoder or pipeline",
        description=(
            "Make a bundle of a diffusers autoencoder, with or without a UNet: fits scale, phase"
            " filters, context networks and probability tables. Only safetensors are read."
        ),
    )
    parser.add_argument(
        "source",
        nargs="+",
        metavar="VAE_OR_PIPELINE",
        help=(
            "folder in diffusers' layout; a safetensors file of Stable Diffusion 1.x, 2.x, XL, 3,"
            " FLUX or TAESD (its encoder and its decoder); or org/name, which is downloaded from"
            " the Hugging Face hub"
        ),
    )
    parser.add_argument(
        "--images",
        required=True,
        metavar="DIR",
        help="photographs to fit on, some dozens, 80 px a side or more",
    )
    parser.add_argument("--output", required=True, metavar="BUNDLE", help="the folder to make")
    parser.add_argument(
        "--clips",
        metavar="DIR",
        help="videos to fit inter frames on (default: a virtual camera over the photographs)",
    )
    parser.add_argument(
        "--family",
        choices=FAMILIES,
        help="of a file: whose configuration to take (default: told from its tensors)",
    )
    _add_amounts(parser)
    add_machine_options(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="replace an existing bundle")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run_calibrate)


def _add_amounts(parser: argparse.ArgumentParser) -> None:
    """How long is fitted, and on how much."""
    parser.add_argument(
        "--minutes",
        type=minutes,
        default=4.0,
        metavar="N",
        help=(
            "time for fitting the context networks; running the autoencoder comes on top"
            " (default: 4)"
        ),
    )
    parser.add_argument(
        "--training-steps",
        type=whole_number(1),
        metavar="N",
        help=(
            "fit the context networks for so many steps instead: the same bundle every time"
            " (default: --minutes)"
        ),
    )
    parser.add_argument(
        "--picture-count",
        type=whole_number(1),
        default=80,
        metavar="N",
        help="how many photographs are used at most, about (default: 80)",
    )
    parser.add_argument(
        "--clip-frames",
        type=whole_number(2),
        default=33,
        metavar="N",
        help="how many frames of a clip are used at most (default: 33)",
    )
    parser.add_argument(
        "--words",
        action="store_true",
        help="keep the pipeline's text encoder, so that captions of streams steer the UNet",
    )


def run_calibrate(args: argparse.Namespace) -> int:
    """Calibrate and say what was made."""
    from ..calibration.api import calibrate

    def log(line: str) -> None:
        if sys.stderr.isatty():
            print(line, file=sys.stderr, flush=True)

    report = calibrate(
        args.source[0] if len(args.source) == 1 else args.source,
        args.output,
        images=args.images,
        clips=args.clips,
        minutes=args.minutes,
        training_steps=args.training_steps,
        picture_count=args.picture_count,
        clip_frames=args.clip_frames,
        words=args.words,
        family=args.family,
        device=args.device,
        threads=args.threads,
        overwrite=args.yes,
        log=log,
    )
    for note in report.notes:
        print(f"videocodec: note: {note}", file=sys.stderr)
    if args.json:
        print_json(asdict(report))
        return 0
    seen = (
        f"{counted(report.pictures, 'picture')}, {counted(report.clips, 'clip')}"
        if report.clips
        else counted(report.pictures, "picture")
    )
    print(
        f"{report.bundle}: {report.latent_channels} latent channels, SHA-256 {report.sha256[:16]},"
        f" fitted on {seen}"
    )
    if report.certainty:
        print(f"  certainty of its latents: {report.certainty}")
    print(f"  videocodec encode INPUT OUTPUT --model {report.bundle}")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """A line on every bundle; those that cannot be read are warnings."""
    from ..errors import LatentVideoError
    from ..models.bundle import ModelBundle, available, user_folder
    from ..models.description import describe

    described = {}
    for name in available():
        try:
            described[name] = describe(ModelBundle.find(name))
        except (LatentVideoError, OSError) as error:
            print(f"videocodec: warning: {name}: {error}", file=sys.stderr)
    if args.json:
        print_json(
            {
                "user_folder": str(user_folder()),
                "models": [{**one.to_dict(), "name": name} for name, one in described.items()],
            }
        )
        return 0
    rows = [("name", "SHA-256", "channels", "size", "networks")]
    for name, one in described.items():
        networks = ", ".join(network.class_name for network in one.networks)
        rows.append((name, one.sha256[:16], str(one.latent_channels), size(one.bytes), networks))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print(
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]
            )
        )
    print(f"your own go into {user_folder()}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """All that is known of one bundle."""
    from ..models.bundle import ModelBundle
    from ..models.description import describe

    one = describe(ModelBundle.find(args.model))
    if args.json:
        print_json(one.to_dict())
        return 0
    scales = sorted(set(one.latent_scale))
    lines = {
        "name": one.name,
        "folder": f"{one.folder}, {size(one.bytes)}",
        "SHA-256": one.sha256,
        "latents": (
            f"{one.latent_channels} channels of 8x8 px, coded in slices of"
            f" {', '.join(map(str, one.slices))}"
        ),
        "scale": (
            f"{scales[0]:g}" if len(scales) == 1 else f"{scales[0]:g} to {scales[-1]:g}, by channel"
        ),
    }
    for network in one.networks:
        lines[network.part] = f"{network.class_name}, {network.parameters / 1e6:.2f} M parameters"
    lines["restores"] = one.restoration + (
        f", predicts {one.prediction_type}" if one.prediction_type else ""
    )
    if one.timesteps:
        lines["timesteps"] = ", ".join(f"crf {crf}: {step}" for crf, step in one.timesteps.items())
    for key, value in one.calibration.items():
        lines[key.replace("_", " ")] = (
            "; ".join(value)
            if isinstance(value, list)
            else f"{value:.0f}"
            if isinstance(value, float)
            else str(value)
        )
    width = max(map(len, lines))
    for key, value in lines.items():
        print(f"{key:{width}} {value}")
    return 0


def run_lpips(args: argparse.Namespace) -> int:
    """Write the file and say so."""
    from ..judges.lpips_package import write_weights

    write_weights(Path(args.output), overwrite=args.yes)
    print(f"{args.output}: weights of LPIPS with SqueezeNet")
    return 0
