"""Keeping SVT-AV1 from taking the machine for itself."""

from __future__ import annotations

import ctypes
import os
import sys

_VERSION_3 = 0x20080522  # of the structures below; linux/capability.h
_CAP_SYS_NICE = 23


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def stay_ordinary() -> None:
    """Give up, for the calling thread and those it starts from now on, the right to real-time
    scheduling that root has on Linux (CAP_SYS_NICE).

    SVT-AV1, when it runs as root, puts its threads *and the one that calls it* under SCHED_FIFO at
    priority 99.  Whatever that process starts afterwards inherits it: a browser under it starves
    the whole machine, kernel threads and all, and beside other encoders its times are not
    comparable.  Elsewhere than as root on Linux this does nothing, and neither does SVT-AV1.
    Programs that root starts anew have the right again, but begin under the usual policy.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets) != 0:
        return
    for name in ("effective", "permitted", "inheritable"):
        setattr(sets[0], name, getattr(sets[0], name) & ~(1 << _CAP_SYS_NICE))
    libc.capset(ctypes.byref(header), sets)
