"""Types of the arguments of ``videocodec ladder``."""

from __future__ import annotations

import argparse
from typing import Literal

from .common import amount

Crfs = tuple[float, ...] | Literal["auto"]


def names(text: str) -> tuple[str, ...]:
    """An argparse type: names with commas between, one or more."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise argparse.ArgumentTypeError(
            f"must be one name or more with commas between, got {text!r}"
        )
    return parts


def rates(text: str) -> tuple[int, ...]:
    """An argparse type: bits per second with commas between, as in 10k,1.5M."""
    return tuple(amount(part) for part in names(text))


def numbers(text: str) -> tuple[float, ...]:
    """An argparse type: numbers with commas between."""
    try:
        return tuple(float(part) for part in names(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be numbers with commas between, got {text!r}"
        ) from None


def crf_values(text: str) -> tuple[str | None, Crfs]:
    """An argparse type: ``N,…``, ``CODEC=N,…`` or either with ``auto`` → the codec, None for all,
    and the values.
    """
    codec, equals, values = text.rpartition("=")
    if values == "auto":
        return codec or None, "auto"
    return (codec if equals else None), numbers(values)


def merged_crf(
    crfs: list[tuple[str | None, Crfs]] | None,
) -> dict[str, tuple[float, ...]] | Crfs | None:
    """What ``ladder`` takes as crf: one value for all, or a value for each codec named (the others
    have their own ladder).
    """
    if not crfs:
        return None
    by_codec = {codec: values for codec, values in crfs if codec is not None}
    if not by_codec:
        return crfs[-1][1]
    if any(codec is None and values != "auto" for codec, values in crfs):
        from ..errors import ComparisonError

        raise ComparisonError("--crf: give numbers for every codec, or by codec, not both")
    chosen = {codec: values for codec, values in by_codec.items() if not isinstance(values, str)}
    return chosen or "auto"


def targets(text: str) -> list[tuple[str, float]]:
    """An argparse type: ``FIGURE=VALUE``, several with ``|`` between."""
    pairs = []
    for part in text.split("|"):
        name, _equals, value = part.partition("=")
        try:
            pairs.append((name.strip(), float(value)))
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"must be FIGURE=VALUE like vmaf=60, got {part!r}"
            ) from None
    return pairs


def presets_of_codecs(text: str) -> dict[str, str]:
    """An argparse type: ``CODEC=PRESET`` with commas between."""
    pairs = [part.partition("=") for part in names(text)]
    if bad := next((name for name, equals, value in pairs if not equals or not value), None):
        raise argparse.ArgumentTypeError(f"must be CODEC=PRESET like x265=slow, got {bad!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}
