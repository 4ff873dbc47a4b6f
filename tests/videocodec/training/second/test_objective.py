"""What a step makes small: with a post-filter the loss is of what it shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from videocodec.errors import UnknownModelError
from videocodec.networks.post_filter import PostFilterNetwork, PostFilterShape
from videocodec.training.budget import Budget
from videocodec.training.second import pack
from videocodec.training.second.losses import SecondWeights
from videocodec.training.second.objective import Objective
from videocodec.training.second.recipe import SecondTraining
from videocodec.training.second.run import new_learner, train


def a_filter(folder: Path, brighter: float) -> Path:
    """Weights of one that makes pictures brighter."""
    network = PostFilterNetwork(PostFilterShape(4, 1))
    assert network.last.bias is not None
    with torch.no_grad():
        network.last.bias.fill_(brighter)
    file = folder / "filter.safetensors"
    save_file(network.state_dict(), str(file))
    return file


def lost(asked: SecondTraining, data: Path) -> float:
    """By the first step, on pictures that are the same every time."""
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    learner = new_learner(asked, pack.read(data))
    return float(Objective.of(asked).loss(learner, pictures).detach())


def test_the_loss_is_of_filtered_pictures_and_a_little_of_those_before(
    asked: SecondTraining, data: Path, tmp_path: Path
) -> None:
    with_weights = replace(asked, weights=SecondWeights(generation=0.0, rate=0.0, unfiltered=0.0))
    plain = lost(with_weights, data)
    none = replace(with_weights, post_filter=a_filter(tmp_path, 0.0))
    assert lost(none, data) == pytest.approx(plain, rel=1e-4)
    bright = replace(with_weights, post_filter=a_filter(tmp_path, 0.5))
    assert lost(bright, data) > 1.5 * plain
    # What is before the filter counts as well, by the share that is asked for.
    both = replace(bright, weights=replace(bright.weights, unfiltered=0.3, lpips=0.0))
    alone = replace(both, weights=replace(both.weights, unfiltered=0.0))
    without = replace(alone, post_filter=None)
    expected = lost(alone, data) + 0.3 * lost(without, data)
    assert lost(both, data) == pytest.approx(expected, rel=1e-4)


def test_a_run_learns_through_a_filter_that_stays_as_it_is_and_shows_its_figures(
    asked: SecondTraining, data: Path, tmp_path: Path
) -> None:
    file = a_filter(tmp_path, 0.5)
    through, plain = replace(asked, post_filter=file), replace(asked, folder=tmp_path / "plain")
    before = file.read_bytes()
    found = train(through, pack.read(data), Budget(steps=1))
    other = train(plain, pack.read(data), Budget(steps=1))
    assert file.read_bytes() == before
    weights, others = found.model.decoder.state_dict(), other.model.decoder.state_dict()
    assert any(not torch.equal(weights[name], others[name]) for name in weights)
    assert not any("post_filter" in name for name in found.model.state_dict())
    panels = [(run.folder / "panel.md").read_text() for run in (through, plain)]
    assert panels[0] != panels[1]


def test_other_files_are_no_filters(asked: SecondTraining, tmp_path: Path) -> None:
    for tensors in ({"x": torch.zeros(2)}, {"last.weight": torch.zeros(12, 4, 3, 3)}):
        file = tmp_path / "other.safetensors"
        save_file(tensors, str(file))
        with pytest.raises(UnknownModelError, match=r"no weights of a post-filter \("):
            Objective.of(replace(asked, post_filter=file))
    with pytest.raises(UnknownModelError, match="none.safetensors"):
        Objective.of(replace(asked, post_filter=tmp_path / "none.safetensors"))
