"""Instructions that any number of threads carry out together, row by row.

Threads share a board of two words, the *ticket*, which says which instruction is carried out and
how many of its rows somebody has taken, and how many rows of it are *done*.  One thread leads: it
goes on to the next instruction when all rows are done.  Others may come and go at any time, and go
when there is nothing to do for long; nobody waits for one that has taken no row.  None of it needs
Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import crew
from .atomics import added, pause, put, seen
from .jit import part
from .memory import aligned

_TICKET, _DONE, _WORDS = 0, 8, 16  # in cache lines of their own, and how many there are
_ROW_BITS = 32
_PATIENCE = 1 << 13  # pauses, some tenths of a millisecond, after which a thread helps no longer
_ROW_MASK = (1 << _ROW_BITS) - 1
CODE, ROWS = 0, 1  # words of every instruction: what it does, and on how many rows


@part
def next_row(program, board, leads):
    """What this thread is to do next: an instruction and a row of it, or (-1, 0) for nothing more.
    Call ``row_done`` after it.

    program: instructions, a row of words each.  board: zeros, when nobody has begun.  leads:
    whether this is the thread that leads.
    """
    idle = 0
    while leads or idle < _PATIENCE:
        ticket = seen(board, _TICKET)
        stage = ticket >> _ROW_BITS
        if stage >= len(program):
            break
        if ticket & _ROW_MASK < program[stage, ROWS]:
            ticket = added(board, _TICKET, 1)  # others may have taken a row, or gone on, meanwhile
            stage, row = ticket >> _ROW_BITS, ticket & _ROW_MASK
            if stage < len(program) and row < program[stage, ROWS]:
                return stage, row
        elif leads and seen(board, _DONE) == program[stage, ROWS]:
            put(board, _DONE, 0)
            put(board, _TICKET, (stage + 1) << _ROW_BITS)
        else:
            pause()
            idle += 1
    return -1, 0


@part
def row_done(board):
    """Say so."""
    added(board, _DONE, 1)


def carry_out(
    run: Callable[..., None], steps: npt.NDArray[np.int64] | list[list[int]], *settings: Any
) -> None:
    """Have instructions carried out by a kernel ``run(program, board, *settings, leads)``, by this
    thread and all that its crew has to spare.
    """
    crew.help_others()
    program, board = np.array(steps, np.int64), aligned(np.zeros(_WORDS, np.int64))
    with crew.invited(partial(run, program, board, *settings, False)):
        run(program, board, *settings, True)
