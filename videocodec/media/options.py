"""How a source is to be read, where there is a choice."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from ..errors import SettingsError
from ..scaling import check_scale

Rgb = tuple[int, int, int]
_HIGHEST_RATE, _LARGEST_DENOMINATOR = 1000, 10_000  # frames per second
_ROUNDING = Fraction(6, 1000)  # of a rate with two decimals
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
    fps: frames per second of a sequence of pictures, 25 if None; nothing else takes one.
    scale: of ``scaling.SCALES``: what share of its width and height pictures are given with.
    """

    strict: bool = True
    to_sdr: bool = False
    background: Rgb | None = None
    deinterlace: bool = False
    fps: Fraction | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        values = asdict(self) | {"fps": None if self.fps is None else str(self.fps)}
        if self.scale == 1:  # as in plans of before
            del values["scale"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SourceOptions:
        """Of what ``to_json`` gave.  Raises ``TypeError``, ``ValueError``."""
        background, fps = values["background"], values["fps"]
        restored = {
            "background": None if background is None else tuple(background),
            "fps": None if fps is None else Fraction(fps),
        }
        return cls(**values | restored)


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


def rate_of(value: str | float | Fraction) -> Fraction:
    """Frames per second, of a number or of text such as 25, 23.976 (24000/1001) or 30000/1001.

    Raises ``SettingsError``.
    """
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        rate = Fraction(0)
    if rate.denominator > _LARGEST_DENOMINATOR or "." in str(value):
        # of broadcast, whose decimals are rounded
        nearest = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
        is_near = rate.denominator > 1 and abs(rate - nearest) < _ROUNDING
        rate = nearest if is_near else rate.limit_denominator(_LARGEST_DENOMINATOR)
    if not 0 < rate <= _HIGHEST_RATE or rate.denominator > _LARGEST_DENOMINATOR:
        raise SettingsError(
            f"frames per second are a number like 25 or 24000/1001, up to {_HIGHEST_RATE}, got"
            f" {value!r}"
        )
    return rate
