"""Codec tables of format version 2 from the weights of a training: the rate model's networks as
integers, and logistic frequencies for every scale.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL
from bitstream.v2.context_network import (
    CONSTANT_PLANES,
    STEP_BITS,
    SUM_BITS,
    TAPS,
    WEIGHT_BITS,
    WEIGHT_LIMIT,
    SliceNetwork,
)
from bitstream.v2.difference_taps import taps_of
from bitstream.v2.level_contexts import (
    BINS_PER_OCTAVE,
    LEAST_LOG2_SCALE,
    LEVEL_CLASSES,
    LevelClass,
)
from bitstream.v2.scan import FLAGS
from bitstream.v2.tables import LevelTables, element_shapes, usual_level_sizes

from ..networks.second import rate
from ..networks.second.differences import DifferenceNetwork

# Sixteenths of a step: what the first channel's levels lose in a picture is a seventh of what the
# others' do, and larger ones cost fewer bits than they show (docs/decisions/023).
_FIRST_LEVEL_SIZE = 24


def with_level_sizes(tables: LevelTables) -> LevelTables:
    """The same tables with larger levels where they pay."""
    level_sizes = usual_level_sizes(tables.latent_channels)
    level_sizes[0] = _FIRST_LEVEL_SIZE
    return replace(tables, level_sizes=level_sizes)


def tables_of(model: rate.Rate) -> LevelTables:
    """Tables with which levels cost what the model expects, a step each."""
    networks = tuple(network_of(net) for net in model.nets if isinstance(net, rate.SliceNetwork))
    priors = {one.name: logistic_frequencies(one) for one in LEVEL_CLASSES}
    tables, symbols = element_shapes(len(model.slices))["slice_count"]
    priors["slice_count"] = _frequencies(np.full((tables, symbols), 1 / symbols))
    differences = tuple(difference_network_of(net) for net in model.difference_networks)
    return LevelTables(model.slices, networks, priors, differences=differences)


def network_of(net: rate.SliceNetwork) -> SliceNetwork:
    """Weights as integers, with as many fraction bits as their inputs leave them."""
    mix = net.mix.weight.detach().double().cpu()[:, :, 0, 0].T.numpy()
    return SliceNetwork(
        _rows(net.direct, 2 * net.visible),
        _integers(_values(net.direct.bias), SUM_BITS),
        _rows(net.gather, net.visible),
        _integers(_values(net.gather.bias), SUM_BITS),
        _integers(mix, WEIGHT_BITS),
        net.width,
    )


def fittable(network: SliceNetwork) -> rate.SliceNetwork:
    """The network that integer weights stand for, to go on with: the inverse of ``network_of``."""
    visible = (len(network.direct) // TAPS - CONSTANT_PLANES) // 2
    hidden = len(network.mix)
    net = rate.SliceNetwork(visible - network.channels, network.channels, hidden)
    with torch.no_grad():
        for layer, weights, bias, constants in (
            (net.direct, network.direct, network.direct_bias, 2 * visible),
            (net.gather, network.gather, network.gather_bias, visible),
        ):
            by_plane = weights.reshape(-1, TAPS, weights.shape[1])
            bits = _fraction_bits(len(by_plane), constants)[:, None, None]
            real = torch.from_numpy(by_plane / 2.0**bits).permute(2, 0, 1)
            layer.weight.copy_(real.reshape(layer.weight.shape))
            layer.get_parameter("bias").copy_(torch.from_numpy(bias / 2.0**SUM_BITS))
        mix = torch.from_numpy(network.mix.T / 2.0**WEIGHT_BITS)
        net.mix.weight.copy_(mix.reshape(net.mix.weight.shape))
    return net


def difference_network_of(net: DifferenceNetwork) -> SliceNetwork:
    """The same of a difference network."""
    differences = taps_of(net.earlier, net.width)
    return SliceNetwork(
        _linear_rows(net.direct, 2 * differences),
        _integers(_values(net.direct.bias), SUM_BITS),
        _linear_rows(net.gather, differences),
        _integers(_values(net.gather.bias), SUM_BITS),
        _integers(_values(net.mix.weight).T, WEIGHT_BITS),
        net.width,
        taps=1,
    )


def _linear_rows(layer: nn.Linear, constants: int) -> npt.NDArray[np.float64]:
    """As ``_rows``, of a layer that sees every input once."""
    return _integers(_values(layer.weight).T, _fraction_bits(layer.in_features, constants)[:, None])


def _fraction_bits(inputs: int, constants: int) -> npt.NDArray[np.int64]:
    """Of the weights of so many planes; constants: how many come before the constant ones."""
    bits = np.full(inputs, WEIGHT_BITS)
    bits[constants : constants + CONSTANT_PLANES] = SUM_BITS
    bits[constants + FLAGS] = SUM_BITS - STEP_BITS  # log2 of the step comes in eighths
    return bits


def _rows(convolution: nn.Conv2d, constants: int) -> npt.NDArray[np.float64]:
    """Integer weights of a 3×3 convolution, plane-major rows; constants: how many planes come
    before the constant ones.
    """
    weight = convolution.weight.detach().double().cpu()
    by_plane = weight.permute(1, 2, 3, 0).reshape(weight.shape[1], TAPS, -1).numpy()
    bits = _fraction_bits(len(by_plane), constants)
    return _integers(by_plane, bits[:, None, None]).reshape(len(by_plane) * TAPS, -1)


def _values(parameter: torch.Tensor | None) -> npt.NDArray[np.float64]:
    assert parameter is not None  # of a convolution with a bias
    values: npt.NDArray[np.float64] = parameter.detach().double().cpu().numpy()
    return values


def _integers(
    values: npt.NDArray[np.float64], bits: int | npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Rounded to so many fraction bits."""
    rounded: npt.NDArray[np.float64] = np.rint(values * 2.0**bits)
    return np.clip(rounded, -WEIGHT_LIMIT, WEIGHT_LIMIT)


def logistic_frequencies(level_class: LevelClass) -> npt.NDArray[np.int64]:
    """Of levels whose distance from the mean is logistic, (tables, symbols)."""
    bins = level_class.first_bin + np.arange(level_class.bins)
    scale = 2.0 ** (LEAST_LOG2_SCALE + bins / BINS_PER_OCTAVE)[:, None]
    # Below the mirror axis, where both values are small and their difference is exact.
    upper = -np.arange(0, level_class.radius + 2) + 0.5
    cumulative = 1 / (1 + np.exp(-upper / scale))
    side = cumulative[:, :-1] - cumulative[:, 1:]  # levels 0, 1, … radius
    side[:, 0] = 2 * cumulative[:, 0] - 1
    beyond = cumulative[:, -1:]
    return _frequencies(np.hstack([side[:, :0:-1], side, beyond, beyond]))


def _frequencies(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Rows of frequencies >= 1 that add up to FREQUENCY_TOTAL; the largest takes the rest."""
    free = FREQUENCY_TOTAL - probabilities.shape[1]
    scaled = 1 + np.floor(free * probabilities / probabilities.sum(1, keepdims=True))
    frequencies: npt.NDArray[np.int64] = scaled.astype(np.int64)
    rows = np.arange(len(frequencies))
    frequencies[rows, frequencies.argmax(1)] += FREQUENCY_TOTAL - frequencies.sum(1)
    return frequencies
