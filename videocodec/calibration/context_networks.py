"""Fit context networks to real levels and turn them into the integer form of the bitstream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bitstream.v1.adaptive_tables import FREQUENCY_TOTAL
from bitstream.v1.context_model import (
    FRACTION_BINS,
    INTER,
    LEVEL_TABLES,
    RADIUS,
    WEIGHT_BITS,
    SliceNetwork,
)
from bitstream.v1.tables import planes_of

from ..networks.context import ContextModel, logistic_bits
from ..training.budget import Budget
from ..training.loop import Stopwatch

_LEARNING_RATE = 2e-3


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

    @property
    def has_inter_levels(self) -> bool:
        """Whether it is an inter frame that carries levels."""
        return self.coded is not None and bool(self.coded.any())


def fit_context_model(
    samples: list[LevelSample],
    kind: int,
    model: ContextModel,
    budget: Budget,
    crop: int = 32,
    batch: int = 16,
) -> float:
    """Train ``model`` on random crops of the samples → mean bits per coded level at the end
    (running mean).

    Without samples the model stays as it is, and the bits are NaN.  A budget of steps gives the
    same weights every time, on one machine with as many threads.
    """
    if not samples:
        return float("nan")
    optimiser = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    rng, watch = np.random.default_rng(0), Stopwatch()
    steps, running = 0, float("nan")
    weights = np.array(
        [s.levels[0].size if s.coded is None else s.coded.sum() + 1 for s in samples],
        dtype=np.float64,
    )
    weights /= weights.sum()
    while not budget.is_spent(steps, minutes=watch.minutes):
        progress = budget.progress(steps, minutes=watch.minutes)
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * (0.02 + 0.98 * (1 - progress))
        chosen = rng.choice(len(samples), size=batch, p=weights)
        bits = _bits_per_level(model, kind, batch_of_crops([samples[i] for i in chosen], crop, rng))
        optimiser.zero_grad()
        bits.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        steps += 1
        now = float(bits.detach())
        running = now if np.isnan(running) else 0.99 * running + 0.01 * now
    return running


def _bits_per_level(
    model: ContextModel, kind: int, crops: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """Bits of the levels that count, for each of them."""
    levels, steps, coded, counted, magnitudes = crops
    side = (coded, magnitudes) if kind == INTER else ()
    mean, scale = model(levels.clamp(-127, 127), steps, *side)
    bits = (logistic_bits(levels, mean, scale) * counted).sum()
    return bits / (counted.sum() * levels.shape[1]).clamp_min(1)


def batch_of_crops(
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
        counted[i, :h, :w] = (
            1 if s.coded is None or s.intra is None else s.coded[area] & ~s.intra[area]
        )
        if s.magnitudes is not None:
            magnitudes[i, :, :, :h, :w] = s.magnitudes[:, :, *area]
    log2_steps = torch.tensor([s.log2_step for s in samples], dtype=torch.float32)
    tensors = (
        torch.from_numpy(a).float() for a in (levels, coded[:, None], counted[:, None], magnitudes)
    )
    levels_t, coded_t, counted_t, magnitudes_t = tensors
    return levels_t, log2_steps, coded_t, counted_t, magnitudes_t


def _numbers(values: torch.Tensor | None) -> npt.NDArray[np.float64]:
    """Weights or biases of a layer."""
    if values is None:
        raise ValueError("the layers of a context model have biases")
    return np.asarray(values.detach().double().numpy(), dtype=np.float64)


def to_integers(model: ContextModel, kind: int) -> tuple[SliceNetwork, ...]:
    """The trained model as integer networks: weights rounded to WEIGHT_BITS, planes and
    neighbourhoods in the same order.
    """
    networks, first = [], 0
    for net, width in zip(model.contexts, model.slices, strict=True):
        weight = _numbers(net.gather.weight)  # (out, planes, 3, 3)
        if weight.shape[1] != planes_of(kind, first, width):
            raise ValueError(
                f"context model sees {weight.shape[1]} planes, the bitstream"
                f" {planes_of(kind, first, width)}"
            )
        weight = weight.copy()
        weight[:, 2 * (first + width) + 1] /= (
            8  # the integer plane holds log2 of the step in eighths
        )
        scale = 1 << WEIGHT_BITS
        networks.append(
            SliceNetwork(
                gather=np.rint(weight.reshape(len(weight), -1).T * scale),
                gather_bias=np.rint(_numbers(net.gather.bias) * scale),
                mix=np.rint(_numbers(net.mix.weight)[:, :, 0, 0].T * scale),
                mix_bias=np.rint(_numbers(net.mix.bias) * scale),
                channels=width,
            )
        )
        first += width
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
    frequencies: npt.NDArray[np.int64] = 1 + np.floor(
        probabilities * (FREQUENCY_TOTAL - symbols)
    ).astype(np.int64)
    frequencies[np.arange(len(counts)), probabilities.argmax(1)] += (
        FREQUENCY_TOTAL - frequencies.sum(1)
    )
    return frequencies
