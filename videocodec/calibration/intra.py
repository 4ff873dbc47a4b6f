"""Fit everything keyframes need from a folder of pictures: phase filters, intra networks and their
tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from bitstream.v1.context_model import INTER, INTRA, LEVEL_SYMBOLS, LEVEL_TABLES
from bitstream.v1.frame_coder import FrameCoder
from bitstream.v1.quantiser import CRF_OFFSET, log2_step_eighths, step_latent
from bitstream.v1.symbol_coder import SymbolWriter
from bitstream.v1.tables import BLOCK_TABLES, CodecTables

from ..encoder.quantisation import RateDistortionQuantiser
from ..networks.context import ContextModel
from ..training.budget import Budget
from .context_networks import (
    LevelSample,
    fit_context_model,
    logistic_tables,
    to_frequencies,
    to_integers,
)
from .counting import INTRA_LEVELS, CodingStatistics
from .phase_filters import fit_phase_filters

PICTURE_CRFS = (4, 12, 20, 26, 32, 38, 44, 52)
SMOOTHING = 40.0  # how many symbols the logistic shape weighs in a fitted table


def uniform_priors() -> dict[str, np.ndarray]:
    """Equal frequencies for the block layer, to begin with."""
    return {
        name: to_frequencies(np.ones(shape), np.ones(shape), 0.0)
        for name, shape in BLOCK_TABLES.items()
    }


def code_keyframe(
    tables: CodecTables,
    latents: np.ndarray,
    quantiser: int,
    lagrangian: float,
    statistics: CodingStatistics,
) -> None:
    """Code scaled latents (C, h, w) as a keyframe, for what ``statistics`` sees of it."""
    _, height, width = latents.shape
    FrameCoder(tables, height, width, block=1).code_keyframe(
        SymbolWriter(statistics),
        quantiser,
        RateDistortionQuantiser(latents / step_latent(quantiser), lagrangian),
    )


def calibrate_intra(
    encode: Callable[[np.ndarray], np.ndarray],
    pictures: list[np.ndarray],
    slices: tuple[int, ...],
    budget: Budget,
    model: ContextModel,
    lagrangian: float,
    log: Callable[[str], None],
) -> tuple[CodecTables, ContextModel]:
    """Tables whose inter part is only a placeholder copied from intra shapes; ``calibrate_inter``
    fits that from clips.

    budget: for fitting ``model``, which is where it starts, and what is returned.
    """
    filters, errors = fit_phase_filters(encode, [p[:200, :200] for p in pictures[:16]])
    log(
        f"phase filters: mean squared error {errors.mean():.4f}, worst phase {errors.max():.4f},"
        f" phase (0, 4) {errors[0, 4]:.4f}"
    )
    latents = [encode(p[: p.shape[0] // 16 * 16, : p.shape[1] // 16 * 16]) for p in pictures]
    rng = np.random.default_rng(1)
    samples = [
        _dead_zone(z, CRF_OFFSET + int(crf))
        for z in latents
        for crf in rng.choice(PICTURE_CRFS, 3, replace=False)
    ]
    bits = fit_context_model(samples, INTRA, model, budget.part(0.6))
    log(f"intra network, dead-zone levels: {bits:.4f} bits per level")
    shapes = logistic_tables()
    smooth = to_frequencies(np.zeros((LEVEL_TABLES, LEVEL_SYMBOLS)), shapes, 1.0)
    blank = torch.Generator().manual_seed(0)
    blank_inter = to_integers(ContextModel(slices, inter=True, generator=blank), INTER)
    tables = CodecTables(
        sum(slices),
        slices,
        {INTRA: to_integers(model, INTRA), INTER: blank_inter},
        {INTRA: smooth, INTER: smooth},
        uniform_priors(),
        filters,
    )
    # The levels the encoder really sends depend on the tables; one more round over those makes both
    # agree.
    sent = _statistics(tables, latents, lagrangian, rng)
    bits = fit_context_model(sent.samples, INTRA, model, budget.part(0.4))
    log(f"intra network, rate-distortion optimised levels: {bits:.4f} bits per level")
    tables = replace(tables, networks={INTRA: to_integers(model, INTRA), INTER: blank_inter})
    sent = _statistics(tables, latents, lagrangian, rng)
    priors = to_frequencies(sent.count(INTRA_LEVELS), shapes, SMOOTHING)
    return replace(tables, level_priors={INTRA: priors, INTER: smooth}), model


def _dead_zone(latents: np.ndarray, quantiser: int) -> LevelSample:
    """Levels as a quantiser that weighs no rate chooses them."""
    scaled = latents / step_latent(quantiser)
    return LevelSample(
        (np.sign(scaled) * np.floor(np.abs(scaled) + 0.4)).astype(np.int64),
        log2_step_eighths(quantiser) / 8,
    )


def _statistics(
    tables: CodecTables, latents: list[np.ndarray], lagrangian: float, rng: np.random.Generator
) -> CodingStatistics:
    """What the encoder sends for pictures, each at a random crf."""
    statistics = CodingStatistics(sampling=True)
    for z in latents:
        quantiser = CRF_OFFSET + int(rng.choice(PICTURE_CRFS))
        code_keyframe(tables, z, quantiser, lagrangian, statistics)
    return statistics
