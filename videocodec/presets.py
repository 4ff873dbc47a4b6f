"""Names of the encoder's presets, from the quickest to the smallest.  Headers number them in this
order, and readers call them by these names.
"""

from __future__ import annotations

from typing import Literal, get_args

Preset = Literal[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
]
PRESETS: tuple[Preset, ...] = get_args(Preset)


def preset_named(name: str) -> Preset:
    """The preset of that name.  Raises ``ValueError`` for a name that none has."""
    for preset in PRESETS:
        if preset == name:
            return preset
    raise ValueError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")


def preset_name(number: int) -> str:
    """What the preset of that number in a header is called; the number itself, 0..255, if it is a
    later encoder's.
    """
    return PRESETS[number] if number < len(PRESETS) else str(number)
