"""The embedded autoencoder's modules: geometry, where they start, and independence of the picture's
size.
"""

from __future__ import annotations

import pytest
import torch

from videocodec.networks.autoencoder import Decoder, Encoder, ResidualBlock, WideBlock


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def small_encoder() -> Encoder:
    return Encoder(latent_channels=4, width=8, coarse_width=8, blocks=1, wide_blocks=1, expansion=2)


def small_decoder() -> Decoder:
    return Decoder(
        latent_channels=4,
        width=8,
        coarse_width=8,
        blocks=1,
        fine_blocks=1,
        wide_blocks=1,
        expansion=2,
    )


@pytest.mark.parametrize("block", [ResidualBlock(6), WideBlock(6, 2)], ids=["residual", "wide"])
def test_a_new_block_changes_nothing_so_that_deeper_networks_start_where_shallow_ones_ended(
    block: torch.nn.Module,
) -> None:
    x = torch.randn(2, 6, 5, 7)
    assert torch.equal(block(x), x)


def test_eight_pixels_make_one_latent_position_and_back() -> None:
    latents = small_encoder()(torch.zeros(2, 3, 24, 40))
    assert latents.shape == (2, 4, 3, 5)
    assert small_decoder()(latents, torch.zeros(2)).shape == (2, 3, 24, 40)


@torch.no_grad()
def test_the_linear_path_stands_beside_the_network() -> None:
    encoder, x = small_encoder(), torch.randn(1, 3, 16, 16)
    whole = encoder(x)
    encoder.linear.weight.zero_()
    network_alone = encoder(x)
    encoder.linear.weight.normal_()
    assert not torch.allclose(whole, network_alone)
    assert torch.allclose(encoder(x) - network_alone, encoder.linear(x), atol=1e-5)


@torch.no_grad()
def test_what_is_far_away_does_not_matter_so_a_frame_is_the_same_at_any_size() -> None:
    """No normalisation over the picture: only the surroundings of a position decide its latent."""
    encoder, picture = small_encoder(), torch.randn(1, 3, 160, 160)
    part = picture[..., :96, :96]
    assert torch.allclose(encoder(picture)[..., :6, :6], encoder(part)[..., :6, :6], atol=1e-5)


@torch.no_grad()
def test_a_constant_map_of_steps_means_the_same_as_its_number_and_a_map_acts_where_it_changes() -> (
    None
):
    decoder, latents = small_decoder(), torch.randn(2, 4, 24, 24)
    number = decoder(latents, torch.full((2,), -1.0))
    steps = torch.full((2, 24, 24), -1.0)
    assert torch.allclose(decoder(latents, steps), number, atol=1e-5)
    steps[0, :2, :2] = 1.0
    changed = (decoder(latents, steps) - number).abs()
    assert changed[0, :, :16, :16].max() > 1e-4
    assert changed[1].max() < 1e-5
    assert changed[0, :, -32:, -32:].max() < 1e-5
