"""Structures of groups, headers, and legal forms that no encoder writes."""

from __future__ import annotations

from fractions import Fraction

from bitstream.group_structure import Structure

from ....bitstream.synthetic import UnitPlan
from ....bitstream.synthetic.second_decisions import calm_fields
from ....bitstream.synthetic.second_streams import SliceChoices
from ..limits import uncanonical
from ..scenario import chain, hierarchy, key
from .scenario import SecondScenario

STRUCTURES = {
    "chain": SecondScenario(
        "groups in a chain, quantisers that differ in a group",
        40,
        32,
        1,
        100,
        (key(40), chain(*(46,) * 4), chain(48, 44, 52, 47, 46)),
    ),
    "hierarchy": SecondScenario(
        "groups in a hierarchy, uneven durations",
        40,
        32,
        1,
        100,
        (
            key(36),
            hierarchy(40, 44, 46, 46, 49, 49, 49, 49),
            hierarchy(42, 45, 47, durations=(1, 3, 700)),
        ),
    ),
    "hierarchies_of_1_to_16": SecondScenario(
        "groups of every size in a hierarchy",
        24,
        24,
        0,
        100,
        (key(40), *(hierarchy(*(48,) * n) for n in range(1, 17))),
        model="one",
        fields=calm_fields,
        slices=SliceChoices((1,)),
    ),
    "chains_of_1_to_16": SecondScenario(
        "groups of every size in a chain",
        24,
        24,
        0,
        100,
        (key(40), *(chain(*(48,) * n) for n in range(1, 17))),
        model="one",
        fields=calm_fields,
        slices=SliceChoices((1,)),
    ),
    "several_keyframes": SecondScenario(
        "keyframes whose headers differ, after each of which all begins anew",
        40,
        24,
        0,
        60,
        (key(40), chain(44), key(45), hierarchy(46, 48), key(40), chain(44)),
        headers=(
            {"crf": 63, "rotation": 3, "generated_content": False},
            {"crf": 0, "preset": 0, "sample_aspect_ratio": Fraction(16, 11)},
            {"rotation": 1, "gop_size": 1},
        ),
        slices=SliceChoices((3, 1, 2), 3),
    ),
    "times": SecondScenario(
        "a negative first time, durations of up to 2^40 ticks",
        24,
        24,
        0,
        60,
        (
            key(30),
            hierarchy(34, 36, 36, durations=(1, 2**39, 300)),
            UnitPlan(Structure.KEYFRAME, (31,), (2**40,)),
        ),
        headers=({"time_base": Fraction(1, 2**32 - 1)},) * 2,
        first_pts=-(2**33),
    ),
    "uncanonical": SecondScenario(
        "fields in legal forms that no encoder chooses, and payload after the last symbol",
        32,
        24,
        1,
        60,
        (key(40), chain(44, 44, 44), hierarchy(41, 45, 127, 0)),
        as_bytes=uncanonical,
    ),
}
