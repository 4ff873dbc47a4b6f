"""What crf the units of a chunk get, to keep to a budget and to a peak rate."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from bitstream.access_unit import AccessUnit
from bitstream.group_structure import Structure
from videocodec.encoder.pace import Budget, BudgetFollower, ChunkPace, ConstantCrf
from videocodec.encoder.peak_rate import PeakLimit
from videocodec.encoder.settings import MAX_CRF

SLOPE = 0.1


def follow(
    crf: float, bias: float = 1.0, noise: float = 0.0, frames: int = 160
) -> tuple[list[int], float]:
    """Code a chunk of groups of 16 that take ``bias`` times what was predicted → crfs, bytes taken
    over the budget.
    """
    rng = np.random.default_rng(1)
    costs = (2000.0, *rng.uniform(30, 90, frames))
    follower, crfs, taken, first = BudgetFollower(Budget(crf, costs, SLOPE)), [], 0, 0
    for count in (1, *[16] * (frames // 16)):
        crfs.append(follower.choose(count))
        factor = 2 ** (SLOPE * (crf - crfs[-1])) * (
            bias * 2 ** rng.normal(0, noise) if first else 1
        )
        size = round(sum(costs[first : first + count]) * factor)
        follower.note(count, crfs[-1], size)
        taken, first = taken + size, first + count
    return crfs, taken / sum(costs)


@pytest.mark.parametrize("crf", [30.0, 30.3, 30.5, 30.8])
def test_groups_alternate_between_whole_numbers_so_that_the_budget_is_met(crf: float) -> None:
    crfs, share = follow(crf)
    assert share == pytest.approx(1, abs=0.01)
    assert set(crfs) <= {29, 30, 31}


@pytest.mark.parametrize("bias", [0.8, 1.25])
def test_what_was_predicted_wrong_is_made_up_for_in_the_same_chunk(bias: float) -> None:
    crfs, share = follow(30.0, bias, noise=0.1)
    assert share == pytest.approx(1, abs=0.03)
    assert all(abs(second - first) <= 2 for first, second in itertools.pairwise(crfs))


def test_quality_does_not_pump_even_where_the_budget_cannot_be_met() -> None:
    crfs, share = follow(30.0, bias=3)
    assert max(crfs) <= 34 and share > 1.3
    assert crfs == sorted(crfs)


@pytest.mark.parametrize(("crf", "bias"), [(62.5, 2.0), (0.6, 0.5)])
def test_crf_stays_within_its_range(crf: float, bias: float) -> None:
    crfs, _ = follow(crf, bias)
    assert 0 <= min(crfs) <= max(crfs) <= MAX_CRF


class TestPeak:
    @staticmethod
    def code(pace: ChunkPace, first_pts: int, header, bits_at_30: float) -> list[int]:
        """Let a unit of one frame take that many bits at crf 30, half as many every 10 → crfs
        tried.
        """
        tried = []
        while True:
            tried.append(pace.crf(1))
            payload = bytes(max(0, round(bits_at_30 / 8 * 2 ** ((30 - tried[-1]) / 10)) - 30))
            structure = Structure.KEYFRAME if header else Structure.CHAIN
            if pace.accepts(AccessUnit(structure, header, first_pts, (4,), (20,), 0, payload)):
                return tried

    @pytest.fixture
    def pace(self) -> ChunkPace:
        return ChunkPace(ConstantCrf(30), PeakLimit(40_000, Fraction(1, 100), (), 100, True))

    def test_a_unit_that_takes_too_much_is_tried_coarser_until_it_fits(
        self, pace: ChunkPace, linear_codec
    ) -> None:
        tried = self.code(pace, 0, linear_codec.header(32, 32), 60_000)
        assert tried[0] == 30 and tried == sorted(set(tried))
        assert 40 <= tried[-1] <= 46
        assert pace.crfs == tried[-1:]

    def test_after_it_quality_comes_back_step_by_step(self, pace: ChunkPace, linear_codec) -> None:
        self.code(pace, 0, linear_codec.header(32, 32), 40_000)
        for index in range(1, 20):
            self.code(pace, 4 * index, None, 240)
        assert pace.crfs[-1] == 30
        assert all(0 <= before - after <= 2 for before, after in itertools.pairwise(pace.crfs))

    def test_at_the_coarsest_it_is_taken_as_it_is(self, pace: ChunkPace, linear_codec) -> None:
        assert self.code(pace, 0, linear_codec.header(32, 32), 8_000_000)[-1] == MAX_CRF
