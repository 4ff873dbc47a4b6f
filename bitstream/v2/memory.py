"""How much memory decoding a keyframe takes, by its header alone.

    bytes = 2^25 + C · (60 · n + 200 · min(n, 2^12))

C latent channels, n latent positions with a border of eight on all sides.  The second product is
what networks are fed at once.  tests/bitstream/v2/test_frame_coder.py measures that real decoding
stays below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .pass_coder import POSITIONS_AT_ONCE

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader

_BASE = 1 << 25
_MARGIN = 16  # positions on both sides together


def decoding_bytes(header: SequenceHeader, frame_count: int) -> int:
    """Most bytes that decoding an access unit of so many frames takes, beside tables and
    payload.
    """
    positions = (header.latent_width + _MARGIN) * (header.latent_height + _MARGIN)
    at_once = min(positions, POSITIONS_AT_ONCE)
    return _BASE + frame_count * header.latent_channels * (60 * positions + 200 * at_once)
