"""The codecs of a ladder, one small class a file.

A new one is a new file here: nothing else has to know of it.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from ...errors import ComparisonError
from .base import Codec, DecodedFrame, Encoded, EncodeTask

__all__ = ["Codec", "DecodedFrame", "EncodeTask", "Encoded", "all_codecs", "codec_named"]


@cache
def all_codecs() -> dict[str, Codec]:
    """Every codec by its name, in the order in which a ladder lists them."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    codecs = [kind() for kind in Codec.kinds()]
    return {codec.name: codec for codec in sorted(codecs, key=lambda codec: codec.place)}


def codec_named(name: str) -> Codec:
    """One codec.

    Raises ``ComparisonError`` for a name that is none, and for a codec this build lacks.
    """
    codecs = all_codecs()
    if name not in codecs:
        raise ComparisonError(f"unknown codec {name!r}: choose from {', '.join(codecs)}")
    if (reason := codecs[name].missing()) is not None:
        raise ComparisonError(f"codec {name} is not in this build: {reason}")
    return codecs[name]
