"""Memory that decoding a stream takes, where it is known."""

from __future__ import annotations

from bitstream.sequence_header import SequenceHeader

from ..decoder.latents import bundle_for
from ..decoder.memory import decoding_memory
from ..errors import ModelMismatchError
from ..models.files import BUNDLES


def memory_of(header: SequenceHeader, shown: tuple[int, int]) -> int | None:
    """Most bytes that ``videocodec.decode`` takes for a stream without restoration, whose pictures
    are shown at a width and height; None for models that are not in the package, whose networks may
    take any.
    """
    try:
        is_packaged = bundle_for(header).folder.parent == BUNDLES
    except ModelMismatchError:
        return None
    return decoding_memory(header, shown) if is_packaged else None
