"""The ffmpeg program in the imageio-ffmpeg wheel: it has libvmaf and two passes of libvpx, which
PyAV has not.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec

from ..errors import ProgramError
from .memory import peak_of_process

# nothing is fetched from anywhere
_QUIET = ("-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file,pipe")
_peak = [0]  # bytes, of any run in this process


def missing_program() -> str | None:
    """Why there is no ffmpeg program to run, None if there is one."""
    if find_spec("imageio_ffmpeg") is None:
        return "needs the package imageio-ffmpeg: pip install imageio-ffmpeg"
    try:
        _path()
    except RuntimeError:
        return "imageio-ffmpeg has no ffmpeg program for this machine"
    return None


@cache
def program_version() -> str:
    """As the program itself says."""
    shown = subprocess.run(
        [_path(), "-version"], capture_output=True, text=True, check=False
    ).stdout
    return match[1] if (match := re.match(r"ffmpeg version (\S+)", shown)) else "unknown"


@cache
def has_filter(name: str) -> bool:
    """Whether the program was built with that filter."""
    return _lists("-filters", name)


@cache
def has_encoder(name: str) -> bool:
    """Whether the program was built with that encoder."""
    return _lists("-encoders", name)


def _lists(option: str, name: str) -> bool:
    shown = subprocess.run(
        [_path(), "-hide_banner", option], capture_output=True, text=True, check=False
    ).stdout
    return re.search(rf"^ \S+ +{re.escape(name)} ", shown, re.MULTILINE) is not None


def ffmpeg(arguments: list[str], stdin: Iterable[bytes] = ()) -> None:
    """Run it to its end, ``stdin`` piped in.

    Raises ``ProgramError`` with its last words if it fails.
    """
    command = [_path(), *_QUIET, *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stdin is not None and process.stderr is not None
    to_program, from_program = process.stdin, process.stderr
    messages: list[bytes] = []
    listener = threading.Thread(target=lambda: messages.append(from_program.read()), daemon=True)
    listener.start()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, done), daemon=True)
    watcher.start()
    try:
        with suppress(BrokenPipeError):
            for data in stdin:
                to_program.write(data)
        with suppress(BrokenPipeError):
            to_program.close()
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        done.set()
        watcher.join()
    listener.join()
    if status:
        lines = b"".join(messages).decode(errors="replace").strip().splitlines()
        raise ProgramError(
            f"the ffmpeg program failed with exit status {status}:"
            f" {lines[0] if lines else 'it messages nothing'}"
        )


def peak_memory() -> int:
    """Most bytes that a program run by this process had in memory, 0 if none ran."""
    return _peak[0]


def _watch(pid: int, done: threading.Event) -> None:
    # The kernel keeps the peak itself, so looking now and then misses only what comes after the
    # last look.
    while True:
        _peak[0] = max(_peak[0], peak_of_process(pid))
        if done.wait(0.02):
            return


@cache
def _path() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())
