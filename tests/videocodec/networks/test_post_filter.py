"""The post-filter as it is trained."""

from __future__ import annotations

import torch

from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape


def test_a_deeper_network_begins_as_nearly_the_same() -> None:
    torch.manual_seed(2)
    network = PostFilterNetwork(PostFilterShape(8, 1))
    torch.nn.init.normal_(network.last.weight, std=0.05)
    pictures, steps = torch.rand(1, 3, 32, 48) * 2 - 1, torch.full((1, 4, 6), 0.5)
    deeper = network.deepened(3)
    assert deeper.shape == PostFilterShape(8, 3)
    with torch.no_grad():
        changed = network(pictures, steps) - pictures
        apart = deeper(pictures, steps) - network(pictures, steps)
    assert 0 < apart.square().mean() < 0.1 * changed.square().mean()
    same = network.deepened(1).state_dict()
    assert all(torch.equal(same[name], value) for name, value in network.state_dict().items())


def test_one_step_is_that_of_every_position() -> None:
    network = PostFilterNetwork(PostFilterShape(4, 2))
    torch.nn.init.normal_(network.last.weight)
    pictures = torch.rand(2, 3, 16, 24)
    maps = torch.tensor([0.0, 1.0])[:, None, None].expand(2, 2, 3)
    expected = network(pictures, maps)
    assert torch.equal(network.at_one_step(pictures, torch.tensor([1.0, 2.0])), expected)
    assert not torch.equal(network.at_one_step(pictures, torch.tensor([1.0, 1.0])), expected)
