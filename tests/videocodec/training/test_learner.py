"""Stopping and going on: the same weights to the bit as without a pause."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from videocodec.errors import InputError
from videocodec.training import checkpoints
from videocodec.training.budget import Budget
from videocodec.training.learner import Learner, OptimiserSettings, ParameterGroup
from videocodec.training.loop import Interval, RunningMeans, TrainingLog, cosine, ramp, run
from videocodec.training.randomness import Randomness, uniform


def learner(channels: int = 6, with_muon: bool = False) -> Learner:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1), nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1)
    ).to(memory_format=torch.channels_last)
    groups = [ParameterGroup(list(model[0].parameters()), 1e-2)]
    groups.append(ParameterGroup([model[2].bias], 3e-2, weight_decay=0.0))
    groups.append(ParameterGroup([model[2].weight], 3e-2, with_muon=with_muon))
    return Learner(model, groups, OptimiserSettings(gradient_limit=1.0), Randomness(7))


def train(one: Learner, steps: int, folder: Path) -> None:
    """To so many steps in all, saving at the end."""

    def step(progress: float) -> None:
        pictures = uniform(torch.empty(2, 3, 16, 16), one.generator())
        target = torch.from_numpy(one.numbers(0).random((2, 3, 16, 16), dtype="float32"))
        loss = (one.model(pictures) - target).square().mean()
        one.learn(loss, 2 * 16 * 16, ramp(one.steps, 3))

    def look(is_last: bool) -> None:
        if is_last:
            one.save(folder)

    run(one, Budget(steps=steps), step, look, Interval(steps=2))


@pytest.mark.parametrize("with_muon", [False, True])
def test_a_run_that_was_interrupted_ends_with_the_same_weights_to_the_bit(
    tmp_path: Path, with_muon: bool
) -> None:
    whole, first, second = (learner(with_muon=with_muon) for _ in range(3))
    train(whole, 9, tmp_path / "whole")
    train(first, 4, tmp_path / "parts")
    second.resume(tmp_path / "parts")
    assert (second.steps, second.pixels) == (4, 4 * 512)
    train(second, 9, tmp_path / "parts")
    for module in ("model", "average"):
        wanted, found = (getattr(one, module).state_dict() for one in (whole, second))
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    wanted, found = (checkpoints.read(tmp_path / name) for name in ("whole", "parts"))
    assert wanted[1] == found[1]
    assert all(
        torch.equal(value, found[0][file][name])
        for file, values in wanted[0].items()
        for name, value in values.items()
    )


def test_a_state_without_its_moments_would_not_end_with_the_same_weights(tmp_path: Path) -> None:
    whole, first, second = (learner() for _ in range(3))
    train(whole, 6, tmp_path / "whole")
    train(first, 3, tmp_path / "parts")
    second.resume(tmp_path / "parts")
    second.optimisers[0].state.clear()
    train(second, 6, tmp_path / "parts")
    assert not torch.equal(whole.model[0].weight, second.model[0].weight)


def test_the_memory_format_of_moments_is_that_of_the_parameters(tmp_path: Path) -> None:
    first, second = learner(), learner()
    train(first, 2, tmp_path / "run")
    second.resume(tmp_path / "run")
    for parameter, state in second.optimisers[0].state.items():
        assert state["exp_avg"].stride() == parameter.stride()


def test_a_checkpoint_of_another_model_is_refused_in_one_line(tmp_path: Path) -> None:
    train(learner(), 1, tmp_path / "run")
    with pytest.raises(InputError, match=r"run: a checkpoint of another model \(.+\): name"):
        learner(channels=5).resume(tmp_path / "run")


class TestCheckpoints:
    def test_a_write_that_was_stopped_leaves_the_old_one(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        checkpoints.write(folder, {"weights": {"a": torch.ones(2)}}, {"steps": 1})
        folder.rename(tmp_path / "run.replaced")  # as it is between the two renames
        (tmp_path / "run.part").mkdir()
        assert checkpoints.exists(folder)
        assert checkpoints.read(folder)[1] == {"steps": 1}
        checkpoints.write(folder, {"weights": {"a": torch.zeros(2)}}, {"steps": 2})
        tensors, record = checkpoints.read(folder)
        assert record == {"steps": 2} and tensors["weights"]["a"].tolist() == [0, 0]
        assert [file.name for file in tmp_path.iterdir()] == ["run"]

    def test_nothing_is_pickled(self, tmp_path: Path) -> None:
        checkpoints.write(tmp_path / "run", {"weights": {"a": torch.ones(2)}}, {})
        assert {file.suffix for file in (tmp_path / "run").iterdir()} == {".json", ".safetensors"}

    def test_an_absent_one_is_refused_in_one_line(self, tmp_path: Path) -> None:
        assert not checkpoints.exists(tmp_path / "run")
        with pytest.raises(InputError, match="run: no checkpoint of a training"):
            checkpoints.read(tmp_path / "run")


class TestTheLoop:
    def test_looks_come_first_at_the_interval_and_at_the_end(self) -> None:
        one, looks = learner(), []

        def step(progress: float) -> None:
            one.steps += 1

        run(one, Budget(steps=7), step, lambda last: looks.append((one.steps, last)), Interval(3))
        assert looks == [(0, False), (3, False), (6, False), (7, True)]

    def test_a_budget_that_is_spent_is_looked_at_once_more(self) -> None:
        one, looks = learner(), []
        one.steps = 5
        run(one, Budget(steps=5), lambda _: pytest.fail("a step"), looks.append, Interval(1))
        assert looks == [True]

    def test_steps_are_told_how_much_of_the_budget_is_over(self) -> None:
        one, shares = learner(), []

        def step(progress: float) -> None:
            shares.append(progress)
            one.pixels += 100

        run(one, Budget(pixels=400), step, lambda last: None, Interval())
        assert shares == [0.0, 0.25, 0.5, 0.75]


def test_random_numbers_follow_from_seed_and_place() -> None:
    same, other = Randomness(3), Randomness(4)
    assert same.numpy(5, 1).random() == Randomness(3).numpy(5, 1).random()
    assert same.numpy(5, 1).random() != same.numpy(5, 2).random()
    draws = {float(uniform(torch.empty(1), one.torch("cpu", 5))) for one in (same, other, same)}
    assert len(draws) == 2


def test_rates_grow_and_then_fall_to_their_floor() -> None:
    assert [ramp(step, 4) for step in (0, 3, 100)] == [0.25, 1.0, 1.0]
    assert [round(cosine(share, 0.02), 6) for share in (0, 0.5, 1, 2)] == [1.0, 0.51, 0.02, 0.02]


def test_logs_are_appended_to_and_means_forget(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "run" / "log")
    log.note(a=1)
    TrainingLog(tmp_path / "run" / "log").note(a=2)
    assert (tmp_path / "run" / "log").read_text() == '{"a": 1}\n{"a": 2}\n'
    means = RunningMeans()
    means.add(torch.tensor([1.0, 3.0]))
    means.add(torch.tensor(52.0))
    assert means.rounded() == [3.0]
