"""Words of the instructions that find derived motion (``motion``), for every ``@part`` of it."""

from __future__ import annotations

from enum import IntEnum

PLANE_ROWS = 8  # that are one row of an instruction: a sample is little work
PLACE_BITS = 4  # of what a coarse vector has across, beside its cost
KEY_BITS = 32  # of the second component of a vector as one number


class Word(IntEnum):
    """Of an instruction; addresses are in bytes.

    height, width: of an input plane, of which there are two, and how many of its blocks lie below
    and beside each other.  input, output: addresses of planes; of a search, of best vectors before
    and after it.
    """

    CODE = 0
    ROWS = 1
    HEIGHT = 2
    WIDTH = 3
    INPUT = 4
    OUTPUT = 5
    MORE = 6
    PAST = 7
    FUTURE = 8
    SIDE = 9
    MARGIN = 10
    REACH = 11
    LENGTH_COST = 12
    BLOCKS_DOWN = 13
    BLOCKS_ACROSS = 14
    BITS = 15
    COUNT = 16
    PLACES = 17
    LIKELY = 18
    SHIFT = 19
    ASKED = 20
    SAMPLES = 21
    LEAST = 22


class Code(IntEnum):
    """What an instruction does."""

    GREY = 0  # of a picture, INPUT, one of both planes, OUTPUT; and spread by 2, MORE
    HALVED = 1
    DOUBLED = 2  # of planes to planes spread by 4
    WITHIN = 3  # costs of the coarsest vectors, a row for each that they may have downwards
    CHOSEN = 4  # the best of these, as keys
    SEARCH = 5  # around what a coarser level found
    AGAIN = 6  # at what the neighbours found
    LAST = 7  # in halves of a pixel, to vectors


# Constants of kernels.
(CODE, ROWS, HEIGHT, WIDTH, INPUT, OUTPUT, MORE, PAST, FUTURE, SIDE, MARGIN, REACH) = map(
    int, list(Word)[:12]
)
(LENGTH_COST, BLOCKS_DOWN, BLOCKS_ACROSS, BITS, COUNT, PLACES, LIKELY) = map(int, list(Word)[12:19])
(SHIFT, ASKED, SAMPLES, LEAST) = map(int, list(Word)[19:])
(GREY, HALVED, DOUBLED, WITHIN, CHOSEN, SEARCH, AGAIN, LAST) = map(int, list(Code))
