"""How much memory decoding takes, by the headers alone.

    bytes = 2^25 + frames kept · ((6 · C + 400) · n + 160 · b)
          + max(C · (45 · m + 260 · min(n, 2^13)), 8000 · s · n) + 1500 · b

C latent channels, n latent positions, m those with a border of twelve on all sides, b blocks;
frames kept: those of the access unit, and the one before it.  The first product is what stays of
every frame, 400 · n of it its picture.  The others are what one frame takes while it is decoded:
its levels, and before these the networks of the loop, 8000 · s · n, where s is 1 for those of the
packaged model's sizes and smaller ones, and what the widest planes of larger ones are of its
widest.  The moved picture is put together between them, in half of that.  tests/bitstream/v2
measures that real decoding stays below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..sequence_header import SequenceHeader
    from .loop_networks import LoopShape
    from .tables import LevelTables

_BASE = 1 << 25
POSITIONS_AT_ONCE = 1 << 13
_MARGIN = 24  # positions on both sides together
NETWORK_BYTES = 8000  # bytes a position, of networks with planes of
_USUAL_FEATURES = 192  # numbers a position where they are widest


def network_bytes(shape: LoopShape) -> int:
    """Most bytes a position that the networks of the loop take."""
    low = max(shape.encoder_low, shape.decoder_low) // 2
    features = max(4 * shape.fine, 2 * shape.width, low, _USUAL_FEATURES)
    return -(-NETWORK_BYTES * features // _USUAL_FEATURES)


def decoding_bytes(
    header: SequenceHeader, frame_count: int, tables: LevelTables | None = None
) -> int:
    """Most bytes that decoding an access unit of so many frames takes, beside tables and payload,
    with these tables, or with those of the packaged model.
    """
    width, height, channels = header.latent_width, header.latent_height, header.latent_channels
    positions, bordered = width * height, (width + _MARGIN) * (height + _MARGIN)
    blocks = positions >> 2 * header.block_log2
    kept = (frame_count + 1) * ((6 * channels + 400) * positions + 160 * blocks)
    levels = channels * (45 * bordered + 260 * min(positions, POSITIONS_AT_ONCE))
    inter = None if tables is None else tables.inter
    networks = NETWORK_BYTES if inter is None else network_bytes(inter.loop.shape)
    return _BASE + kept + max(levels, networks * positions) + 1500 * blocks
