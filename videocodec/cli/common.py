"""What subcommands share: types of arguments, JSON, numbers for people, the progress bar."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, TextIO

from ..models.devices import DEVICES
from ..progress import Progress, ProgressCallback

if TYPE_CHECKING:
    from ..decoder.span import FrameSpan


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """An argparse type: a whole number from ``low`` to ``high``."""
    allowed = f"{low} or more" if high is None else f"{low}..{high}"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"must be a whole number, {allowed}, got {text!r}"
            ) from None
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {value}")
        return value

    return convert


def share(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return value


def amount(text: str) -> int:
    """An argparse type: a whole number, in thousands with k and in millions with M, as in 40k and
    1.5M.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text.strip())
    value = (
        round(Decimal(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[match[2].lower()])
        if match
        else 0
    )
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"must be a number above 0 like 40k, 1.5M or 40000, got {text!r}"
        )
    return value


def frame_span(text: str) -> FrameSpan:
    """An argparse type: a part of a stream, as in 100:140 and 3.5s:7s."""
    from ..decoder.span import FrameSpan

    try:
        return FrameSpan.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def guard(text: str) -> str:
    """An argparse type: what every square of every frame must have, as in ssim=0.9."""
    from ..guard import GuardLimit

    try:
        return str(GuardLimit.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def scale(text: str) -> float | str:
    """An argparse type: at what share of their width and height pictures are coded, or auto."""
    from ..scaling import scale_of

    try:
        return scale_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_decoding_scale(parser: argparse.ArgumentParser) -> None:
    """At what size pictures are decoded: as ``scaling.DECODING_SCALES``."""
    parser.add_argument(
        "--scale",
        type=int,
        choices=(1, 2),
        default=1,
        help=(
            "2 for pictures of twice the width and height, with finer detail that the model makes"
            " up (a model without a network for it enlarges them by interpolation)"
        ),
    )


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Which networks make pictures: as ``decoder.picture_choice.Pictures``."""
    parser.add_argument(
        "--pictures",
        choices=("auto", "exact", "float"),
        default="auto",
        help=(
            "exact for the same bytes on every machine, of files of format version 2 that nothing"
            " restores; float for the autoencoder's (default: exact where that can be and networks"
            " run on the CPU)"
        ),
    )


def coded_at(width: int, coded_width: int, coded_height: int) -> str:
    """What to say of a picture that is coded smaller than it is shown, ``width`` px wide."""
    return "" if width == coded_width else f" (coded at {coded_width}x{coded_height})"


def executor(text: str) -> str:
    """An argparse type: who does the work of an encode."""
    from ..cluster import check_executor

    try:
        check_executor(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def frame_rate(text: str) -> Fraction:
    """An argparse type: frames per second, as in 25 or 24000/1001."""
    from ..media.options import rate_of

    try:
        return rate_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def chunk_numbers(text: str) -> range:
    """An argparse type: a number, as in 7, or some in a row, as in 40:50 for 40 to 49."""
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    first = int(match[1]) if match else 0
    end = int(match[2] or first + 1) if match else 0
    if end <= first:
        raise argparse.ArgumentTypeError(
            f"must be a number of a chunk like 7, or 40:50 for 40 to 49, got {text!r}"
        )
    return range(first, end)


def add_farm_options(parser: argparse.ArgumentParser) -> None:
    """Where chunks of a plan are kept, and where this machine has what the plan names."""
    parser.add_argument(
        "--store",
        required=True,
        metavar="DIR_OR_URL",
        help="where chunks are kept: a folder that all machines see, or an address like s3://…",
    )
    parser.add_argument(
        "--source",
        metavar="FILE",
        help="where the video lies on this machine (default: as planned)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME_OR_DIR",
        help="where the model bundle lies on this machine (default: as planned)",
    )


def minutes(text: str) -> float:
    """An argparse type: a duration in minutes, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of minutes above 0, got {text!r}")
    return value


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="where the networks run (default: auto)"
    )
    parser.add_argument(
        "--threads",
        type=whole_number(1),
        metavar="N",
        help="CPU threads of the networks (default: PyTorch's, all cores)",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What decodes."""
    parser.add_argument(
        "--model",
        metavar="NAME_OR_DIR",
        help=(
            "model bundle: name, folder, or org/name on the hub (default: the stream's own,"
            " installed or attached to the file)"
        ),
    )
    parser.add_argument(
        "--force-model",
        action="store_true",
        help="take --model even if the stream was written with another one; says what that means",
    )


def counted(count: int, noun: str) -> str:
    """1 frame, 2 frames."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_json(value: Mapping[str, object], file: TextIO | None = None) -> None:
    """One JSON object on standard output, or in ``file``."""
    print(json.dumps(value, indent=2, ensure_ascii=False), file=file)


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def percent(share: float) -> str:
    """A share, 0..1, for people: 0 % and 100 % are exact."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def bitrate(bits_per_second: float) -> str:
    """Bit rate for people."""
    return (
        f"{bits_per_second / 1000:.1f} kbit/s"
        if bits_per_second < 1e6
        else f"{bits_per_second / 1e6:.2f} Mbit/s"
    )


@contextmanager
def progress_bar(
    label: str, *, quiet: bool = False, total: int | None = None
) -> Iterator[ProgressCallback | None]:
    """A bar on standard error with frames, frames per second, bitrate so far and time left; None
    when that is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(
        desc=label, total=total, unit=" frames", file=sys.stderr, dynamic_ncols=True, leave=False
    ) as bar:
        shown_pass = [1]

        def show(now: Progress) -> None:
            if bar.total is None and now.frames_total:
                bar.total = now.frames_total
            if now.passes > 1 and bar.n and now.pass_number != shown_pass[0]:
                bar.reset(now.frames_total)
            if now.passes > 1:
                bar.set_description_str(
                    f"{label}, pass {now.pass_number} of {now.passes}", refresh=False
                )
            shown_pass[0] = now.pass_number
            if now.seconds_of_video > 0:
                bar.set_postfix_str(
                    bitrate(now.video_bytes * 8 / now.seconds_of_video), refresh=False
                )
            bar.update(now.frames_done - bar.n)

        yield show
