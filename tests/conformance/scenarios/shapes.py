"""Structures of groups, and pictures and blocks of many sizes."""

from __future__ import annotations

from .scenario import Scenario, chain, hierarchy, key

SHAPES = {
    "keyframes": Scenario(
        "keyframes alone, the smallest thing there is", 72, 40, 1, 150, (key(16), key(52))
    ),
    "chain": Scenario(
        "groups in a chain, quantisers that differ in a group",
        120,
        72,
        1,
        150,
        (key(24), chain(*(30,) * 4), chain(32, 28, 36, 31, 30)),
    ),
    "hierarchy": Scenario(
        "groups in a hierarchy, of 16 too, uneven durations",
        144,
        96,
        1,
        300,
        (
            key(20),
            hierarchy(24, 28, 30, 30, 33, 33, 33, 33),
            hierarchy(*(30,) * 16),
            hierarchy(26, 29, 31, durations=(1, 3, 700)),
        ),
    ),
    "everything": Scenario(
        "blocks of 8 px, an odd size, many escapes, two keyframes",
        101,
        83,
        0,
        20,
        (
            key(16),
            chain(28, 29, 30),
            hierarchy(24, 27, 30, 30, 31),
            key(40),
            hierarchy(26, 28, 28, 31, 31, 31, 31),
            hierarchy(33),
        ),
    ),
    "one_position": Scenario(
        "a picture of one latent position",
        5,
        8,
        0,
        20,
        (key(20), chain(30, 30), hierarchy(30, 32, 34)),
    ),
    "one_row": Scenario(
        "a picture one latent high",
        200,
        7,
        0,
        100,
        (key(22), chain(30, 29), hierarchy(30, 32, 34, 34)),
    ),
    "one_column": Scenario(
        "a picture one block wide",
        16,
        180,
        1,
        100,
        (key(22), chain(30, 29), hierarchy(30, 32, 34, 34)),
    ),
    "large_blocks": Scenario(
        "blocks of 64 px", 130, 70, 3, 150, (key(18), chain(28, 28), hierarchy(26, 28, 30, 30))
    ),
}
