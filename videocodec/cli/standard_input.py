"""Inputs that can be read only once: standard input and pipes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bitstream.container import Unfinished

from ..errors import SettingsError
from ..media.frame_sink import check_target, output_errors

STANDARD_INPUT = "-"
_DESCRIPTORS = ("/dev/", "/proc/")  # where a shell names pipes, as in <(…)


@contextmanager
def ordinary_file(name: str, target: Path, *, overwrite: bool, resume: bool) -> Iterator[str]:
    """The input as a file that can be read again: itself or, of standard input (``-``) or a pipe, a
    copy beside ``target`` that is removed in the end.

    Raises ``SettingsError`` for one that an interrupted encode cannot have read, ``OutputError``
    and ``OutputExistsError`` where nothing can be written.
    """
    # Named pipes are refused later: nobody may ever write to one.
    if name != STANDARD_INPUT and not (name.startswith(_DESCRIPTORS) and Path(name).is_fifo()):
        yield name
        return
    if resume:
        raise SettingsError(
            f"{name}: --resume goes on with a file that is still there: save the input to one"
        )
    check_target(target, overwrite=overwrite)
    with output_errors(target):
        beside = Unfinished(target, folder=True)
    with beside:
        copy = beside.path / ("standard-input" if name == STANDARD_INPUT else Path(name).name)
        with output_errors(copy), copy.open("wb") as file:
            if name == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, file)
            else:
                with open(name, "rb") as pipe:
                    shutil.copyfileobj(pipe, file)
        yield os.fspath(copy)
