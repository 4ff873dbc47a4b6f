"""The codecs of the ladder of still pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import ComparisonError
from .base import DecodedStill, Rgb, StillCodec, StillTask
from .jpegxl import JpegXlStill
from .own import OwnStill
from .pillow import AvifStill, JpegStill, WebpStill

__all__ = [
    "AvifStill",
    "DecodedStill",
    "JpegStill",
    "JpegXlStill",
    "OwnStill",
    "Rgb",
    "StillCodec",
    "StillTask",
    "WebpStill",
    "chosen_codecs",
    "still_codecs",
]


def still_codecs() -> dict[str, StillCodec]:
    """Every codec by its name, in the order in which a ladder lists them."""
    codecs = (OwnStill(), AvifStill(), JpegXlStill(), WebpStill(), JpegStill())
    return {codec.name: codec for codec in codecs}


def chosen_codecs(names: Sequence[str] | None) -> tuple[list[StillCodec], list[str]]:
    """The codecs of these names, all that this machine has for None; and those it lacks, each a
    sentence.

    Raises ``ComparisonError`` for a name that is none, and for one named that this machine lacks.
    """
    every = still_codecs()
    if names is not None and (unknown := [name for name in names if name not in every]):
        raise ComparisonError(
            f"unknown codec of pictures {unknown[0]!r}: choose from {', '.join(every)}"
        )
    chosen, left_out = [], []
    for name in dict.fromkeys(every if names is None else names):
        reason = every[name].missing()
        if reason is None:
            chosen.append(every[name])
        elif names is None:
            left_out.append(f"{every[name].label} is left out: {reason}")
        else:
            raise ComparisonError(f"codec {name} is not on this machine: {reason}")
    return chosen, left_out
