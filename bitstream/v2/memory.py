"""How much memory decoding takes, by the headers alone.

    bytes = 2^25 + frames kept · (16 · C · n + 400 · n + 160 · b)
          + C · (120 · n + 650 · min(n, 2^13)) + 8000 · n + 1500 · b

C latent channels, n latent positions with a border of twelve on all sides, b blocks; frames kept:
those of the access unit, and the one before it.  The first product is what stays of every frame,
400 · n of it its picture; the others are what one frame takes while it is decoded, 8000 · n the
networks of the loop, of the sizes that the packaged model has.  The moved picture is put together
between them, in half of that.  tests/bitstream/v2 measures that real decoding stays below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader

_BASE = 1 << 25
POSITIONS_AT_ONCE = 1 << 13
_MARGIN = 24  # positions on both sides together


def decoding_bytes(header: SequenceHeader, frame_count: int) -> int:
    """Most bytes that decoding an access unit of so many frames takes, beside tables and
    payload.
    """
    width, height, channels = header.latent_width, header.latent_height, header.latent_channels
    positions = (width + _MARGIN) * (height + _MARGIN)
    blocks = width * height >> 2 * header.block_log2
    kept = (frame_count + 1) * ((16 * channels + 400) * positions + 160 * blocks)
    at_once = channels * (120 * positions + 650 * min(positions, POSITIONS_AT_ONCE))
    return _BASE + kept + at_once + 8000 * positions + 1500 * blocks
