"""What a decode takes at most, told by the header."""

from __future__ import annotations

from dataclasses import replace

from bitstream.limits import decoding_bytes
from videocodec.decoder.latents import LatentStream
from videocodec.decoder.memory import decoding_memory


def test_the_default_model_has_a_bound_that_says_something(coded_movie) -> None:
    """1.04 GB were measured at 1920×1080 (docs/decoding.md)."""
    header = replace(LatentStream(coded_movie.coded).header, format_version=2, latent_channels=48)
    sizes = {(1920, 1080): 2.0e9, (3840, 2160): 6.5e9}
    for (width, height), most in sizes.items():
        large = replace(header, width=width, height=height, block_log2=0)
        assert 1.04e9 < decoding_memory(large) < most


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
