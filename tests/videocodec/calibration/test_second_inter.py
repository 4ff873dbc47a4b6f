"""Tables for inter frames: networks that begin as those of keyframes, and learn residuals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bitstream.v1.adaptive_tables import TableSet
from videocodec.calibration.second_inter import SymbolCounts, first_networks, fit_networks
from videocodec.encoder.coded_residuals import CodedResiduals
from videocodec.networks.second.rate import Rate


@pytest.fixture
def rate() -> Rate:
    torch.manual_seed(0)
    rate = Rate(4, hidden=4)
    for parameter in rate.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return rate


def residuals(seed: int) -> CodedResiduals:
    """A quarter of the prediction, with noise."""
    rng = np.random.default_rng(seed)
    prediction = rng.normal(0, 8, (4, 12, 14)).astype(np.float32)
    target = (0.25 * prediction + rng.normal(0, 0.3, prediction.shape)).astype(np.float32)
    coded = np.ones((12, 14), bool)
    return CodedResiduals(
        target, np.rint(target), prediction, coded, ~coded, np.full((12, 14), 3), 40
    )


def test_networks_begin_as_those_of_keyframes(rate: Rate) -> None:
    earlier, own = torch.randn(1, 2, 5, 6), torch.randn(1, 2, 5, 6)
    side, log2_step = torch.randn(1, 4, 5, 6), torch.tensor([0.5])
    of_keyframes, of_inter = rate.networks[2], first_networks(rate)[2]
    with torch.no_grad():
        wanted = of_keyframes(of_keyframes.from_earlier(earlier, log2_step), own, (0, 1, 0))
        seen = torch.cat([earlier, side], 1)
        found = of_inter(of_inter.from_earlier(seen, log2_step), own, (0, 1, 0))
    for a, b in zip(wanted, found, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_fit_finds_what_the_prediction_says(rate: Rate) -> None:
    nets = first_networks(rate)
    before, after = fit_networks(nets, [residuals(seed) for seed in range(4)], 120)
    assert after < 0.8 * before


def test_symbols_are_counted_by_name() -> None:
    counted, tables = SymbolCounts(), TableSet(np.full((2, 4), 16384), 256, "some")
    for _ in range(2):
        counted.coded(tables, np.array([0, 1, 1]), np.array([2, 0, 0]), None)
    assert counted.counts["some"].tolist() == [[0, 0, 2, 0], [4, 0, 0, 0]]
