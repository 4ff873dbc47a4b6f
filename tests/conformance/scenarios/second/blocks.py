"""The block layer and prediction: merged and skipped squares, directions, vectors, modes."""

from __future__ import annotations

from ....bitstream.synthetic.second_decisions import (
    alike_fields,
    busy_fields,
    calm_fields,
    spread_fields,
)
from ....bitstream.synthetic.second_streams import SliceChoices
from ..scenario import chain, hierarchy, key
from .scenario import SecondScenario

BLOCKS = {
    "squares": SecondScenario(
        "many squares of 64 px, merged and skipped, in which nothing moves",
        330,
        260,
        0,
        1000,
        (key(60), hierarchy(*(64,) * 7), chain(64, 64)),
        model="one",
        fields=calm_fields,
        slices=SliceChoices((1,)),
    ),
    "motion": SecondScenario(
        "small blocks with vectors of every kind, beyond every edge",
        80,
        72,
        0,
        200,
        (key(40), hierarchy(44, 44, 44, 44), chain(44)),
        model="one",
        fields=busy_fields,
        slices=SliceChoices((1,)),
        long=True,
    ),
    "busy": SecondScenario(
        "blocks that have nothing in common with their neighbours",
        40,
        40,
        0,
        100,
        (key(40), hierarchy(44, 46, 48, 48, 48), chain(44, 44), key(44), chain(44, 44)),
        fields=busy_fields,
        slices=SliceChoices((3, 2)),
        long=True,
    ),
    "long_vectors": SecondScenario(
        "vectors near their limit, scaled beyond it",
        48,
        40,
        0,
        200,
        (key(40), hierarchy(*(44,) * 7), hierarchy(*(44,) * 3)),
        model="one",
        fields=alike_fields,
        slices=SliceChoices((1,)),
        long=True,
    ),
    "blocks_of_32_px": SecondScenario(
        "blocks of 32 px in a picture that they cut",
        90,
        70,
        2,
        100,
        (key(40), hierarchy(44, 46)),
        model="one",
        fields=busy_fields,
        slices=SliceChoices((1,)),
    ),
    "blocks_of_64_px": SecondScenario(
        "blocks of 64 px, most of which stand still",
        130,
        70,
        3,
        100,
        (key(40), hierarchy(44, 46, 48, 48), chain(44, 46)),
        model="one",
        slices=SliceChoices((1,), 4),
        long=True,
    ),
    "scattered": SecondScenario(
        "a large picture of small blocks in motion",
        160,
        128,
        0,
        1000,
        (key(60), hierarchy(64, 64, 64), chain(64)),
        model="one",
        fields=spread_fields,
        slices=SliceChoices((1,)),
        long=True,
    ),
}
