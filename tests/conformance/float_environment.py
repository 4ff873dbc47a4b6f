"""Changes how the processor treats floats in the calling thread: the direction of rounding, and
whether denormal numbers become zero.

Rounding needs the C library alone; denormal numbers need PyTorch or a C compiler.  A thread starts
with the settings of the one that starts it, so that the threads of a BLAS keep what held when they
were started.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_X86, _ARM = ("x86_64", "AMD64", "i686"), ("aarch64", "arm64")
_MODES = {
    **{machine: {"nearest": 0, "down": 0x400, "up": 0x800, "zero": 0xC00} for machine in _X86},
    **{
        machine: {"nearest": 0, "up": 0x400000, "down": 0x800000, "zero": 0xC00000}
        for machine in _ARM
    },
}
ROUNDINGS = ("up", "down", "zero")

_FLUSH_SOURCE = """
#include <xmmintrin.h>
/* Bit 15 flushes denormal results to zero, bit 6 takes denormal operands for zero. */
void flush(int on) { _mm_setcsr(on ? _mm_getcsr() | 0x8040 : _mm_getcsr() & ~0x8040); }
"""


class Unavailable(Exception):
    """The machine cannot be set so; the message says why."""


def set_rounding(direction: str) -> None:
    """nearest, up, down or zero.  Raises ``Unavailable``."""
    modes = _MODES.get(platform.machine())
    name = ctypes.util.find_library("m") if sys.platform != "win32" else None
    if modes is None or name is None:
        raise Unavailable(
            f"the directions of rounding of {platform.machine()} on {sys.platform} are not known"
            " here"
        )
    if ctypes.CDLL(name).fesetround(modes[direction]):
        raise Unavailable(f"fesetround refuses {direction}")


def flush_function() -> Callable[[bool], object]:
    """What turns flushing of denormal numbers on and off.  Raises ``Unavailable``."""
    if platform.machine() in _X86 and (
        compiler := shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    ):
        folder = Path(tempfile.mkdtemp(prefix="flush-denormals-"))
        try:
            (folder / "flush.c").write_text(_FLUSH_SOURCE)
            command = [
                compiler,
                "-O1",
                "-shared",
                "-fPIC",
                str(folder / "flush.c"),
                "-o",
                str(folder / "flush.so"),
            ]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return ctypes.CDLL(str(folder / "flush.so")).flush
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    try:
        import torch
    except ImportError:
        raise Unavailable(
            "denormal numbers: neither a C compiler for x86 nor PyTorch is here"
        ) from None
    if not torch.set_flush_denormal(False):
        raise Unavailable("denormal numbers: PyTorch cannot flush them on this processor")
    return torch.set_flush_denormal


@contextmanager
def floats(rounding: str = "nearest", flush: bool = False) -> Iterator[None]:
    """A context in which floats of this thread are treated so.  Raises ``Unavailable``."""
    flushing = flush_function() if flush else None
    set_rounding(rounding)
    try:
        if flushing:
            flushing(True)
        yield
    finally:
        if flushing:
            flushing(False)
        set_rounding("nearest")


def observed() -> tuple[str, bool]:
    """How numpy rounds in this thread, and whether it flushes denormal numbers, by trying it
    out.
    """
    import numpy as np

    small, tiny = np.array([1.0, -1.0, 3.0, -3.0]) * 2.0**-54, np.array([np.finfo(np.float64).tiny])
    # 1 + 2^-54 and 1 + 3 · 2^-54 lie between 1 and the next double, a quarter and three quarters of
    # the way.
    sums = (np.array([1.0, -1.0, 1.0, -1.0]) + small).tolist()
    more = tuple(abs(value) > 1 for value in sums)
    names = {
        (False, False, True, True): "nearest",
        (True, False, True, False): "up",
        (False, True, False, True): "down",
        (False,) * 4: "zero",
    }
    return names[more], bool((tiny / 2 == 0).all())
