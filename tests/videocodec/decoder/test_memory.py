"""What a decode takes at most, told by the header."""

from __future__ import annotations

from dataclasses import replace

from bitstream.limits import decoding_bytes
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.memory import decoding_memory


def test_it_grows_with_the_picture_and_the_networks_share_ends(coded_movie) -> None:
    header = LatentStream(coded_movie.coded).header

    def beside_latents(width: int, height: int) -> int:
        large = replace(header, width=width, height=height)
        return decoding_memory(large) - decoding_bytes(large)

    sizes = [(1920, 1080), (3840, 2160), (3840, 4320), (7680, 4320)]
    hd, uhd, twice, four_times = (beside_latents(*size) for size in sizes)
    below = (uhd - hd) / (3840 * 2160 - 1920 * 1080)  # bytes that a pixel more takes
    above = (four_times - twice) / (3840 * 4320)
    assert below > 1.5 * above > 0
    assert decoding_memory(replace(header, width=1920, height=1080)) < 1.5e9
