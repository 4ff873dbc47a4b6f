"""How a source is to be read, where there is a choice."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import SettingsError

Rgb = tuple[int, int, int]
_NAMES = {"black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128)}


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read.

    strict: refuse what is damaged or cut short, and pictures that change their size; without it,
    what can be decoded is.
    to_sdr: tone-map HDR; without it, HDR is refused.
    background: the colour, 0..255 each, onto which transparent pictures are flattened; without one
    they are refused.
    deinterlace: make whole pictures of interlaced frames.
    """

    strict: bool = True
    to_sdr: bool = False
    background: Rgb | None = None
    deinterlace: bool = False


def colour_of(text: str) -> Rgb:
    """A colour in words: #rgb, #rrggbb, black, white or grey.  Raises ``SettingsError``."""
    if text.lower() in _NAMES:
        return _NAMES[text.lower()]
    if re.fullmatch(r"#[0-9a-fA-F]{3}", text):
        red, green, blue = (17 * int(digit, 16) for digit in text[1:])
        return red, green, blue
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = bytes.fromhex(text[1:])
        return red, green, blue
    raise SettingsError(
        f"a background is a colour like #000, #ffffff, black, white or grey, got {text!r}"
    )
