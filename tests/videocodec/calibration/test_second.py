"""Tables of format version 2 from a rate model: the integers expect what the floats do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bitstream.v1.quantiser import log2_step_eighths, step_latent
from bitstream.v1.symbol_coder import SymbolReader, SymbolWriter
from bitstream.v2.level_contexts import BINS_PER_OCTAVE, LEVEL_CLASSES
from bitstream.v2.level_syntax import LevelCoder
from bitstream.v2.local_quantisers import OffsetCoder
from bitstream.v2.tables import LevelTables
from videocodec.calibration.second import fittable, network_of, tables_of
from videocodec.encoder.conditional_quantiser import rounding
from videocodec.networks.context import logistic_bits
from videocodec.networks.second.rate import Rate

CHANNELS = 24


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    """Smooth channels of falling size, (1, 24, 24, 28)."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, CHANNELS, 6, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(noise, (24, 28), mode="bicubic")
    return smooth * torch.logspace(1, -1, CHANNELS)[:, None, None]


@pytest.fixture(scope="module")
def rate(latents: torch.Tensor) -> Rate:
    """A rate model that has learnt a little of these latents."""
    torch.manual_seed(1)
    rate = Rate(CHANNELS, hidden=8)
    optimiser = torch.optim.Adam(rate.parameters(), 3e-3)
    noise = torch.Generator().manual_seed(2)
    for _ in range(30):
        step = 0.5 + torch.rand(1, generator=noise)
        scaled, sent = latents / step, torch.ones(1, CHANNELS)
        bits = rate(scaled, torch.log2(step), torch.zeros(1), sent, True)[1]
        optimiser.zero_grad()
        bits.sum().backward()
        optimiser.step()
    return rate


@pytest.mark.parametrize("quantiser", [37, 43, 52])
def test_real_bits_are_those_that_training_expects(
    rate: Rate, latents: torch.Tensor, quantiser: int
) -> None:
    step, writer = step_latent(quantiser), SymbolWriter()
    tables, size = tables_of(rate), latents.shape[2:]
    choose = rounding(latents[0].numpy(), quantiser)
    coder = LevelCoder(tables, *size)
    offsets = OffsetCoder(*size)
    values, _ = coder.code(writer, quantiser, offsets, choose, len(rate.slices))
    with torch.no_grad():
        log2_step = torch.tensor([log2_step_eighths(quantiser) / 8])
        zone, sent = torch.full((1,), 0.1), torch.ones(1, CHANNELS)
        quantised, bits = rate(latents / step, log2_step, zone, sent)
    payload = writer.finish()
    assert writer.bits == pytest.approx(float(bits), rel=0.03)
    assert 8 * len(payload) == pytest.approx(float(bits), rel=0.03, abs=64)
    assert np.abs(values / 16 - (latents[0] / step).numpy()).max() < 0.65
    reader = LevelCoder(tables, *size)
    found, _ = reader.code(SymbolReader(payload), quantiser, OffsetCoder(*size))
    assert np.array_equal(found, values)
    difference = np.abs(values / 16 - quantised[0].numpy())
    assert np.median(difference) < 0.05


def test_tables_can_be_stored(rate: Rate) -> None:
    tensors = tables_of(rate).to_tensors()
    found = LevelTables.from_tensors(tensors).to_tensors()
    assert all(np.array_equal(value, found[name]) for name, value in tensors.items())


@pytest.mark.parametrize("level_class", LEVEL_CLASSES, ids=lambda one: one.name)
def test_frequencies_are_those_of_a_logistic_distribution(level_class: object) -> None:
    frequencies = tables_of(Rate(1, hidden=2)).priors[level_class.name]
    radius = level_class.radius
    levels = torch.arange(-radius, radius + 1).double()
    for table in (0, level_class.bins - 1):
        log2_scale = torch.tensor((level_class.first_bin + table) / BINS_PER_OCTAVE - 5).double()
        wanted = logistic_bits(levels, torch.zeros(1).double(), log2_scale).numpy()
        found = 16 - np.log2(frequencies[table, : 2 * radius + 1])
        likely = wanted < 9.5
        assert np.abs(found - wanted)[likely].max() < 0.06
    assert np.array_equal(
        frequencies[:, : radius + 1], frequencies[:, radius : 2 * radius + 1][:, ::-1]
    )


def test_integers_can_be_fitted_further(rate: Rate) -> None:
    for net in rate.networks:
        again = fittable(network_of(net))
        assert (again.earlier, again.width) == (net.earlier, net.width)
        for name, value in net.state_dict().items():
            difference = (again.state_dict()[name] - value).abs().max()
            assert difference <= 2**-13, name
        same = network_of(again)
        assert np.array_equal(same.direct, network_of(net).direct)
        assert np.array_equal(same.gather, network_of(net).gather)
