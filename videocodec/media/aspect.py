"""Sample aspect ratios that the stream can hold."""

from __future__ import annotations

from fractions import Fraction

_LARGEST_TERM = 65535


def storable_ratio(ratio: Fraction | None) -> Fraction:
    """A sample aspect ratio with both terms in 16 bits; 0 when it is unknown."""
    if not ratio or ratio <= 0:
        return Fraction(0)
    limit = _LARGEST_TERM
    while max(ratio.numerator, ratio.denominator) > _LARGEST_TERM and limit > 1:
        ratio = Fraction(ratio).limit_denominator(limit)
        limit //= 2
    return Fraction(ratio) if 0 < ratio <= _LARGEST_TERM else Fraction(0)
