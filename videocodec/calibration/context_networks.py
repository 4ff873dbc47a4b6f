"""Fit context networks to real levels and turn them into the integer form of the bitstream."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from bitstream.v1.context_model import (
    FRACTION_BINS,
    INTER,
    LEVEL_TABLES,
    RADIUS,
    WEIGHT_BITS,
    SliceNetwork,
)
from bitstream.v1.symbol_coder import FREQUENCY_TOTAL
from bitstream.v1.tables import planes_of

from ..networks.context import ContextModel, logistic_bits


@dataclass(frozen=True)
class LevelSample:
    """Levels of one frame as the encoder chose them: levels (C, h, w); log2_step; for inter frames
    also coded and intra masks (h, w) bool and magnitudes (2, C, h, w) of prediction and previous
    levels.
    """

    levels: np.ndarray
    log2_step: float
    coded: np.ndarray | None = None
    intra: np.ndarray | None = None
    magnitudes: np.ndarray | None = None


def fit_context_model(
    samples: list[LevelSample],
    kind: int,
    slices: tuple[int, ...],
    minutes: float,
    start: ContextModel | None = None,
    crop: int = 32,
    batch: int = 16,
) -> tuple[ContextModel, float]:
    """Train a context model on random crops of the samples → model, mean bits per coded level at
    the end (running mean).

    Without samples the model stays as it is, and the bits are NaN.
    """
    model = start or ContextModel(slices, inter=kind == INTER)
    if not samples:
        return model, float("nan")
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    rng = np.random.default_rng(0)
    begin, running = time.time(), float("nan")
    weights = np.array(
        [s.levels[0].size if s.coded is None else s.coded.sum() + 1 for s in samples],
        dtype=np.float64,
    )
    weights /= weights.sum()
    while (progress := (time.time() - begin) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (0.02 + 0.98 * (1 - progress))
        chosen = rng.choice(len(samples), size=batch, p=weights)
        levels, steps, coded, counted, magnitudes = _crops([samples[i] for i in chosen], crop, rng)
        mean, scale = model(
            levels.clamp(-127, 127),
            steps,
            coded if kind == INTER else None,
            magnitudes if kind == INTER else None,
        )
        bits = (logistic_bits(levels, mean, scale) * counted).sum() / (
            counted.sum() * levels.shape[1]
        ).clamp_min(1)
        optimiser.zero_grad()
        bits.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        running = (
            float(bits.detach())
            if np.isnan(running)
            else 0.99 * running + 0.01 * float(bits.detach())
        )
    return model, running


def _crops(
    samples: list[LevelSample], crop: int, rng: np.random.Generator
) -> tuple[torch.Tensor, ...]:
    """A batch of crops; frames smaller than the crop are padded with positions that do not
    count.
    """
    channels = samples[0].levels.shape[0]
    shape = (len(samples), crop, crop)
    levels, magnitudes = (
        np.zeros((len(samples), channels, crop, crop)),
        np.zeros((len(samples), 2, channels, crop, crop)),
    )
    coded, counted = np.zeros(shape), np.zeros(shape)
    for i, s in enumerate(samples):
        height, width = s.levels.shape[1:]
        y, x = (int(rng.integers(max(1, side - crop + 1))) for side in (height, width))
        area = (slice(y, y + crop), slice(x, x + crop))
        part = s.levels[:, *area]
        h, w = part.shape[1:]
        levels[i, :, :h, :w] = part
        coded[i, :h, :w] = 1 if s.coded is None else s.coded[area]
        # Intra positions are context for inter positions but are priced by the other network.
        counted[i, :h, :w] = 1 if s.coded is None else s.coded[area] & ~s.intra[area]
        if s.magnitudes is not None:
            magnitudes[i, :, :, :h, :w] = s.magnitudes[:, :, *area]
    log2_steps = torch.tensor([s.log2_step for s in samples], dtype=torch.float32)
    tensors = (
        torch.from_numpy(a).float() for a in (levels, coded[:, None], counted[:, None], magnitudes)
    )
    levels_t, coded_t, counted_t, magnitudes_t = tensors
    return levels_t, log2_steps, coded_t, counted_t, magnitudes_t


def to_integers(model: ContextModel, kind: int) -> tuple[SliceNetwork, ...]:
    """The trained model as integer networks: weights rounded to WEIGHT_BITS, planes and
    neighbourhoods in the same order.
    """
    networks, first = [], 0
    for net, own in zip(model.nets, model.slices):
        weight = net.gather.weight.detach().double().numpy()  # (out, planes, 3, 3)
        if weight.shape[1] != planes_of(kind, first, own):
            raise ValueError(
                f"context model sees {weight.shape[1]} planes, the bitstream"
                f" {planes_of(kind, first, own)}"
            )
        weight = weight.copy()
        weight[:, 2 * (first + own) + 1] /= 8  # the integer plane holds log2 of the step in eighths
        scale = 1 << WEIGHT_BITS
        networks.append(
            SliceNetwork(
                gather=np.rint(weight.reshape(len(weight), -1).T * scale),
                gather_bias=np.rint(net.gather.bias.detach().double().numpy() * scale),
                mix=np.rint(net.mix.weight.detach().double().numpy()[:, :, 0, 0].T * scale),
                mix_bias=np.rint(net.mix.bias.detach().double().numpy() * scale),
                own=own,
            )
        )
        first += own
    return tuple(networks)


def logistic_tables() -> np.ndarray:
    """(LEVEL_TABLES, LEVEL_SYMBOLS) probabilities of a logistic distribution for every scale bin
    and fraction.
    """
    edges = np.arange(-RADIUS, RADIUS + 2) - 0.5
    rows = []
    for table in range(LEVEL_TABLES):
        scale = 2.0 ** (table // FRACTION_BINS / 2 - 4)
        cumulative = 1 / (
            1 + np.exp(-np.clip((edges - table % FRACTION_BINS / FRACTION_BINS) / scale, -60, 60))
        )
        rows.append(np.concatenate([np.diff(cumulative), [cumulative[0], 1 - cumulative[-1]]]))
    return np.array(rows)


def to_frequencies(counts: np.ndarray, floor: np.ndarray, weight: float) -> np.ndarray:
    """Counts (tables, symbols) plus ``weight`` times the probabilities ``floor`` → frequencies >= 1
    adding up to 65536.
    """
    probabilities = counts + weight * floor
    probabilities = probabilities / probabilities.sum(1, keepdims=True)
    symbols = counts.shape[1]
    frequencies = 1 + np.floor(probabilities * (FREQUENCY_TOTAL - symbols)).astype(np.int64)
    frequencies[np.arange(len(counts)), probabilities.argmax(1)] += (
        FREQUENCY_TOTAL - frequencies.sum(1)
    )
    return frequencies


def start_from(state: dict[str, torch.Tensor], model: ContextModel) -> ContextModel:
    """Copy what fits of another model's weights; planes it did not have start at zero."""
    own = model.state_dict()
    for name, value in state.items():
        name = name.removeprefix("rate.")
        if name not in own:
            continue
        if own[name].shape == value.shape:
            own[name] = value.float()
        elif (
            own[name].ndim == 4
            and own[name].shape[0] == value.shape[0]
            and own[name].shape[1] > value.shape[1]
        ):
            own[name] = torch.zeros_like(own[name])
            own[name][:, : value.shape[1]] = value.float()
    model.load_state_dict(own)
    return model
