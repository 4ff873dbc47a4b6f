"""Models of other sizes than usual, and what drives their tables and networks to their limits."""

from __future__ import annotations

from ...bitstream.synthetic import (
    counted_fields,
    levels_after,
    no_levels,
    scattered_fields,
    still_fields,
    wide_levels,
)
from .scenario import Scenario, chain, hierarchy, key

MODELS = {
    "sixteen_channels": Scenario(
        "16 channels in 5 slices",
        80,
        56,
        1,
        100,
        (key(24), hierarchy(30, 32, 34, 34), chain(31, 31)),
        model="sixteen",
    ),
    "one_channel": Scenario(
        "1 channel",
        100,
        60,
        1,
        60,
        (key(24), hierarchy(30, 32, 34, 34), chain(31, 31)),
        model="one",
    ),
    "halved_counts": Scenario(
        "so many symbols under one table that counts are halved",
        512,
        512,
        0,
        1 << 20,
        (key(60), chain(*(60,) * 16), chain(*(60,) * 5)),
        model="one",
        fields=still_fields,
        levels=no_levels,
    ),
    "levels": Scenario(
        "every symbol of a level alike, and the largest levels",
        96,
        64,
        1,
        300,
        (key(20), key(0), chain(20, 30)),
        levels=wide_levels,
    ),
    "scattered": Scenario(
        "blocks that have nothing in common with their neighbours",
        160,
        128,
        0,
        1 << 20,
        (key(70), hierarchy(72, 72, 72, 72), chain(70)),
        model="one",
        fields=scattered_fields,
    ),
    "steep_networks": Scenario(
        "context networks whose hidden values and means go beyond their limits",
        72,
        56,
        1,
        100,
        (key(30), hierarchy(36, 38, 40, 40), chain(40, 60)),
        model="steep",
        added=1,
    ),
    "counts_at_their_limit": Scenario(
        "counts of one table that add up to the limit, then to one symbol more",
        512,
        512,
        0,
        1 << 20,
        (key(60), chain(*(60,) * 16), chain(*(60,) * 4)),
        model="flat",
        make_fields=lambda: counted_fields(*(4096,) * 15, 3840, 1),
        levels=levels_after(4096 + 15 * 4096 + 3840),
        added=1,
    ),
}
