"""The trials of damage, a few of each kind: nothing outside of what depends on the damage is lost,
nothing wrong goes unmarked.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench.damage_kinds import KINDS, Damaged
from tools.bench.damage_trials import Original, Tally, one_trial, run_trials
from tools.bench.damaged_clips import coded_clip


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coded_clip(tmp_path_factory.mktemp("damage"), frames=24, gop_size=9)


def test_no_frame_is_lost_outside(coded: Path) -> None:
    tallies = run_trials(coded, 10 * len(KINDS), seed=5)
    assert {
        kind: (t.lost_outside, t.wrong_inside, t.refused) for kind, t in tallies.items()
    } == dict.fromkeys(KINDS, (0, 0, 0))
    assert all(t.trials == 10 and t.outside > 0 for t in tallies.values())
    assert (
        tallies["flip"].concealed == tallies["flip"].dependent > 0
        and tallies["swap"].dependent == 0
    )


def test_everything_decoded_anew_comes_to_the_same(coded: Path) -> None:
    assert run_trials(coded, len(KINDS), seed=6) == run_trials(
        coded, len(KINDS), seed=6, remember=False
    )


def test_the_trial_would_notice(coded: Path, tmp_path: Path) -> None:
    """A damaged unit that the trial was not told of is a frame lost outside."""
    original, tally = Original.of(coded), Tally()
    samples = list(original.samples)
    samples[1] = type(samples[1])(
        bytes(len(samples[1].data)), samples[1].pts, samples[1].duration, 1
    )
    one_trial(original, Damaged(samples, frozenset()), tmp_path / "x.lv.mp4", tally)
    assert tally.lost_outside > 0
