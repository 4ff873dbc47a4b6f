"""``python -m videocodec``, and the ``videocodec`` command."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """The command line from its very beginning to its very end: Ctrl-C while the program is still
    being loaded is no traceback either.
    """
    try:
        from .cli import main as command_line

        status = command_line()
    except KeyboardInterrupt:
        print("videocodec: interrupted", file=sys.stderr)
        status = 130
    except SystemExit as end:  # of argparse
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    _end(status)


def _end(status: int) -> NoReturn:
    """End at once, after all that was to be done at the end.

    Python would first take apart everything that PyTorch has loaded, which takes longer than a
    second, as if Ctrl-C had not been heard.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
