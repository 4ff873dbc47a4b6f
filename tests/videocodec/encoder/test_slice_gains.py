"""What levels are worth by estimate."""

from __future__ import annotations

import numpy as np

from videocodec.encoder.block_costs import RateEstimates
from videocodec.encoder.slice_gains import estimated_gains, most_slices

LAGRANGIAN = 0.1
RATES = RateEstimates(levels=(0.1, 3.0, 2.0))


def test_a_level_gains_what_it_takes_off_the_error_less_its_bits() -> None:
    target, counted = np.array([[[4.0, -4.25]]]), np.array([[[1.0, 2.0]]])
    bits = LAGRANGIAN * (3 + 2 * 2)
    expected = [16 - bits, 2 * (4.25**2 - 0.25**2) - bits]
    assert np.allclose(estimated_gains(target, counted, LAGRANGIAN, RATES), expected)


def test_what_is_not_worth_a_level_costs_the_bits_of_a_zero() -> None:
    target = np.array([[[0.0, 0.6, 0.7]]])
    counted = np.full(target.shape, 0.1)
    gains = estimated_gains(target, counted, LAGRANGIAN, RATES)
    assert np.allclose(gains, -0.01)


def test_slices_are_tried_up_to_the_last_one_that_holds_anything() -> None:
    target = np.zeros((4, 2, 4))
    target[0, 0, 0] = 0.6  # the first slice
    target[3, 1, 1] = -0.5  # the third, of the same block of two positions a side
    target[1, 0, 3] = 0.4  # not enough
    assert most_slices(target, (1, 1, 2), 2).tolist() == [[3, 0]]
    assert most_slices(target, (1, 1, 2), 1).tolist() == [[1, 0, 0, 0], [0, 3, 0, 0]]
