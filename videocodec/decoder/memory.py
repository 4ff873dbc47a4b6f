"""How much memory a decode takes at most, by the sequence header alone.

No torch.
"""

from __future__ import annotations

from bitstream.formats import format_of
from bitstream.limits import decoding_bytes
from bitstream.sequence_header import PIXELS_PER_LATENT, SequenceHeader
from bitstream.v2.memory import NETWORK_BYTES

from ..models.parts import BYTES_AT_ONCE, MOST_AT_ONCE

# Measured on Linux with Python 3.12 and PyTorch 2.13 for the CPU, rounded up.
_PROCESS = 350 << 20  # with all libraries and a packaged model
_BYTES_OF_X264 = 90  # a pixel: what H.264's encoder keeps, 88 at 1280×720
_PICTURES = 5  # of three bytes a pixel: the last one and its copies, the one being written
_FRAMES_AHEAD = 16  # decoded latents that wait for the networks
_BYTES_BESIDE_LATENTS = 20  # a position: quantisers, modes, vectors
_BYTES_OF_PICTURE = 3 * PIXELS_PER_LATENT**2  # a position: exact ones of references wait, too


def decoding_memory(header: SequenceHeader, shown: tuple[int, int] | None = None) -> int:
    """Most bytes that ``videocodec.decode`` takes for a stream of a packaged model on a CPU without
    restoration, libraries included, when it writes H.264; other targets take less.

    shown: width and height at which its pictures are shown, None for those of the header.

    Networks go through large pictures in tiles, so their share does not grow beyond 8 megapixels.
    """
    positions = header.latent_width * header.latent_height
    width, height = shown or (header.width, header.height)
    pixels = width * height
    of_frame, at_once = 2 * header.latent_channels + _BYTES_BESIDE_LATENTS, BYTES_AT_ONCE
    if format_of(header.format_version).moves_pictures:
        of_frame, at_once = of_frame + _BYTES_OF_PICTURE, max(at_once, NETWORK_BYTES)
    waiting = _FRAMES_AHEAD * positions * of_frame
    network = at_once * min(positions, MOST_AT_ONCE)
    pictures = (3 * _PICTURES + _BYTES_OF_X264) * pixels
    return _PROCESS + decoding_bytes(header) + waiting + network + pictures
