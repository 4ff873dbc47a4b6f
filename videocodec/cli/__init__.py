"""The command line: a client of the library like any other.

Every subcommand is a module with ``add`` and ``run``.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from ..errors import ForcedModelWarning, LatentVideoError
from ..signals import Ended
from ..version import __version__
from . import (
    decode,
    encode,
    encode_chunk,
    info,
    ladder,
    merge,
    models,
    plan,
    play,
    repair,
    verify,
)
from .ending import EndingInOrder, end_by

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130  # argparse itself exits with 2 for wrong usage
_DEBUG = "VIDEOCODEC_DEBUG"
_COMMANDS = (
    encode,
    decode,
    play,
    info,
    verify,
    repair,
    ladder,
    models,
    plan,
    encode_chunk,
    merge,
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="videocodec",
        description=(
            "A neural video codec: latents that decode to the same integers on every machine, in an"
            " MP4 file."
        ),
        epilog=(
            "Exit status: 0 success, 1 failure, 2 wrong usage, 75 a merge whose chunks are not"
            f" finished, 130 interrupted. {_DEBUG}=1 shows tracebacks."
        ),
    )
    top.add_argument("--version", action="version", version=f"videocodec {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for command in _COMMANDS:
        command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line → exit status.  Errors become one line on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are not UTF-8
    top = parser()
    args = top.parse_args(arguments)
    if getattr(args, "force_model", False) and args.model is None:
        top.error("--force-model needs --model: which one to force")
    with EndingInOrder() as ending:
        try:
            with _warnings_as_lines():
                status: int = args.run(args)
            sys.stdout.flush()
            return status
        except KeyboardInterrupt as interrupt:
            return _interrupted(interrupt)
        except Ended as ended:
            end_by(ended.number)
            return 128 + ended.number  # where the signal takes its time
        except BaseException as error:
            # Libraries make errors of their own of the exception that a signal raises in the middle
            # of them.
            if ending.asked == signal.SIGINT:
                return _interrupted(error)
            if ending.asked is not None:
                end_by(ending.asked)
            if os.environ.get(_DEBUG) == "1" or not _is_expected(error):
                raise
            if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
                # Whoever read standard output has had enough; Python would complain once more when
                # it flushes at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return FAILURE
            print(
                "; ".join([f"videocodec: error: {_line(error)}", *_notes(error)]), file=sys.stderr
            )
            return FAILURE


def _interrupted(error: BaseException) -> int:
    print(": ".join(["videocodec: interrupted", *_notes(error)]), file=sys.stderr)
    return INTERRUPTED


def _is_expected(error: BaseException) -> bool:
    """Whether it says what is wrong with the input, the output or the machine; anything else is a
    mistake of this program.
    """
    # OpenCV has one class for everything, and a library that cannot be mapped into memory is an
    # ImportError.
    of_machine = (type(error).__module__ == "cv2" and "memory" in str(error)) or (
        isinstance(error, ImportError) and "map" in str(error)
    )
    return of_machine or isinstance(error, LatentVideoError | ValueError | OSError | MemoryError)


def _line(error: BaseException) -> str:
    """What is wrong, in one line."""
    message = " ".join(str(error).split())
    if isinstance(error, LatentVideoError) or (isinstance(error, ValueError | OSError) and message):
        return message
    return (
        "not enough memory"
        + (f" ({message})" if message else "")
        + ": close other programs, take fewer --jobs, or a smaller video"
    )


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """The library's own warnings for a person to read; those of others stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ForcedModelWarning)
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ForcedModelWarning):
                print(f"videocodec: warning: {message}", file=sys.stderr)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _notes(error: BaseException) -> list[str]:
    """What the library adds to an error for the person who reads it."""
    return getattr(error, "__notes__", [])
