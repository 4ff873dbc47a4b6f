"""Memory is used again when nobody refers to it, and not before."""

from __future__ import annotations

import threading

import numpy as np

from .numpy_alone import needs_kernels


def test_memory_is_used_again_when_nobody_refers_to_it() -> None:
    needs_kernels()
    from bitstream.v2.compiled.memory import empty, trim

    first = empty((7, 91, 16), np.int16)
    part, place = first[2:5].reshape(-1), first.ctypes.data
    assert place % 64 == 0
    second = empty((7, 91, 16), np.int16)
    assert second.ctypes.data != place
    del first
    third = empty((7, 91, 16), np.int16)
    assert third.ctypes.data != place  # a part of it is there
    part[:] = 1
    del part
    trim()
    again = empty((91, 7, 8), np.int32)
    assert again.ctypes.data == place and again.shape == (91, 7, 8)


def test_every_thread_has_its_own() -> None:
    needs_kernels()
    from bitstream.v2.compiled.memory import empty

    place, places = empty((5000,), np.int32).ctypes.data, list[int]()
    thread = threading.Thread(target=lambda: places.append(empty((5000,), np.int32).ctypes.data))
    thread.start()
    thread.join()
    assert places[0] != place
